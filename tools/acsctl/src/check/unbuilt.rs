// SPDX-License-Identifier: GPL-2.0-only

//! What the modules' tables have no room for: only mainline entries, which no module is built
//! from, may say it.

use toml::Spanned;

use crate::{
    finding::Notes,
    format,
    quirk::{Ids, Status},
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
    let any = ids.iter().filter(|ids| ids.is_any());
    let found = [
        (
            parsed.requires.as_ref().map(Spanned::span),
            "requires",
            "conditions",
        ),
        (
            parsed.acs_registers.as_ref().map(Spanned::span),
            "acs-registers",
            "a register layout",
        ),
    ]
    .into_iter()
    .filter_map(|(place, field, what)| Some((place?, field, what)))
    .chain(any.map(|ids| {
        (
            ids.span.clone(),
            "match.devices",
            "every device of a vendor",
        )
    }));
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
    for (place, field, what) in found {
        notes.add(
            Rule::Unbuildable,
            &place,
            field,
            format!("no module can be built with {what} yet"),
            "only entries with the status \"mainline\", and refusals, may say that",
        );
    }
}
