// SPDX-License-Identifier: GPL-2.0-only

//! The view of a machine that was read without an IOMMU: of a boot with one, and as it is.

mod common;

use grouping::{Assumption, View, view, view_with_iommu};
use rules::{
    acs::AcsFlags,
    pcie::PcieType::{Endpoint, RootPort},
};
use topology::{Acs, Function, Hex, Topology};

use common::{bdf, express, function, machine, port};

const GROUPING: u16 = AcsFlags::GROUPING.bits();
/// ACS Direct Translated P2P, which grouping does not ask for.
const BESIDE: u16 = 0x40;

fn host_bridge(vendor: u16, class: u32) -> Function {
    Function {
        vendor: Hex::id(vendor),
        class: Some(Hex(class)),
        ..function("0000:00:00.0")
    }
}

/// A root port with these registers.
fn root_port(control: u16, dword8: Option<u32>) -> Function {
    Function {
        acs: Some(Acs {
            cap: Some(GROUPING),
            ctl: Some(control),
            dword8,
        }),
        ..port("0000:00:01.0", RootPort, 1, true)
    }
}

fn has_amd_iommu(view: &View<'_>) -> bool {
    let all = view.functions.iter().all(|seen| seen.amd_iommu);
    assert_eq!(all, view.functions.iter().any(|seen| seen.amd_iommu));
    all
}

#[test]
fn amds_host_bridge_has_amds_iommu() {
    for (vendor, class, is_amd) in [
        (0x1022, 0x06_0000, true),
        (0x1002, 0x06_0000, true),
        (0x8086, 0x06_0000, false),
        (0x1022, 0x06_0400, false),
        (0x1022, 0x01_0600, false),
    ] {
        let topology = machine(vec![host_bridge(vendor, class), function("0000:00:01.0")]);
        assert_eq!(
            has_amd_iommu(&view_with_iommu(&topology)),
            is_amd,
            "{vendor:04x} {class:06x}"
        );
        assert!(!has_amd_iommu(&view(&topology)));
        let named = |iommu: &str| Topology {
            iommu: Some(iommu.to_owned()),
            ..topology.clone()
        };
        for (name, is_amds) in [("AMD-Vi", true), ("Intel VT-d", false)] {
            assert_eq!(has_amd_iommu(&view_with_iommu(&named(name))), is_amds);
            assert_eq!(has_amd_iommu(&view(&named(name))), is_amds);
        }
    }
    // A machine with groups had an IOMMU, whichever it was.
    let mut topology = machine(vec![host_bridge(0x1022, 0x06_0000)]);
    topology.functions[0].iommu_group = Some(1);
    assert!(!has_amd_iommu(&view_with_iommu(&topology)));
}

#[test]
fn acs_that_is_off_is_on_at_boot() {
    for (control, is_said) in [
        (0, true),
        (1, true),
        (BESIDE, true),
        (GROUPING, false),
        (GROUPING | BESIDE, false),
    ] {
        let topology = machine(vec![
            host_bridge(0x8086, 0x06_0000),
            root_port(control, None),
        ]);
        let registers = |view: &View<'_>| view.functions[1].acs.map(|acs| acs.control.bits());
        let (off, on) = (view(&topology), view_with_iommu(&topology));
        assert_eq!(registers(&off), Some(control));
        assert_eq!(registers(&on), Some(control | GROUPING));
        assert_eq!(off.assumptions, []);
        let said = (bdf("0000:00:01.0"), Assumption::AcsAtBoot);
        assert_eq!(on.assumptions.contains(&said), is_said, "{control:#x}");
        let mut grouped = topology.clone();
        grouped.functions[0].iommu_group = Some(1);
        assert_eq!(registers(&view_with_iommu(&grouped)), Some(control));
    }
}

/// Intel's chipset ports have ACS Control at offset 8 of the capability, as a dword.
#[test]
fn the_dword_behind_the_capability_is_on_at_boot() {
    let grouping = u32::from(GROUPING);
    for (before, at_boot) in [
        (Some(0), Some(grouping)),
        (Some(0x40), Some(grouping | 0x40)),
        (Some(grouping), Some(grouping)),
        (None, None),
    ] {
        let topology = machine(vec![root_port(0, before)]);
        assert_eq!(view(&topology).functions[0].acs_dword8, before);
        assert_eq!(view_with_iommu(&topology).functions[0].acs_dword8, at_boot);
    }
    let topology = machine(vec![express("0000:00:01.0", Endpoint)]);
    assert_eq!(view(&topology).functions[0].acs_dword8, None);
}
