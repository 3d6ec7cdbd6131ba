// SPDX-License-Identifier: GPL-2.0-only

//! The evidence, and the prose beside it: trust rule 3. That what the status needs is there at
//! all, the reader has seen to.

use toml::{Spanned, value::Date};

use super::prose;
use crate::{finding::Notes, format, quirk::Evidence, rule::Rule};

/// Reads the `[evidence]` section; `today` is the day after which nobody can have stated anything.
pub(super) fn check(
    value: Option<&Spanned<format::Evidence>>,
    today: Date,
    notes: &mut Notes<'_>,
) -> Option<Evidence> {
    let evidence = value?.get_ref();
    filled(evidence.statement.as_ref(), "evidence.statement", notes);
    filled(evidence.stated_by.as_ref(), "evidence.stated-by", notes);
    let date = day(evidence, today, notes);

    let help =
        "give the address under which the statement can be read, as https://lore.kernel.org/r/...";
    if let Some(sources) = &evidence.sources {
        if sources.get_ref().is_empty() {
            let field = "evidence.sources";
            notes.add(Rule::ValueEmpty, &sources.span(), field, "no source", help);
        }
    }
    let sources = evidence.sources.iter().flat_map(Spanned::get_ref);
    for source in sources.clone() {
        let text = source.get_ref();
        if !is_address(text) {
            let problem = format!("\"{text}\" is not an address that can be cited");
            notes.add(
                Rule::SourceForm,
                &source.span(),
                "evidence.sources",
                problem,
                help,
            );
        }
    }
    Some(Evidence {
        statement: prose(evidence.statement.as_ref()),
        stated_by: prose(evidence.stated_by.as_ref()),
        date: date.map(|date| date.to_string()),
        sources: sources.map(|source| source.get_ref().clone()).collect(),
    })
}

/// The day of the statement, if it is one.
fn day(evidence: &format::Evidence, today: Date, notes: &mut Notes<'_>) -> Option<Date> {
    let value = evidence.date.as_ref()?;
    let field = "evidence.date";
    let found = value.get_ref();
    let Some(day) = found.date.filter(|_| found.time.is_none()) else {
        let problem = format!("{found} is not a day");
        let help = "write the day alone, as date = 2014-11-03";
        notes.add(Rule::ValueForm, &value.span(), field, problem, help);
        return None;
    };
    let order = |day: Date| (day.year, day.month, day.day);
    if order(day) > order(today) {
        let problem = format!("{day} has not come: today is {today}");
        let help = "write the day on which the statement was made";
        notes.add(Rule::DateFuture, &value.span(), field, problem, help);
    }
    Some(day)
}

/// Whether a text is `https://`, a host with a dot in it, and a path.
fn is_address(text: &str) -> bool {
    let Some((host, _)) = text
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.contains('.') && host.split('.').all(is_label) && !text.contains(char::is_whitespace)
}

/// Checks the prose outside the evidence: the reason for a status, what is left out of the
/// package, and the name.
pub(super) fn check_prose(parsed: &format::File, notes: &mut Notes<'_>) {
    filled(parsed.reason.as_ref(), "reason", notes);
    filled(parsed.name.as_ref(), "name", notes);
    filled(parsed.partial.as_ref(), "partial", notes);
}

/// Prose must not be blank.
pub(super) fn filled(value: Option<&Spanned<String>>, field: &str, notes: &mut Notes<'_>) {
    if let Some(text) = value {
        if text.get_ref().trim().is_empty() {
            let help = "say it in a sentence";
            notes.add(Rule::ValueEmpty, &text.span(), field, "blank", help);
        }
    }
}
