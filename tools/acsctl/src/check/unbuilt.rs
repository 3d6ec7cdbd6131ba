// SPDX-License-Identifier: GPL-2.0-only

//! What the modules' tables have no room for: only mainline entries, which no module is built
//! from, may say it.

use std::ops::Range;

use toml::Spanned;

use crate::{
    finding::Notes,
    format,
    quirk::{Condition, Ids, Status},
    rule::Rule,
};

/// Checks that nothing else than a mainline entry says what cannot be built.
pub(super) fn check(
    parsed: &format::File,
    status: Option<Status>,
    ids: &[&Ids],
    notes: &mut Notes<'_>,
) {
    if status.is_none_or(|status| status == Status::Mainline || status.is_negative()) {
        return;
    }
    let mut refuse = |place: Range<usize>, field: &str, what: String| {
        notes.add(
            Rule::Unbuildable,
            &place,
            field,
            format!("no module can be built with {what} yet"),
            "only entries with the status \"mainline\", and refusals, may say that",
        );
    };
    // The module never speaks for a function with an ACS capability, so that word adds nothing.
    let needless = Condition::NoAcsCapability;
    let known = Condition::ALL.map(Condition::name);
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
    for ids in ids.iter().filter(|ids| ids.is_any()) {
        let what = "every device of a vendor".to_owned();
        refuse(ids.span.clone(), "match.devices", what);
    }
    // Every function that has the capability is refused before its registers are looked at.
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
