// SPDX-License-Identifier: GPL-2.0-only

//! Compares the answers of the kernel's handlers according to the entries with the transcribed
//! code: each of the 14 handlers, for every device in the newest list in `quirks/kernels/`, their
//! neighbours, and other devices of the same vendors.

#[path = "handlers/in_c.rs"]
mod handlers_in_c;

mod handlers;

use std::collections::BTreeSet;

use grouping::handlers::{Acs, Facts};
use rules::{acs::AcsFlags, decision::KernelVerdict, pcie::PcieType};

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

#[test]
fn a_verdict_names_its_entry_and_what_was_assumed() {
    let entries = entries();
    let verdicts = quirk_data::handlers::newest(&entries);
    let port = Facts {
        vendor: 0x8086,
        device: Some(0x1e10),
        pcie_type: Some(PcieType::RootPort),
        multifunction: true,
        root_bus: true,
        amd_iommu: false,
        acs: None,
    };
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
    assert_eq!(ask(&port), (isolated, Some("intel/pch-pantherpoint"), true));
    let unlisted = Facts {
        device: Some(0x1e20),
        ..port
    };
    assert_eq!(ask(&unlisted), (KernelVerdict::NoOpinion, None, false));
    let unknown = Facts {
        device: None,
        ..port
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
        ..port
    };
    assert_eq!(ask(&wangxun), (KernelVerdict::NotIsolated, None, false));
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
