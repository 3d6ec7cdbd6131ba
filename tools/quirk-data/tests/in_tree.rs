// SPDX-License-Identifier: GPL-2.0-only

//! Compares the mainline entries with the newest list in `quirks/kernels/`: they must state exactly
//! the rows of its `drivers/pci/quirks.c`.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use quirk_data::{
    entry::{AcsRegisters, Entry, Mainline, Requirement},
    folder::{self, Scope},
    kernels::{self, Kernel, Which},
    register::{Register, Written},
};
use rules::{acs::AcsFlags, condition::Place, entry::Kind};

use common::root;

/// The number of rows of `pci_dev_acs_enabled[]`.
const TABLE_ENTRIES: usize = 132;

/// The handlers with a row for every device of a vendor, one entry each.
const FOR_ANY_DEVICE: [&str; 6] = [
    "pci_quirk_rciep_acs",
    "pci_quirk_intel_pch_acs",
    "pci_quirk_intel_spt_pch_acs",
    "pci_quirk_cavium_acs",
    "pci_quirk_zhaoxin_pcie_ports_acs",
    "pci_quirk_wangxun_nic_acs",
];

/// The handlers whose answer an entry cannot express.
const NOT_EXPRESSED: [&str; 1] = ["pci_quirk_intel_pch_acs"];

/// Vendor, device or any, handler.
type Row<'a> = (u16, Option<u16>, &'a str);

fn mainline() -> Vec<(Entry, Mainline)> {
    let data = root().join("quirks");
    let entries = folder::load(&data, Scope::now(None)).expect("the data has no fault");
    let merged = entries.into_iter().filter_map(|entry| {
        let mainline = entry.mainline.clone()?;
        Some((entry, mainline))
    });
    merged.collect()
}

/// The newest listed kernel.
fn newest() -> &'static Kernel {
    kernels::known().last().expect("one was read")
}

/// The rows of its list: vendor, first and last device or any, handler.
fn lines() -> impl Iterator<Item = (u16, Option<(u16, u16)>, &'static str)> {
    newest().rows.iter().map(|row| {
        let devices = match row.devices {
            Which::Range(first, last) => Some((first, last)),
            Which::Any => None,
            Which::Unread => panic!("not read: {row:?}"),
        };
        (row.vendor, devices, row.handler.as_str())
    })
}

/// A row for each device.
fn rows(vendor: u16, devices: Option<(u16, u16)>, handler: &str) -> Vec<Row<'_>> {
    match devices {
        None => vec![(vendor, None, handler)],
        Some((first, last)) => (first..=last)
            .map(|device| (vendor, Some(device), handler))
            .collect(),
    }
}

#[test]
fn the_data_has_every_quirk_of_linux_and_no_other() {
    let mut listed = BTreeSet::new();
    for (vendor, devices, handler) in lines() {
        for row in rows(vendor, devices, handler) {
            assert!(listed.insert(row), "listed twice: {row:04x?}");
        }
    }
    let data = mainline();
    let mut stated = BTreeSet::new();
    let release = newest().release;
    let merged = data
        .iter()
        .filter(|(_, mainline)| !mainline.is_missing_in(release));
    for (entry, mainline) in merged {
        for ids in entry.ids() {
            let devices = (!ids.is_any()).then_some((ids.first, ids.last));
            stated.extend(rows(ids.vendor, devices, &mainline.handler));
        }
    }
    let missing: Vec<_> = listed.difference(&stated).collect();
    assert!(missing.is_empty(), "not in the data: {missing:04x?}");
    let more: Vec<_> = stated.difference(&listed).collect();
    assert!(more.is_empty(), "not in Linux: {more:04x?}");
}

#[test]
fn the_list_has_as_many_entries_as_the_table() {
    let mut entries: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, _, handler) in lines() {
        let count = entries.entry(handler).or_default();
        *count = if FOR_ANY_DEVICE.contains(&handler) {
            1
        } else {
            *count + 1
        };
    }
    assert_eq!(entries.values().sum::<usize>(), TABLE_ENTRIES);
    let told = |handler: &&str| !NOT_EXPRESSED.contains(handler);
    let expressed: usize = entries
        .iter()
        .filter(|(handler, _)| told(handler))
        .map(|(_, count)| count)
        .sum();
    println!(
        "expressed: {expressed} of {TABLE_ENTRIES} entries, {} of {} handlers; not expressed: {}",
        entries.keys().filter(|handler| told(handler)).count(),
        entries.len(),
        NOT_EXPRESSED.join(", ")
    );
}

/// The entries' claims, beyond the ids, are the handlers' answers.
#[test]
fn the_entries_say_what_their_handlers_answer() {
    const MF: AcsFlags = Kind::MfEndpoint.grantable();
    const SOUTHBRIDGE: AcsFlags = AcsFlags::GROUPING.union(AcsFlags::TB);
    const SOUTHBRIDGE_ONLY: [Requirement; 3] = [
        Requirement::Multifunction,
        Requirement::RootBus,
        Requirement::AmdIommu,
    ];
    const PORTS: [Kind; 2] = [Kind::RootPort, Kind::DownstreamPort];
    for (entry, mainline) in mainline() {
        let (kinds, acs): (&[Kind], AcsFlags) = match mainline.handler.as_str() {
            "pci_quirk_mf_endpoint_acs" => (&[Kind::MfEndpoint], MF),
            "pci_quirk_amd_sb_acs" => (&[Kind::MfEndpoint], SOUTHBRIDGE),
            "pci_quirk_wangxun_nic_acs" => (&[Kind::MfEndpoint], AcsFlags::GROUPING),
            "pci_quirk_rciep_acs" => (&[Kind::RcEndpoint], AcsFlags::GROUPING),
            "pci_quirk_zhaoxin_pcie_ports_acs" => (&PORTS, AcsFlags::GROUPING),
            "pci_quirk_intel_spt_pch_acs" => (&[Kind::RootPort], AcsFlags::NONE),
            _ => (&[Kind::RootPort], AcsFlags::GROUPING),
        };
        let name = &entry.name;
        assert_eq!(entry.kinds().collect::<Vec<_>>(), kinds, "{name}");
        assert_eq!(entry.acs, acs, "{name}");

        let by_registers = mainline.handler == "pci_quirk_intel_spt_pch_acs";
        let registers = by_registers.then_some(AcsRegisters::Dword);
        assert_eq!(entry.acs_registers, registers, "{name}");
        // `pci_quirk_enable_intel_spt_pch_acs()`: ACS Control is the dword at offset 8. The kernel
        // sets those bits of it that the capability has and that grouping asks for.
        let program: Vec<_> = entry
            .program
            .iter()
            .map(|one| (&one.register, one.value))
            .collect();
        let control = Register {
            at: Place::Extended(0x000d),
            offset: 8,
            width: 32,
            mask: AcsFlags::GROUPING.bits().into(),
        };
        let expected = by_registers.then_some((&control, Written::AsCapable));
        assert_eq!(program, Vec::from_iter(expected), "{name}");
        let southbridge = mainline.handler == "pci_quirk_amd_sb_acs";
        let requires = if southbridge {
            &SOUTHBRIDGE_ONLY[..]
        } else {
            &[]
        };
        assert_eq!(entry.requires, requires, "{name}");
        let not_expressed = NOT_EXPRESSED.contains(&mainline.handler.as_str());
        assert_eq!(mainline.not_expressed.is_some(), not_expressed, "{name}");
    }
}
