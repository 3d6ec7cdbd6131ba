// SPDX-License-Identifier: GPL-2.0-only

//! The evidence, and the prose beside it: trust rule 3.

use std::ops::Range;

use toml::Spanned;

use super::prose;
use crate::{
    finding::Notes,
    format,
    quirk::{Evidence, Status},
};

/// Reads the `[evidence]` section, and checks it against what the status needs.
pub(super) fn check(
    value: Option<&Spanned<format::Evidence>>,
    status: Option<Status>,
    notes: &mut Notes<'_>,
) -> Option<Evidence> {
    let needed = status.filter(|status| status.needs_evidence());
    let Some(value) = value else {
        if let Some(status) = needed {
            notes.add(
                &(0..0),
                "evidence",
                format!("missing, and the status \"{}\" needs it", status.name()),
                "record the vendor's statement in [evidence], or make it a candidate",
            );
        }
        return None;
    };
    let evidence = value.get_ref();
    for (field, text) in [
        ("evidence.statement", &evidence.statement),
        ("evidence.stated-by", &evidence.stated_by),
    ] {
        filled(text.as_ref(), field, needed.is_some(), &value.span(), notes);
    }

    match &evidence.date {
        // Of what was merged long ago, the day is not always on record.
        None if needed.is_some_and(|status| status != Status::Mainline) => {
            let remedy = "write the day of the statement, as date = 2014-11-03";
            notes.add(&value.span(), "evidence.date", "missing", remedy);
        }
        Some(date) if date.get_ref().date.is_none() || date.get_ref().time.is_some() => notes.add(
            &date.span(),
            "evidence.date",
            format!("{} is not a day", date.get_ref()),
            "write the day alone, as date = 2014-11-03",
        ),
        _ => {}
    }

    let remedy = "give the address under which the statement can be read, with https://";
    match &evidence.sources {
        None if needed.is_some() => {
            notes.add(&value.span(), "evidence.sources", "missing", remedy);
        }
        Some(sources) if sources.get_ref().is_empty() => {
            notes.add(&sources.span(), "evidence.sources", "no source", remedy);
        }
        _ => {}
    }
    for source in evidence.sources.iter().flat_map(Spanned::get_ref) {
        let text = source.get_ref();
        let address = ["https://", "http://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        if address.is_none_or(|rest| rest.is_empty() || rest.contains(char::is_whitespace)) {
            let problem = format!("\"{text}\" is not an address");
            notes.add(&source.span(), "evidence.sources", problem, remedy);
        }
    }
    let sources = evidence.sources.iter().flat_map(Spanned::get_ref);
    Some(Evidence {
        statement: prose(evidence.statement.as_ref()),
        stated_by: prose(evidence.stated_by.as_ref()),
        date: evidence
            .date
            .as_ref()
            .and_then(|date| Some(date.get_ref().date?.to_string())),
        sources: sources.map(|source| source.get_ref().clone()).collect(),
    })
}

/// Checks the prose outside the evidence: the reason for a status, what is left out of the
/// package, and the name.
pub(super) fn check_prose(parsed: &format::File, status: Option<Status>, notes: &mut Notes<'_>) {
    let reason = status.is_some_and(Status::needs_reason);
    let name = status == Some(Status::Mainline);
    for (field, text, needed) in [
        ("reason", &parsed.reason, reason),
        ("name", &parsed.name, name),
        ("partial", &parsed.partial, false),
    ] {
        filled(text.as_ref(), field, needed, &(0..0), notes);
    }
}

/// Prose: must not be blank, and must be there if `needed`.
pub(super) fn filled(
    value: Option<&Spanned<String>>,
    field: &str,
    needed: bool,
    place: &Range<usize>,
    notes: &mut Notes<'_>,
) {
    let remedy = "say it in a sentence";
    match value {
        None if needed => notes.add(place, field, "missing, and the status needs it", remedy),
        Some(text) if text.get_ref().trim().is_empty() => {
            notes.add(&text.span(), field, "blank", remedy);
        }
        _ => {}
    }
}
