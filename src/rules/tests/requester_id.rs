// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `closed`, requester IDs: a function that sends under the requester ID of another
//! function shares its group, regardless of any statement.

mod common;

use common::{
    adapter, check_adapter,
    tables::{entry, row, table},
    Device, Space,
};
use rules::{
    aliases::{Devices, ALL},
    whole::Fault,
};

const ALIASED: Result<(), Fault> = Err(Fault::Aliased { devfn: 2 });

/// Functions 0 and 2 both send under the number of function 1, which is absent, so they have one
/// requester ID. The kernel keeps them together only while neither is granted:
/// `tools/grouping/tests/requester_id.rs`.
#[test]
fn two_functions_that_send_as_a_third_are_one() {
    let mut bus = adapter();
    bus.remove(&1);
    let mut device = Device::on(bus, 2).all_known();
    assert_eq!(check_adapter(&device), Ok(()));
    device.aliases = [(0, 1), (2, 1)].into();
    assert_eq!(check_adapter(&device), ALIASED);
}

/// Aliases into and out of the device count, also from another device number. Aliases among other
/// devices do not.
#[test]
fn requester_ids_may_not_cross_the_border_of_the_device() {
    for (alias, expected) in [
        ((2, 3), ALIASED),
        ((3, 2), ALIASED),
        ((5, 0x08), ALIASED),
        ((0x08, 7), ALIASED),
        ((0x08, 0x10), Ok(())),
        ((0xf8, 0x08), Ok(())),
    ] {
        let mut device = Device::on(adapter(), 2).all_known();
        device.aliases = [alias].into();
        assert_eq!(check_adapter(&device), expected, "{alias:?}");
    }
}

/// The quirk runs when its function is set up. On hot-add that is after the question about function
/// 0.
#[test]
fn ids_of_alias_quirks_end_the_claim_before_the_quirk_acts() {
    for &Devices { vendor, devices } in ALL.into_iter().flatten() {
        for &id in devices {
            let mut device = Device::on(adapter(), 2);
            device.change(6, |_| Space::new(vendor, id, 0x80));
            let expected = Err(Fault::Aliased { devfn: 6 });
            assert_eq!(check_adapter(&device), expected, "{vendor:04x}:{id:04x}");
        }
    }
}

/// No sound table contains an id with an alias quirk; the neighbouring ids are allowed.
#[test]
fn no_table_claims_the_ids_of_alias_quirks() {
    for vendor in [0x1b4b, 0x10b5, 0x1180] {
        for device in 0x0000..=0xffff {
            let mut lists = ALL.into_iter().flatten();
            let is_aliased =
                lists.any(|list| list.vendor == vendor && list.devices.contains(&device));
            let table = table(vec![entry(1)], vec![row(vendor, device, device, 0)]);
            assert_eq!(table.is_sound(), !is_aliased, "{vendor:04x}:{device:04x}");
        }
    }
    let around = table(vec![entry(1)], vec![row(0x1b4b, 0x9100, 0x9130, 0)]);
    assert!(!around.is_sound());
}
