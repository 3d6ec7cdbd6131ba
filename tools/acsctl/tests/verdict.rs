// SPDX-License-Identifier: GPL-2.0-only

//! What the data says that the kernel's handlers answer, against their code put down as it stands:
//! each of the 14 handlers, for every device that `in-tree-7.3.txt` lists, for their neighbours and
//! for others of the same vendors.

mod handlers;

use std::collections::BTreeSet;

use acsctl::verdict::{Acs, Facts, Verdicts};
use handlers::entries;
use isolation::{acs::AcsFlags, decision::KernelVerdict, pcie::PcieType};

const LIST: &str = include_str!("in-tree-7.3.txt");

const ENOTTY: i32 = -25;
const ENODEV: i32 = -19;

const SV: u16 = 0x01;
const TB: u16 = 0x02;
const RR: u16 = 0x04;
const CR: u16 = 0x08;
const UF: u16 = 0x10;
const EC: u16 = 0x20;
const DT: u16 = 0x40;

/// A row of the list: vendor, first and last device or any, handler.
type Row = (u16, Option<(u16, u16)>, &'static str);

fn rows() -> Vec<Row> {
    let id = |text| u16::from_str_radix(text, 16).expect("an id");
    let lines = LIST
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let words: Vec<_> = line.split(' ').collect();
            let (first, last) = words[1].split_once('-').unwrap_or((words[1], words[1]));
            let devices = (words[1] != "any").then(|| (id(first), id(last)));
            (id(words[0]), devices, words[2])
        })
        .collect()
}

/// Whether the handler's own list has the device.
fn has(rows: &[Row], handler: &str, device: u16) -> bool {
    rows.iter().any(|&(_, devices, name)| {
        name == handler && devices.is_some_and(|(first, last)| (first..=last).contains(&device))
    })
}

fn pci_acs_ctrl_enabled(req: u16, ena: u16) -> i32 {
    i32::from(req & ena == req)
}

/// A handler. `device` is the id, which [`Facts`] knows.
fn handler(rows: &[Row], name: &str, dev: &Facts, device: u16, acs_flags: u16) -> i32 {
    let root_port = dev.pcie_type == Some(PcieType::RootPort);
    let all = SV | RR | CR | UF;
    match name {
        "pci_quirk_amd_sb_acs" => {
            if !dev.multifunction || !dev.root_bus || !dev.amd_iommu {
                return ENODEV;
            }
            pci_acs_ctrl_enabled(acs_flags & (RR | CR | EC | DT), RR | CR)
        }
        "pci_quirk_cavium_acs" => {
            let listed = matches!(device, 0xa000..=0xa7ff | 0xaf84 | 0xb884);
            if !root_port || !listed {
                return ENOTTY;
            }
            pci_acs_ctrl_enabled(acs_flags, all)
        }
        "pci_quirk_zhaoxin_pcie_ports_acs" => {
            if !root_port && dev.pcie_type != Some(PcieType::DownstreamPort) {
                return ENOTTY;
            }
            match device {
                0x0710..=0x071e | 0x0721 | 0x0723..=0x0752 => pci_acs_ctrl_enabled(acs_flags, all),
                _ => 0,
            }
        }
        "pci_quirk_intel_pch_acs" => {
            if !root_port || !has(rows, name, device) {
                return ENOTTY;
            }
            // Taken as set up: PCI_DEV_FLAGS_ACS_ENABLED_QUIRK.
            pci_acs_ctrl_enabled(acs_flags, all)
        }
        "pci_quirk_al_acs" => {
            if !root_port {
                return ENOTTY;
            }
            i32::from(acs_flags & !all == 0)
        }
        "pci_quirk_intel_spt_pch_acs" => {
            let listed = matches!(
                device,
                0xa110..=0xa11f | 0xa167..=0xa16a | 0xa290..=0xa29f | 0xa2e7..=0xa2ee | 0x9d10..=0x9d1b
            );
            if !root_port || !listed {
                return ENOTTY;
            }
            let Some(acs) = dev.acs else { return ENOTTY };
            let Some(ctrl) = acs.dword8 else { return 1 };
            let acs_flags = acs_flags & (acs.capability.bits() | EC);
            i32::from(u32::from(acs_flags) & ctrl == u32::from(acs_flags))
        }
        "pci_quirk_mf_endpoint_acs" => pci_acs_ctrl_enabled(acs_flags, all | TB | DT),
        "pci_quirk_rciep_acs" => {
            if dev.pcie_type != Some(PcieType::RcEndpoint) {
                return ENOTTY;
            }
            pci_acs_ctrl_enabled(acs_flags, all)
        }
        "pci_quirk_wangxun_nic_acs" => match device {
            0x0100..=0x010f
            | 0x1001
            | 0x2001
            | 0x5010
            | 0x5025
            | 0x5040
            | 0x5110
            | 0x5125
            | 0x5140 => pci_acs_ctrl_enabled(acs_flags, all),
            _ => 0,
        },
        "pci_quirk_xgene_acs"
        | "pci_quirk_qcom_rp_acs"
        | "pci_quirk_nxp_rp_acs"
        | "pci_quirk_brcm_acs"
        | "pci_quirk_loongson_acs" => pci_acs_ctrl_enabled(acs_flags, all),
        _ => panic!("no handler is called {name}"),
    }
}

/// The handlers to which the table gives every device of a vendor.
const FOR_ANY_DEVICE: [&str; 6] = [
    "pci_quirk_rciep_acs",
    "pci_quirk_intel_pch_acs",
    "pci_quirk_intel_spt_pch_acs",
    "pci_quirk_cavium_acs",
    "pci_quirk_zhaoxin_pcie_ports_acs",
    "pci_quirk_wangxun_nic_acs",
];

fn pci_dev_specific_acs_enabled(rows: &[Row], dev: &Facts, device: u16, acs_flags: u16) -> i32 {
    let mut asked = "";
    for &(vendor, devices, name) in rows {
        let any = FOR_ANY_DEVICE.contains(&name);
        let is_it = devices.is_none_or(|(first, last)| (first..=last).contains(&device));
        // The rows that stand for one entry of the table follow each other.
        if vendor == dev.vendor && (is_it || any && asked != name) {
            asked = name;
            let ret = handler(rows, name, dev, device, acs_flags);
            if ret >= 0 {
                return ret;
            }
        }
    }
    ENOTTY
}

/// Every combination of what the handlers look at.
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
        // Only one handler, for root ports, looks at registers.
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
    let quirks = entries();
    let verdicts = Verdicts::of(&quirks);
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
    // All that the kernel asks for, the grouping and PASID, and single flags of those.
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
    let quirks = entries();
    let verdicts = Verdicts::of(&quirks);
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
            found.by.map(|quirk| quirk.name.as_str()),
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

/// Where the data lacks a catch-all's entries, nothing is known of what it catches.
#[test]
fn without_entries_nothing_has_an_opinion() {
    let facts = Facts {
        vendor: 0x8088,
        device: Some(0x0fff),
        ..situations()[0]
    };
    let found = Verdicts::of(&[]).verdict(&facts, AcsFlags::GROUPING);
    assert_eq!(found.kernel, KernelVerdict::NoOpinion);
}
