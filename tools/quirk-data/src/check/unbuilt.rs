// SPDX-License-Identifier: GPL-2.0-only

//! Checks keys that the module's tables cannot represent. Only mainline entries that go into no
//! table may use them.

use std::ops::Range;

use toml::Spanned;

use crate::{
    entry::{Ids, Requirement, Status},
    finding::Notes,
    format,
    rule::Rule,
};

/// Checks that such keys are only in mainline entries that are not built into the table of a kernel
/// that lacks them.
pub(super) fn check(
    parsed: &format::File,
    status: Option<Status>,
    is_taken: bool,
    ids: &[Spanned<Ids>],
    notes: &mut Notes<'_>,
) {
    let is_mainline = status == Some(Status::Mainline);
    if status.is_none_or(Status::is_negative) || (is_mainline && !is_taken) {
        return;
    }
    let help = if is_mainline {
        "the kernel that the table is for lacks this entry, and no module can stand in for it: build \
         for a kernel that has it"
    } else {
        "only entries with the status \"mainline\", and refusals, may say that"
    };
    let mut refuse = |place: Range<usize>, field: &str, what: String| {
        notes.add(
            Rule::Unbuildable,
            &place,
            field,
            format!("no module can be built with {what} yet"),
            help,
        );
    };
    // The module never claims anything for a function with an ACS capability, so this requirement
    // changes nothing.
    let needless = Requirement::NoAcsCapability;
    let known = Requirement::ALL.map(Requirement::name);
    for word in parsed.requires.iter().flat_map(Spanned::get_ref) {
        let text = word.get_ref().as_str();
        if known.contains(&text) && text != needless.name() {
            refuse(word.span(), "requires", format!("the condition \"{text}\""));
        }
    }
    if let Some(layout) = &parsed.acs_registers {
        refuse(
            layout.span(),
            "acs-registers",
            "a register layout".to_owned(),
        );
    }
    for ids in ids.iter().filter(|ids| ids.get_ref().is_any()) {
        let what = "every device of a vendor".to_owned();
        refuse(ids.span(), "match.devices", what);
    }
    // In an entry of another status, the key has a finding of its own.
    if let Some(program) = parsed.program.first().filter(|_| is_mainline) {
        let what = "writes to configuration space".to_owned();
        refuse(program.span(), "program", what);
    }
    let mainline = parsed.mainline.as_ref().map(Spanned::get_ref);
    let expressed = mainline.and_then(|mainline| mainline.expressed.as_ref());
    if let Some(expressed) = expressed.filter(|expressed| !*expressed.get_ref() && is_mainline) {
        let what = "what these keys do not tell".to_owned();
        refuse(expressed.span(), "mainline.expressed", what);
    }
    // The module refuses every function with an ACS capability before it reads registers.
    let in_acs = parsed
        .conditions
        .iter()
        .filter_map(|condition| condition.get_ref().at.as_ref())
        .filter(|at| at.get_ref() == "extended:000d");
    for at in in_acs {
        notes.add(
            Rule::Unbuildable,
            &at.span(),
            "condition.at",
            "a function with an ACS capability is never claimed by a module",
            "leave it to the kernel, which goes by that capability",
        );
    }
}
