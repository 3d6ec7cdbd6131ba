// SPDX-License-Identifier: GPL-2.0-only

//! `pci_dev_specific_acs_enabled()` and its handlers in `drivers/pci/quirks.c` of Linux 7.3,
//! transcribed under the same names so that both can be read side by side. The properties of a
//! device come from [`Facts`], the ids from the newest list in `quirks/kernels/`.

use grouping::handlers::Facts;
use quirk_data::kernels::{self, Which};
use rules::pcie::PcieType;

const ENOTTY: i32 = -25;
const ENODEV: i32 = -19;

pub(crate) const SV: u16 = 0x01;
const TB: u16 = 0x02;
pub(crate) const RR: u16 = 0x04;
pub(crate) const CR: u16 = 0x08;
pub(crate) const UF: u16 = 0x10;
const EC: u16 = 0x20;
const DT: u16 = 0x40;

/// A row: vendor, first and last device or any, handler.
pub(crate) type Row = (u16, Option<(u16, u16)>, &'static str);

/// The rows, in the order of the kernel's table.
pub(crate) fn rows() -> Vec<Row> {
    let newest = kernels::known().last().expect("one was read");
    let rows = newest.rows.iter().map(|row| {
        let devices = match row.devices {
            Which::Range(first, last) => Some((first, last)),
            Which::Any => None,
            Which::Unread => panic!("not read: {row:?}"),
        };
        (row.vendor, devices, row.handler.as_str())
    });
    rows.collect()
}

/// Whether the handler itself lists the device.
fn has(rows: &[Row], handler: &str, device: u16) -> bool {
    rows.iter().any(|&(_, devices, name)| {
        name == handler && devices.is_some_and(|(first, last)| (first..=last).contains(&device))
    })
}

fn pci_acs_ctrl_enabled(req: u16, ena: u16) -> i32 {
    i32::from(req & ena == req)
}

/// A handler. `device` is the device id.
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

/// The handlers with a row for every device of a vendor.
const FOR_ANY_DEVICE: [&str; 6] = [
    "pci_quirk_rciep_acs",
    "pci_quirk_intel_pch_acs",
    "pci_quirk_intel_spt_pch_acs",
    "pci_quirk_cavium_acs",
    "pci_quirk_zhaoxin_pcie_ports_acs",
    "pci_quirk_wangxun_nic_acs",
];

/// The kernel's answer for a device with this id, which [`Facts`] need not contain. `rows` must
/// include those of its vendor.
pub(crate) fn pci_dev_specific_acs_enabled(
    rows: &[Row],
    dev: &Facts,
    device: u16,
    acs_flags: u16,
) -> i32 {
    let mut asked = "";
    for &(vendor, devices, name) in rows {
        let any = FOR_ANY_DEVICE.contains(&name);
        let is_it = devices.is_none_or(|(first, last)| (first..=last).contains(&device));
        // The rows for one row of the kernel's table are consecutive.
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
