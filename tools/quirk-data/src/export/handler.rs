// SPDX-License-Identifier: GPL-2.0-only

//! Writes the C source of a handler.
//!
//! Every limit of the entry's claim becomes a check. A function outside a limit gets `-ENOTTY`, so
//! that the kernel continues as without the patch.

use std::path::Path;

use rules::{
    acs::AcsFlags,
    condition::{Condition, Place},
    entry::Kind,
    limits::Class,
    pcie::HeaderLayout,
};

use super::{
    claim::Claim,
    code::Code,
    known::types,
    message,
    prose::{self, WIDTH, columns},
    shape::{Select, Shape},
};
use crate::{entry::Ids, json::flag_names, limits::Limits, register::Precondition};

/// The capability whose offset the kernel stores.
const EXPRESS: Place = Place::Capability(0x10);

/// The function that compares the requested flags with the granted ones.
pub(super) const CALL: &str = "pci_acs_ctrl_enabled";

/// What a kernel has for handlers, beyond what every kernel has since 5.6.
#[derive(Clone, Copy)]
pub(super) struct Means {
    /// `dev->acs_cap`, since Linux 5.9. Before that, the handler looks for the capability.
    acs_cap: bool,
    /// `PCI_POSSIBLE_ERROR()`, since Linux 5.17.
    possible_error: bool,
}

impl Means {
    /// Reads `include/linux/pci.h` of a kernel's source. Without that file, the kernel counts as the
    /// newest one.
    pub(super) fn read(source: &Path) -> Self {
        let header = Code::read(&source.join("include/linux/pci.h")).ok();
        let has = |word: &str| {
            let header = header.as_ref();
            header.is_none_or(|code| code.words(word, 0..code.mask.len()).next().is_some())
        };
        Self {
            acs_cap: has("acs_cap"),
            possible_error: has("PCI_POSSIBLE_ERROR"),
        }
    }

    /// The test for an ACS capability.
    const fn has_acs(self) -> &'static str {
        if self.acs_cap {
            "dev->acs_cap"
        } else {
            "pci_find_ext_capability(dev, PCI_EXT_CAP_ID_ACS)"
        }
    }

    /// The test for a failed read, which returns all ones.
    const fn failed(self) -> &'static str {
        if self.possible_error {
            "PCI_POSSIBLE_ERROR(val)"
        } else {
            "val == (u32)~0"
        }
    }
}

/// Writes a handler with the comment above it.
pub(super) fn source(claim: &Claim<'_>, shape: &Shape, means: Means) -> String {
    let mut text = prose::comment("", &about(claim));
    text += &signature(&shape.name);
    text += "{\n";
    text += &variables(&claim.entry.conditions);
    text += &check_of_type(claim);
    text += &check_of_function(claim, means);
    text += &check_of_device(claim, shape);
    for condition in &claim.entry.conditions {
        text += &check_of_register(condition, means);
    }
    text += &answer(claim.entry.acs);
    text += "}\n\n";
    text
}

/// The paragraphs of the comment.
fn about(claim: &Claim<'_>) -> Vec<String> {
    let mut paragraphs = vec![format!(
        "{}: these {} don't advertise an ACS capability. {} {}",
        claim.name,
        message::kinds(claim),
        prose::sentence(claim.statement),
        masked(claim)
    )];
    paragraphs.extend(claim.entry.partial.as_deref().map(prose::sentence));
    paragraphs.extend(claim.excluded());
    paragraphs
}

/// What the handler does, in the words of the kernel's handlers.
fn masked(claim: &Claim<'_>) -> String {
    let acs = claim.entry.acs;
    let flags = message::list(&flag_names(acs));
    let is_endpoint = |kind: Kind| kind.layout() == HeaderLayout::Endpoint;
    if acs.contains(AcsFlags::DT) {
        format!("Mask out {flags} as if they were unimplemented in an ACS capability.")
    } else if !acs.contains(AcsFlags::GROUPING) {
        format!("Mask out {flags}, and no other flag.")
    } else if claim.entry.kinds().all(is_endpoint) {
        format!("Treat {flags} as though they were set.")
    } else {
        format!("Allow each to be in a separate IOMMU group by masking out {flags}.")
    }
}

fn signature(name: &str) -> String {
    let start = format!("static int {name}(");
    let line = format!("{start}struct pci_dev *dev, u16 acs_flags)");
    if columns(&line) <= WIDTH {
        return line + "\n";
    }
    let indent = indent(start.len());
    format!("{start}struct pci_dev *dev,\n{indent}u16 acs_flags)\n")
}

/// Whether the kernel must search for the capability.
fn is_searched(at: Place) -> bool {
    at != Place::Config && at != EXPRESS
}

/// The variables that the register checks need.
fn variables(conditions: &[Precondition]) -> String {
    match conditions {
        [] => String::new(),
        _ if conditions.iter().any(|one| is_searched(one.register.at)) => {
            "\tu32 val;\n\tu16 pos;\n\n".to_owned()
        }
        _ => "\tu32 val;\n\n".to_owned(),
    }
}

/// Writes a check that returns `-ENOTTY` if one of the conditions holds.
fn leave<T: AsRef<str>>(indent: &str, holds: &[T]) -> String {
    let start = format!("{indent}if (");
    let all: Vec<_> = holds.iter().map(AsRef::as_ref).collect();
    let line = format!("{start}{})", all.join(" || "));
    let condition = if columns(&line) <= WIDTH && !line.contains('\n') {
        line
    } else {
        format!("{start}{})", all.join(&format!(" ||\n{indent}    ")))
    };
    format!("{condition}\n{indent}\treturn -ENOTTY;\n")
}

/// Writes the check that skips functions of another PCIe type.
fn check_of_type(claim: &Claim<'_>) -> String {
    let types = claim.entry.kinds().flat_map(|kind| types(kind).iter());
    let others: Vec<_> = types
        .map(|found| format!("pci_pcie_type(dev) != {found}"))
        .collect();
    // `pci_pcie_type()` reports Endpoint for a function without a PCI Express capability.
    let check = if claim.entry.kinds().any(|kind| kind == Kind::MfEndpoint) {
        let others = others.join(" &&\n\t     ");
        leave(
            "\t",
            &["!pci_is_pcie(dev)".to_owned(), format!("({others})")],
        )
    } else {
        leave("\t", &[others.join(" &&\n\t    ")])
    };
    check + "\n"
}

/// Writes the check that skips functions outside any statement: functions with ACS and virtual
/// functions.
fn check_of_function(claim: &Claim<'_>, means: Means) -> String {
    if claim.may_be_virtual() {
        leave("\t", &[means.has_acs(), "dev->is_virtfn"]) + "\n"
    } else {
        leave("\t", &[means.has_acs()]) + "\n"
    }
}

/// Writes the check that skips devices that the rows do not exclude, and functions outside the
/// limits of their ids.
fn check_of_device(claim: &Claim<'_>, shape: &Shape) -> String {
    let groups = &claim.entry.devices;
    let mut text = String::new();
    if shape.has_switch() {
        let is_told = groups.len() > 1 && shape.select == Select::Listed;
        text += "\tswitch (dev->device) {\n";
        for group in groups {
            let about = group.about.as_deref().filter(|_| is_told);
            text.extend(about.map(|about| prose::short_comment("\t", about)));
            text.extend(group.ids.iter().copied().map(case));
            if shape.limits_differ {
                text += &check_of_limits("\t\t", &group.limits);
                text += "\t\tbreak;\n";
            }
        }
        if !shape.limits_differ {
            text += "\t\tbreak;\n";
        }
        text += "\tdefault:\n\t\treturn -ENOTTY;\n\t}\n\n";
    }
    if let Some(group) = groups.first().filter(|_| !shape.limits_differ) {
        let limits = check_of_limits("\t", &group.limits);
        if !limits.is_empty() {
            text += &limits;
            text.push('\n');
        }
    }
    text
}

/// The case label for a range of devices, on one line.
fn case(ids: Ids) -> String {
    let Ids { first, last, .. } = ids;
    if first == last {
        format!("\tcase 0x{first:04x}:\n")
    } else {
        format!("\tcase 0x{first:04x} ... 0x{last:04x}:\n")
    }
}

/// Writes the check that skips functions outside limits.
fn check_of_limits(indent: &str, limits: &Limits) -> String {
    let mut text = String::new();
    match limits.class {
        None => {}
        Some(Class::Subclass(class)) => {
            text += &leave(indent, &[format!("dev->class >> 8 != 0x{class:04x}")]);
        }
        Some(Class::Interface(class)) => {
            text += &leave(indent, &[format!("dev->class != 0x{class:06x}")]);
        }
    }
    match limits.revisions {
        None | Some((u8::MIN, u8::MAX)) => {}
        Some((first, last)) if first == last => {
            text += &leave(indent, &[format!("dev->revision != 0x{first:02x}")]);
        }
        Some((first, last)) => {
            let below = (first > u8::MIN).then(|| format!("dev->revision < 0x{first:02x}"));
            let above = (last < u8::MAX).then(|| format!("dev->revision > 0x{last:02x}"));
            let outside: Vec<_> = below.into_iter().chain(above).collect();
            text += &leave(indent, &outside);
        }
    }
    let other = |(vendor, device): &(u16, u16), indent: &str| {
        format!(
            "dev->subsystem_vendor != 0x{vendor:04x} ||\n{indent}dev->subsystem_device != 0x{device:04x}"
        )
    };
    match &limits.subsystems[..] {
        [] => {}
        [one] => text += &leave(indent, &[other(one, &format!("{indent}    "))]),
        several => {
            let others: Vec<_> = several
                .iter()
                .map(|one| format!("({})", other(one, &format!("{indent}     "))))
                .collect();
            text += &leave(indent, &[others.join(&format!(" &&\n{indent}    "))]);
        }
    }
    text
}

/// Writes the check that skips functions whose register has another value.
fn check_of_register(condition: &Precondition, means: Means) -> String {
    let Condition {
        at,
        offset,
        mask,
        value,
    } = condition.in_dword();
    let mut text = prose::short_comment("\t", &condition.about);
    // A capability whose offset the kernel stores is present, because it gives the type.
    let (start, end) = match at {
        Place::Config => (String::new(), None),
        EXPRESS => ("dev->pcie_cap".to_owned(), Some("PCI_CFG_SPACE_SIZE")),
        Place::Capability(id) => {
            let find = format!("pci_find_capability(dev, 0x{id:02x})");
            (find, Some("PCI_CFG_SPACE_SIZE"))
        }
        Place::Extended(id) => {
            let find = format!("pci_find_ext_capability(dev, 0x{id:04x})");
            (find, Some("PCI_CFG_SPACE_EXP_SIZE"))
        }
    };
    let mut lacks = Vec::new();
    let start = if is_searched(at) {
        text.extend(["\tpos = ", &start, ";\n"]);
        lacks.push("!pos".to_owned());
        "pos".to_owned()
    } else {
        start
    };
    let register = match (&start[..], offset) {
        ("", _) => format!("0x{offset:02x}"),
        (start, 0) => start.to_owned(),
        (start, _) => format!("{start} + 0x{offset:02x}"),
    };
    // A capability too close to the end to contain the register is not the capability that the
    // entry means.
    let end = end.filter(|_| offset > 0);
    lacks.extend(end.map(|end| format!("{register} >= {end}")));
    if !lacks.is_empty() {
        text += &leave("\t", &lacks);
        text.push('\n');
    }
    text.extend(["\tpci_read_config_dword(dev, ", &register, ", &val);\n"]);
    // A failed read returns all ones.
    let unreadable = (value == mask).then(|| means.failed().to_owned());
    let other = if value == 0 {
        format!("val & 0x{mask:08x}")
    } else {
        format!("(val & 0x{mask:08x}) != 0x{value:08x}")
    };
    let not: Vec<_> = unreadable.into_iter().chain([other]).collect();
    text += &leave("\t", &not);
    text.push('\n');
    text
}

/// Writes the return statement for the claimed devices.
///
/// A handler that grants less than the grouping asks for must return `-ENOTTY`, not 0, because the
/// kernel may have another reason to isolate the function, as for an endpoint with a single
/// function.
fn answer(acs: AcsFlags) -> String {
    if acs.contains(AcsFlags::GROUPING) {
        return format!("\treturn {};\n", call("\treturn ", acs));
    }
    format!(
        "\t/* This is not all of ACS: what it does not say is for others to say */\n\
         \tif (!{})\n\t\treturn -ENOTTY;\n\n\treturn 1;\n",
        call("\tif (!", acs)
    )
}

/// The comparison of the requested with the granted flags: on one line after `start` if it fits,
/// otherwise with continuation lines below the first argument.
fn call(start: &str, acs: AcsFlags) -> String {
    let flags: Vec<_> = flag_names(acs)
        .iter()
        .map(|name| format!("PCI_ACS_{name}"))
        .collect();
    let line = format!("{CALL}(acs_flags, {})", flags.join(" | "));
    if columns(&format!("{start}{line};")) <= WIDTH {
        return line;
    }
    let all = flags.join(" |\n");
    let rest = indent(columns(&format!("{start}{CALL}(")));
    let lines = prose::wrap_words(all.lines(), WIDTH - ");".len(), &rest, &rest);
    format!("{CALL}(acs_flags,\n{})", lines.join("\n"))
}

/// Tabs and blanks up to a column.
fn indent(column: usize) -> String {
    "\t".repeat(column / 8) + &" ".repeat(column % 8)
}
