// SPDX-License-Identifier: GPL-2.0-only

//! Compares the answers of the kernel's handlers according to the entries with the transcribed
//! code: each of the 14 handlers, for every device in the newest list in `quirks/kernels/`, their
//! neighbours, and other devices of the same vendors.

#[path = "handlers/in_c.rs"]
mod handlers_in_c;

mod handlers;

use std::collections::BTreeSet;

use grouping::handlers::{Acs, Facts, Silicon};
use quirk_data::{
    entry::Entry,
    limits::Limits,
    register::{Precondition, Register},
};
use rules::{
    acs::AcsFlags, condition::Place, decision::KernelVerdict, limits::Class, pcie::PcieType,
};

use handlers::entries;
use handlers_in_c::{CR, RR, SV, UF, pci_dev_specific_acs_enabled, rows};

/// Every combination of the properties that handlers read.
fn situations() -> Vec<Facts> {
    let types = (0x0..=0xf)
        .filter_map(PcieType::from_raw)
        .map(Some)
        .chain([None]);
    let acs = |capability, dword8| {
        let capability = AcsFlags::from_bits(capability);
        Some(Acs { capability, dword8 })
    };
    let capabilities = [
        None,
        acs(0x1d, None),
        acs(0x1d, Some(0x1d)),
        acs(0x1d, Some(0x0d)),
        acs(0x0d, Some(0x0d)),
        acs(0x00, Some(0)),
    ];
    let mut all = Vec::new();
    for pcie_type in types {
        // Only one handler, for root ports, reads registers.
        let root_port = pcie_type == Some(PcieType::RootPort);
        let capabilities = if root_port {
            &capabilities[..]
        } else {
            &[None]
        };
        for bits in 0..8_u8 {
            for &acs in capabilities {
                all.push(Facts {
                    vendor: 0,
                    device: None,
                    pcie_type,
                    multifunction: bits & 1 != 0,
                    root_bus: bits & 2 != 0,
                    amd_iommu: bits & 4 != 0,
                    acs,
                    silicon: Silicon::default(),
                });
            }
        }
    }
    all
}

#[test]
fn each_device_gets_the_verdict_of_its_handler() {
    let entries = entries();
    let verdicts = quirk_data::handlers::newest(&entries);
    let rows = rows();
    let mut devices = BTreeSet::new();
    for &(vendor, range, _) in &rows {
        let (first, last) = range.unwrap_or((0x0001, 0xfffe));
        let near = [first.wrapping_sub(1), last.wrapping_add(1), first, last];
        let within = if last - first < 8 {
            (first..=last).collect()
        } else {
            vec![first + 26]
        };
        let others = [0x0000, 0x1234, 0xfffe];
        let all = near.into_iter().chain(within).chain(others);
        devices.extend(all.map(|device| (vendor, device)));
    }
    devices.insert((0x1077, 0x8030));
    let situations = situations();
    // The kernel's requests, for grouping and for PASID, and single flags of them.
    let questions = [SV | RR | CR | UF, RR | UF, SV, CR];
    let (mut asked, mut opinions) = (0_u64, 0_u64);
    for &(vendor, device) in &devices {
        let of_vendor = rows.iter().filter(|row| row.0 == vendor);
        let rows: Vec<_> = of_vendor.copied().collect();
        for facts in &situations {
            let facts = Facts {
                vendor,
                device: Some(device),
                ..*facts
            };
            for flags in questions {
                let expected = pci_dev_specific_acs_enabled(&rows, &facts, device, flags);
                let expected = KernelVerdict::from_raw(expected);
                let found = verdicts.verdict(&facts, AcsFlags::from_bits(flags));
                assert_eq!(
                    found.kernel, expected,
                    "{vendor:04x}:{device:04x} {flags:#x} {facts:?}"
                );
                asked += 1;
                opinions += u64::from(expected != KernelVerdict::NoOpinion);
            }
        }
    }
    println!(
        "{} devices, {asked} questions, {opinions} with an opinion",
        devices.len()
    );
}

/// A root port of `intel/pch-pantherpoint`.
const PORT: Facts = Facts {
    vendor: 0x8086,
    device: Some(0x1e10),
    pcie_type: Some(PcieType::RootPort),
    multifunction: true,
    root_bus: true,
    amd_iommu: false,
    acs: None,
    silicon: Silicon {
        class: None,
        revision: None,
        subsystem: None,
    },
};

#[test]
fn a_verdict_names_its_entry_and_what_was_assumed() {
    let entries = entries();
    let verdicts = quirk_data::handlers::newest(&entries);
    let ask = |facts: &Facts| {
        let found = verdicts.verdict(facts, AcsFlags::GROUPING);
        (
            found.kernel,
            found
                .by
                .and_then(|number| entries.iter().find(|entry| entry.number == number))
                .map(|entry| entry.name.as_str()),
            found.assumed,
        )
    };
    let isolated = KernelVerdict::Isolated;
    assert_eq!(ask(&PORT), (isolated, Some("intel/pch-pantherpoint"), true));
    let unlisted = Facts {
        device: Some(0x1e20),
        ..PORT
    };
    assert_eq!(ask(&unlisted), (KernelVerdict::NoOpinion, None, false));
    let unknown = Facts {
        device: None,
        ..PORT
    };
    assert_eq!(ask(&unknown), (KernelVerdict::NoOpinion, None, false));
    let integrated = Facts {
        pcie_type: Some(PcieType::RcEndpoint),
        ..unknown
    };
    assert_eq!(ask(&integrated), (isolated, Some("intel/rciep"), false));
    let wangxun = Facts {
        vendor: 0x8088,
        device: Some(0x0fff),
        ..PORT
    };
    assert_eq!(ask(&wangxun), (KernelVerdict::NotIsolated, None, false));
}

/// The handler of an entry with limits answers within them. Where they are unknown, nothing is claimed, and the answer is
/// marked.
#[test]
fn a_handler_has_the_limits_of_its_entry() {
    let mut entry = entries()
        .into_iter()
        .find(|entry| entry.name == "intel/pch-pantherpoint")
        .expect("it is there");
    let answer = |entry: &Entry, silicon| {
        let facts = Facts { silicon, ..PORT };
        let handlers = quirk_data::handlers::newest([entry]);
        let found = handlers.verdict(&facts, AcsFlags::GROUPING);
        (found.kernel, found.assumed)
    };
    if let Some(mainline) = &mut entry.mainline {
        mainline.not_expressed = None;
    }
    let isolated = (KernelVerdict::Isolated, false);
    let silent = (KernelVerdict::NoOpinion, false);
    let unknown = (KernelVerdict::NotIsolated, true);
    let seen = Silicon {
        class: Some(0x06_0400),
        revision: Some(1),
        subsystem: Some((0x1028, 0x0010)),
    };
    assert_eq!(answer(&entry, Silicon::default()), isolated);
    let limited = |change: fn(&mut Limits)| {
        let mut entry = entry.clone();
        for devices in &mut entry.devices {
            change(&mut devices.limits);
        }
        entry
    };
    for (entry, inside, outside) in [
        (
            limited(|limits| limits.revisions = Some((1, 0xff))),
            seen,
            Silicon {
                revision: Some(0),
                ..seen
            },
        ),
        (
            limited(|limits| limits.class = Some(Class::Subclass(0x0604))),
            seen,
            Silicon {
                class: Some(0x02_0000),
                ..seen
            },
        ),
        (
            limited(|limits| limits.subsystems = vec![(0x1028, 0x0010)]),
            seen,
            Silicon {
                subsystem: Some((0x1028, 0x0011)),
                ..seen
            },
        ),
    ] {
        assert_eq!(answer(&entry, inside), isolated);
        assert_eq!(answer(&entry, outside), silent);
        assert_eq!(answer(&entry, Silicon::default()), unknown);
    }
    let two = limited(|limits| {
        limits.revisions = Some((1, 0xff));
        limits.class = Some(Class::Subclass(0x0200));
    });
    let other_class = Silicon {
        revision: None,
        ..seen
    };
    assert_eq!(answer(&two, other_class), silent);
    entry.conditions.push(Precondition {
        register: Register {
            at: Place::Config,
            offset: 0x40,
            width: 8,
            mask: 1,
        },
        value: 1,
        about: "a strap".to_owned(),
    });
    assert_eq!(answer(&entry, seen), unknown);
}

/// Without a catch-all's entries, there is no answer for the ids that it catches.
#[test]
fn without_entries_nothing_has_an_opinion() {
    let facts = Facts {
        vendor: 0x8088,
        device: Some(0x0fff),
        ..situations()[0]
    };
    let found = quirk_data::handlers::newest(&[]).verdict(&facts, AcsFlags::GROUPING);
    assert_eq!(found.kernel, KernelVerdict::NoOpinion);
}
