// SPDX-License-Identifier: GPL-2.0-only

//! Refuses what the programs of other operating systems print. Only Linux makes IOMMU groups, and its programs are not there.

use super::is_of_machine;
use crate::{Error, lspci, text::Line};

/// What to do on a machine with another system.
const REMEDY: &str = "boot Linux on that machine, for which a live system suffices, and run there, as root, \
                      \"lspci -D -vvvnn\"";

const ESXI: &str = "VMware ESXi";

/// The systems, with what only their programs print, in lower case.
const SYSTEMS: [(&str, &[&str]); 5] = [
    (ESXI, &["[pcie rp[", "[vmnic", "[vmhba", "vmkernel name:"]),
    ("FreeBSD", &["@pci0:"]),
    ("OpenBSD or NetBSD", &[" at pci0 dev "]),
    ("Windows", &["pci\\ven_"]),
    (
        "macOS",
        &["tunnel compatible:", "pci10de,", "pci1002,", "pci8086,"],
    ),
];

/// # Errors
///
/// The first line that another system printed, if no line is of Linux.
pub(super) fn check(name: &str, lines: &[Line]) -> Result<(), Error> {
    let begins = |line: &Line| lspci::begins_function(&line.text);
    // Nearly every text has such a line soon.
    if lines
        .iter()
        .any(|line| !begins(line) && is_of_machine(&line.text))
    {
        return Ok(());
    }
    let printed = |line: &Line| {
        let lower = line.text.to_ascii_lowercase();
        let has = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
        let found = SYSTEMS.iter().find(|(_, signs)| has(signs));
        found.map(|(system, _)| (line.number, *system))
    };
    let Some((number, system)) = lines.iter().find_map(printed) else {
        return Ok(());
    };
    // The lspci of ESXi also begins lines with addresses.
    if system != ESXI && lines.iter().any(begins) {
        return Ok(());
    }
    let problem = format!("was printed by {system}, and only Linux makes IOMMU groups");
    Err(Error::at(name, "", problem, REMEDY).on_line(number))
}
