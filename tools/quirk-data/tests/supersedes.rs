// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `kernel-first`, tested with the transcribed code of every kernel handler: with
//! `supersedes`, no function is granted that a handler lists and refuses; without it, none that any
//! handler refuses.

#[path = "../../../src/rules/tests/common/mod.rs"]
mod common;
#[path = "handlers/in_c.rs"]
mod handlers_in_c;

use std::collections::BTreeSet;

use grouping::handlers::{Facts, Silicon};
use rules::{
    acs::AcsFlags,
    decision::{Decision, KernelVerdict, decide},
    entry::{CatchAll, Entry, Kind, Kinds},
    pcie::PcieType,
    release::Release,
    table::Table,
    withdraw::Withdrawn,
};

use common::{
    Device, Space, raw_type,
    tables::{entry, single},
};
use handlers_in_c::{Row, pci_dev_specific_acs_enabled, rows};

/// Every combination of flags.
const FLAGS: std::ops::Range<u16> = 0..0x80;

fn types() -> impl Iterator<Item = PcieType> {
    (0..=u8::MAX).filter_map(PcieType::from_raw)
}

/// The kind that applies to a type, if there is one.
fn kind_of(found: PcieType) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.applies_to(found))
}

/// The kernel's return value for a function of this type, on a machine where every handler answers.
fn kernel_says(rows: &[Row], vendor: u16, device: u16, found: PcieType, flags: u16) -> i32 {
    let facts = Facts {
        vendor,
        device: Some(device),
        pcie_type: Some(found),
        multifunction: true,
        root_bus: true,
        amd_iommu: true,
        acs: None,
        silicon: Silicon::default(),
    };
    pci_dev_specific_acs_enabled(rows, &facts, device, flags)
}

/// Whether an entry of this table grants a single function for which the kernel returns `raw`.
fn is_granted(table: &Table, ids: (u16, u16), found: PcieType, flags: u16, raw: i32) -> bool {
    let port = u8::from(found.is_claimable_port());
    let space = Space::new(ids.0, ids.1, port).with_type(raw_type(found));
    let device = Device::on([(0, space)].into(), 0)
        .of_type(raw_type(found))
        .all_known();
    let kernel = KernelVerdict::from_raw(raw);
    let asked = AcsFlags::from_bits(flags);
    let running = Release::new(7, 3);
    let decision = decide(table, &Withdrawn::NONE, running, kernel, asked, &device);
    matches!(decision, Decision::Granted(_))
}

/// The largest possible claim for these ids: every grantable flag, and a superseded handler.
fn largest(kind: Kind, supersedes: Option<CatchAll>, vendor: u16, device: u16) -> Table {
    let grants = match supersedes {
        Some(_) => AcsFlags::GROUPING,
        None => kind.grantable(),
    };
    let entry = Entry {
        kinds: Kinds::of(kind),
        grants,
        supersedes,
        ..entry(1)
    };
    single(entry, vendor, device, device)
}

/// Every device of the two vendors, with every type. If the superseded handler answers 0 and an
/// entry is granted, the handler answers 0 for every set of flags. If the handler lists the device,
/// its answer is never replaced.
#[test]
fn nothing_is_granted_that_the_superseded_handler_knows_and_refuses() {
    let all = rows();
    let (mut replaced, mut kept) = (0_u32, 0_u32);
    for handler in CatchAll::ALL {
        let vendor = handler.vendor();
        let rows: Vec<_> = all.iter().filter(|row| row.0 == vendor).copied().collect();
        for found in types() {
            let Some(kind) = kind_of(found) else { continue };
            let supersedes = handler.answers(vendor, kind).then_some(handler);
            for device in 0..=0xfffe {
                let says = |flags| kernel_says(&rows, vendor, device, found, flags);
                let answers: BTreeSet<_> = [0x00, 0x1d, 0x7f].into_iter().map(says).collect();
                let is_known = answers != BTreeSet::from([0]) && answers != BTreeSet::from([-25]);
                let table = largest(kind, supersedes, vendor, device);
                assert!(table.is_sound());
                let asked: Vec<_> = match device % 64 {
                    _ if is_known => FLAGS.collect(),
                    0 => vec![0x1d, 0x14, 0x5d],
                    _ => vec![0x1d],
                };
                for flags in asked {
                    let raw = says(flags);
                    let granted = is_granted(&table, (vendor, device), found, flags, raw);
                    let case = format!("{vendor:04x}:{device:04x} {found:?} {flags:#x}: {raw}");
                    if is_known || raw > 0 {
                        assert!(!granted, "{case}");
                        kept += 1;
                    } else if raw == 0 {
                        let within = AcsFlags::GROUPING.contains(AcsFlags::from_bits(flags));
                        assert_eq!(granted, within, "{case}");
                        replaced += u32::from(granted);
                    }
                }
            }
        }
    }
    println!(
        "{replaced} answers of 0 are replaced, {kept} answers of devices that a handler lists are kept"
    );
    assert!(replaced > 100_000 && kept > 10_000);
}

/// Every device that any handler lists and its neighbours, with every type and every set of flags:
/// an entry that supersedes no handler is granted only if the kernel has no opinion.
#[test]
fn an_entry_that_supersedes_nothing_replaces_no_answer() {
    let all = rows();
    let (mut granted, mut left) = (0_u32, 0_u32);
    for &(vendor, range, _) in &all {
        let rows: Vec<_> = all.iter().filter(|row| row.0 == vendor).copied().collect();
        let (first, last) = range.unwrap_or((0x0a01, 0x0a01));
        let near = [first.wrapping_sub(1), first, last, last.wrapping_add(1)];
        for device in near.into_iter().filter(|&device| device != 0xffff) {
            for found in types() {
                let Some(kind) = kind_of(found) else { continue };
                let table = largest(kind, None, vendor, device);
                if !table.is_sound() {
                    // A catch-all handler answers for it, so no module is built with such an entry.
                    assert!(CatchAll::ALL.iter().any(|one| one.answers(vendor, kind)));
                    continue;
                }
                for flags in FLAGS {
                    let raw = kernel_says(&rows, vendor, device, found, flags);
                    let within = kind.grantable().contains(AcsFlags::from_bits(flags));
                    let is = is_granted(&table, (vendor, device), found, flags, raw);
                    assert_eq!(
                        is,
                        raw == -25 && within,
                        "{vendor:04x}:{device:04x} {found:?} {flags:#x}: {raw}"
                    );
                    granted += u32::from(is);
                    left += u32::from(raw >= 0);
                }
            }
        }
    }
    assert!(granted > 1_000 && left > 1_000, "{granted}, {left}");
}
