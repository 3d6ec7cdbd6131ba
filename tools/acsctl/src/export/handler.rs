// SPDX-License-Identifier: GPL-2.0-only

//! The C source of a handler of a vendor's own.

use isolation::acs::AcsFlags;

use super::{
    claim::Claim,
    known::types,
    prose::{self, WIDTH, columns},
    shape::{Own, Select},
};
use crate::quirk::Ids;

/// Writes a handler with the comment above it.
pub(super) fn source(claim: &Claim<'_>, own: &Own) -> String {
    let mut text = prose::comment("", &about(claim));
    text += &signature(&own.name);
    text += "{\n";
    text += &check_of_type(claim);
    text += &check_of_device(claim, own.select);
    text += &answer(claim.quirk.acs);
    text += "}\n\n";
    text
}

/// The paragraphs of the comment.
fn about(claim: &Claim<'_>) -> Vec<String> {
    let mut paragraphs = vec![
        format!("{}: {}", claim.name, prose::sentence(claim.statement)),
        format!("Stated by {} ({}).", claim.stated_by, claim.date),
    ];
    paragraphs.extend(claim.quirk.partial.as_deref().map(prose::sentence));
    paragraphs.extend(claim.excluded(None));
    paragraphs
}

fn signature(name: &str) -> String {
    let start = format!("static int {name}(");
    let line = format!("{start}struct pci_dev *dev, u16 acs_flags)");
    if columns(&line) <= WIDTH {
        return line + "\n";
    }
    let (tabs, blanks) = (start.len() / 8, start.len() % 8);
    let indent = "\t".repeat(tabs) + &" ".repeat(blanks);
    format!("{start}struct pci_dev *dev,\n{indent}u16 acs_flags)\n")
}

/// Leaves functions of any other PCIe type alone.
fn check_of_type(claim: &Claim<'_>) -> String {
    let types = claim.quirk.kinds().flat_map(|kind| types(kind).iter());
    let others: Vec<_> = types
        .map(|found| format!("pci_pcie_type(dev) != {found}"))
        .collect();
    let condition = match &others[..] {
        [other] => format!("!pci_is_pcie(dev) || {other}"),
        _ => format!(
            "!pci_is_pcie(dev) ||\n\t    ({})",
            others.join(" &&\n\t     ")
        ),
    };
    format!("\tif ({condition})\n\t\treturn -ENOTTY;\n\n")
}

/// Leaves other devices alone, where the rows do not tell them apart.
fn check_of_device(claim: &Claim<'_>, select: Select) -> String {
    if select == Select::Rows {
        return String::new();
    }
    let groups = &claim.quirk.devices;
    let mut cases = String::new();
    for group in groups {
        let about = group.about.as_deref().filter(|_| groups.len() > 1);
        cases.extend(about.map(|about| prose::short_comment("\t", about)));
        cases.extend(group.ids.iter().map(|ids| format!("\t{}", case(ids))));
    }
    format!(
        "\tswitch (dev->device) {{\n{cases}\t\tbreak;\n\tdefault:\n\t\treturn -ENOTTY;\n\t}}\n\n"
    )
}

/// The label for a range of devices, in a line.
pub(super) fn case(ids: &Ids) -> String {
    format!("case {}:\n", range(ids.first, ids.last))
}

/// A range of devices, as a label has it.
pub(super) fn range(first: u16, last: u16) -> String {
    if first == last {
        format!("0x{first:04x}")
    } else {
        format!("0x{first:04x} ... 0x{last:04x}")
    }
}

/// The answer for the devices of the claim.
///
/// What grants less than the grouping code asks for must not say "no" to it: the kernel may know
/// better, as it does for every endpoint that is alone in its package.
fn answer(acs: AcsFlags) -> String {
    if acs.contains(AcsFlags::GROUPING) {
        return format!("\treturn {};\n", call("\treturn ", "\t\t", acs));
    }
    format!(
        "\t/* This is not all of ACS: what it does not say is for others to say */\n\
         \tif (!{})\n\t\treturn -ENOTTY;\n\n\treturn 1;\n",
        call("\tif (!", "\t\t\t", acs)
    )
}

/// The comparison of what is asked for with what is granted: in one line after `start`, if it fits;
/// what does not is indented by `rest`.
pub(super) fn call(start: &str, rest: &str, acs: AcsFlags) -> String {
    let named = AcsFlags::NAMED.iter();
    let flags: Vec<_> = named
        .filter(|(_, flag)| acs.contains(*flag))
        .map(|(name, _)| format!("PCI_ACS_{name}"))
        .collect();
    let line = format!("pci_acs_ctrl_enabled(acs_flags, {})", flags.join(" | "));
    if columns(&format!("{start}{line};")) <= WIDTH {
        return line;
    }
    let all = flags.join(" |\n");
    let lines = prose::wrap_words(all.lines(), WIDTH - ");".len(), rest, rest);
    format!("pci_acs_ctrl_enabled(acs_flags,\n{})", lines.join("\n"))
}
