// SPDX-License-Identifier: GPL-2.0-only

//! Writes the rows of the kernel's table for an entry.

use super::{
    claim::Claim,
    prose,
    shape::{Select, Shape},
};
use crate::entry::{Devices, Ids};

/// Writes the rows for the devices of one vendor, with the comment above them. `vendor_name` is the
/// vendor's name in C.
pub(super) fn source(claim: &Claim<'_>, shape: &Shape, vendor: u16, vendor_name: &str) -> String {
    let row = |device: &str| format!("\t{{ {vendor_name}, {device}, {} }},\n", shape.name);
    let mut text = prose::short_comment("\t", claim.name);
    if shape.select != Select::Rows {
        return text + &row("PCI_ANY_ID");
    }
    let is_of_vendor = |group: &&Devices| group.ids.iter().any(|ids| ids.vendor == vendor);
    let groups = || claim.entry.devices.iter().filter(is_of_vendor);
    for group in groups() {
        let about = group.about.as_deref().filter(|_| groups().count() > 1);
        text.extend(about.map(|about| prose::short_comment("\t", about)));
        for device in group.ids.iter().copied().flat_map(devices) {
            text += &row(&device);
        }
    }
    text
}

/// The device field of each row for a range.
fn devices(ids: Ids) -> Vec<String> {
    if ids.is_any() {
        return vec!["PCI_ANY_ID".to_owned()];
    }
    (ids.first..=ids.last)
        .map(|device| format!("0x{device:04x}"))
        .collect()
}
