// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `whole`, the record: a function that the kernel knows must answer and be covered.
//! `shared/whole.rs` has more.

mod common;

use common::{
    adapter, check_adapter, member, not_covered,
    shared::whole::{with_function_7, UNREADABLE},
    Device, Space,
};
use rules::{device::Record, whole::Fault};

/// Each function of the adapter in turn stops answering. The claim of the others counts only while
/// the kernel does not know that function. Without function 0 there is no claim.
#[test]
fn a_function_that_does_not_answer_is_missed() {
    for own in 0..6 {
        for silent in (0..6).filter(|&silent| silent != own) {
            let mut device = Device::on(adapter(), own);
            device.bus.remove(&silent);
            let unreadable = Err(Fault::Unreadable { devfn: silent });
            let unknown = if silent == 0 { unreadable } else { Ok(()) };
            assert_eq!(check_adapter(&device), unknown, "{own}, {silent}");
            device.records.insert(silent, Record::Known);
            assert_eq!(check_adapter(&device), unreadable, "{own}, {silent}");
        }
    }
}

/// The check reads the record for every function of the device number, including the function
/// itself, and for no other.
#[test]
fn the_record_of_the_slot_counts() {
    for slot in [0x00, 0x08, 0xf8] {
        let bus = adapter()
            .into_iter()
            .map(|(devfn, space)| (slot | devfn, space));
        let device = Device::on(bus.collect(), slot | 2);
        for devfn in 0..=u8::MAX {
            for (record, fault) in [
                (Record::Exposed, Fault::Exposed { devfn }),
                (Record::Incomplete, Fault::Unreadable { devfn }),
            ] {
                let mut device = device.clone();
                device.records = [(devfn, record)].into();
                let is_in_slot = devfn & !7 == slot;
                let expected = if is_in_slot { Err(fault) } else { Ok(()) };
                assert_eq!(check_adapter(&device), expected, "{devfn:#x} {record:?}");
            }
        }
    }
}

/// A function that the kernel knows counts even if function 0 has no multi-function bit.
#[test]
fn the_record_counts_without_the_multi_function_bit() {
    let alone = Space::new(0x1077, 0x8030, 0x00);
    let mut device = Device::on([(0, alone)].into(), 0);
    device.change(3, |_| Space::new(0x8086, 0x10d3, 0x80));
    assert_eq!(check_adapter(&device), Ok(()));
    device.records.insert(3, Record::Known);
    let expected = Err(not_covered(3, 0x8086, 0x10d3));
    assert_eq!(check_adapter(&device), expected);
    device.bus.insert(3, member());
    assert_eq!(check_adapter(&device), Ok(()));
}

/// The record does not replace a missing multi-function bit.
#[test]
fn the_record_does_not_account_for_the_function_that_is_asked_about() {
    let mut device = Device::on(adapter(), 2).all_known();
    assert_eq!(check_adapter(&device), Ok(()));
    device.change(0, |space| space.with(0x0c, 0));
    assert_eq!(check_adapter(&device), Err(Fault::Unaccounted));
}

/// A virtual function is not in the record and reads as absent.
#[test]
fn virtual_functions_do_not_matter() {
    let virtual_function = || Space::new(0xffff, 0xffff, 0x00).with_acs(0x100);
    let device = with_function_7(Some(virtual_function()), Record::None);
    assert_eq!(check_adapter(&device), Ok(()));
    let known = with_function_7(Some(virtual_function()), Record::Known);
    assert_eq!(check_adapter(&known), UNREADABLE);
}

#[test]
fn functions_that_fall_silent_end_the_claim() {
    // Eight functions, because an absent one reads as all ones anyway.
    let mut bus = adapter();
    for number in [6, 7] {
        bus.insert(number, bus[&0].clone());
    }
    for own in 0..8 {
        let mut device = Device::on(bus.clone(), own).all_known();
        assert_eq!(check_adapter(&device), Ok(()));
        device.fall_silent_at_each_read(check_adapter).unwrap();
    }
}
