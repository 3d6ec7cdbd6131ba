// SPDX-License-Identifier: GPL-2.0-only

//! Writes the commit message.

use rules::{acs::AcsFlags, entry::Kind, pcie::HeaderLayout};

use super::{
    claim::{Claim, handler_of},
    mail::Person,
    prose,
    shape::Shape,
};
use crate::{limits::Limits, register::Precondition};

/// The start of every subject.
pub(super) const SUBJECT: &str = "PCI: Add ACS quirk for ";

/// The notice about the condition that no handler can check.
pub(super) const ALONE: &str = "mainline decides on each function alone, while the module requires that \
                                an entry covers the whole device: before you send the patch, check \
                                that no device has a function with one of these ids beside a function \
                                that is not listed, and that all ports of a switch are listed";

/// The line width of a commit message.
const WIDTH: usize = 75;

/// The flags in the words of the PCI Express Base Specification, section 6.12.
const WORDS: [(AcsFlags, &str); 6] = [
    (AcsFlags::SV, "Source Validation (SV)"),
    (AcsFlags::TB, "Translation Blocking (TB)"),
    (AcsFlags::RR, "P2P Request Redirect (RR)"),
    (AcsFlags::CR, "P2P Completion Redirect (CR)"),
    (AcsFlags::UF, "Upstream Forwarding (UF)"),
    (AcsFlags::DT, "Direct Translated P2P (DT)"),
];

/// The subject, without `[PATCH]`.
pub(super) fn subject(claim: &Claim<'_>) -> String {
    format!("{SUBJECT}{}", claim.name)
}

/// The body, with its tags.
pub(super) fn body(claim: &Claim<'_>, shape: &Shape, signed_off_by: Option<&Person>) -> String {
    let mut text = String::new();
    paragraph(&mut text, &problem(claim));
    for group in &claim.entry.devices {
        let ids: Vec<_> = group.ids.iter().map(ToString::to_string).collect();
        let about = group.about.as_deref();
        let about = about.map_or(String::new(), |about| format!(" ({about})"));
        let limits = if group.limits == Limits::default() {
            String::new()
        } else {
            format!(", only {}", group.limits)
        };
        lines(
            &mut text,
            &format!("{}{limits}{about}", ids.join(", ")),
            "  ",
            "    ",
        );
    }
    text.push('\n');
    let is_sender = |person: &Person| person.is_named_in(claim.stated_by);
    let stated = if signed_off_by.is_some_and(is_sender) {
        "They are isolated from each other nevertheless:".to_owned()
    } else {
        format!(
            "They are isolated from each other nevertheless, as stated by {} ({}):",
            claim.stated_by, claim.date
        )
    };
    paragraph(&mut text, &stated);
    lines(&mut text, &prose::sentence(claim.statement), "  ", "  ");
    text.push('\n');
    paragraph(&mut text, &granted(claim));
    if let Some(partial) = &claim.entry.partial {
        paragraph(&mut text, &prose::sentence(partial));
    }
    for excluded in claim.excluded() {
        paragraph(&mut text, &excluded);
    }
    for condition in &claim.entry.conditions {
        paragraph(&mut text, &only_where(condition));
    }
    paragraph(
        &mut text,
        &format!(
            "{}() returns -ENOTTY for everything else: another PCIe type{}, and a function that has \
             an ACS capability{}. It is asked about each function alone, so a listed \
             function also counts as isolated from functions of the same device that are not listed.",
            shape.name,
            if is_limited(claim) {
                ", what is outside the limits above"
            } else {
                ""
            },
            if claim.may_be_virtual() {
                " or is virtual"
            } else {
                ""
            },
        ),
    );
    if let Some(catch_all) = claim.entry.supersedes {
        paragraph(
            &mut text,
            &format!(
                "The rows stand before that of {}(), which answers \"not isolated\" for every device \
                 that it does not list; for what the new handler leaves alone, it still does.",
                handler_of(catch_all)
            ),
        );
    }
    for source in claim.sources {
        text.extend(["Link: ", source, "\n"]);
    }
    if let Some(person) = signed_off_by {
        text.extend(["Signed-off-by: ", &person.to_string(), "\n"]);
    }
    text
}

/// Whether class, revisions, subsystems or registers narrow the claim.
fn is_limited(claim: &Claim<'_>) -> bool {
    let mut groups = claim.entry.devices.iter();
    !claim.entry.conditions.is_empty() || groups.any(|group| group.limits != Limits::default())
}

/// A sentence for a condition.
fn only_where(condition: &Precondition) -> String {
    let register = &condition.register;
    format!(
        "This holds only where {register} reads {}: {}",
        register.bits(condition.value),
        prose::sentence(&condition.about)
    )
}

/// The kinds of device, in the plural.
pub(super) fn kinds(claim: &Claim<'_>) -> String {
    let names = claim.entry.kinds().map(|kind| match kind {
        Kind::MfEndpoint => "functions of multi-function endpoints",
        Kind::RootPort => "Root Ports",
        Kind::DownstreamPort => "Switch Downstream Ports",
        Kind::RcEndpoint => "Root Complex Integrated Endpoints",
    });
    list(&names.collect::<Vec<_>>())
}

/// What is wrong without the patch.
fn problem(claim: &Claim<'_>) -> String {
    let mut all = claim.entry.kinds();
    // Ports can be in several groups before: ports of several slots are. None of these is that of one device below a port.
    let so = if all.all(|kind| kind.layout() == HeaderLayout::Endpoint) {
        "puts the functions of a device into one IOMMU group"
    } else {
        "makes no IOMMU group of its own for each of them with what is below it"
    };
    format!(
        "These {} do not advertise an ACS capability, so Linux {so}:",
        kinds(claim)
    )
}

/// A sentence for the granted flags, in the words of the kernel's handlers.
fn granted(claim: &Claim<'_>) -> String {
    let acs = claim.entry.acs;
    let words = WORDS.iter().filter(|(flag, _)| acs.contains(*flag));
    let words: Vec<_> = words.map(|&(_, words)| words).collect();
    let words = list(&words);
    let what = if acs.contains(AcsFlags::DT) {
        format!("masks out {words} as if they were unimplemented in an ACS capability")
    } else {
        format!("treats {words} as though they were set")
    };
    let mut all = claim.entry.kinds();
    let so = if !acs.contains(AcsFlags::GROUPING) {
        "which is less than IOMMU groups of their own take (SV RR CR UF), so this alone splits no \
         group"
    } else if all.all(|kind| kind.layout() == HeaderLayout::Endpoint) {
        "so that each function can be in an IOMMU group of its own and be assigned on its own with \
         VFIO"
    } else {
        "so that each, with what is below it, can be in an IOMMU group of its own"
    };
    format!("Add an ACS quirk that {what}, {so}.")
}

/// Joins words: `a`, `a and b`, or `a, b and c`.
pub(super) fn list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn paragraph(text: &mut String, words: &str) {
    lines(text, words, "", "");
    text.push('\n');
}

/// Appends text in lines. A line that git would read as a separator, a header or a tag gets a space
/// at its start.
fn lines(text: &mut String, words: &str, first: &str, rest: &str) {
    for line in prose::wrap(words, WIDTH, first, rest) {
        let is_tag = line.split_once(':').is_some_and(|(name, value)| {
            let is_name = name.eq_ignore_ascii_case("cc") || name.contains('-');
            value.starts_with(' ') && is_name && !name.contains(' ')
        });
        let is_mark = ["---", "diff ", "Index: ", "From ", "From:", ">From "]
            .iter()
            .any(|mark| line.starts_with(mark));
        if is_tag || is_mark {
            text.push(' ');
        }
        text.push_str(&line);
        text.push('\n');
    }
}
