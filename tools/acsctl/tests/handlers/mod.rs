// SPDX-License-Identifier: GPL-2.0-only

//! The mainline entries of the data, for tests of what the kernel's handlers answer.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::Path;

use acsctl::{folder, quirk::Quirk, source};

/// The handlers that look at the PCIe type, in `drivers/pci/quirks.c` of Linux 7.3. The other eight
/// do not.
pub(crate) const LOOK_AT_THE_TYPE: [&str; 6] = [
    "pci_quirk_cavium_acs",
    "pci_quirk_zhaoxin_pcie_ports_acs",
    "pci_quirk_intel_pch_acs",
    "pci_quirk_intel_spt_pch_acs",
    "pci_quirk_al_acs",
    "pci_quirk_rciep_acs",
];

/// The entries, with `any_type` as the handlers have it whatever the data says.
pub(crate) fn mainline() -> Vec<Quirk> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = source::read(&root.join("quirks")).expect("the data is there");
    let mut quirks = folder::check(&files, None).expect("the data has no fault");
    for quirk in &mut quirks {
        if let Some(mainline) = &mut quirk.mainline {
            mainline.any_type = !LOOK_AT_THE_TYPE.contains(&mainline.handler.as_str());
        }
    }
    quirks
}
