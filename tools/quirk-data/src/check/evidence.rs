// SPDX-License-Identifier: GPL-2.0-only

//! Checks the evidence and the other prose (trust rule `evidence`). The reader has already reported
//! keys that the status requires and the file lacks.

use std::ops::Range;

use toml::{Spanned, value::Date};

use super::{not_of_form, prose};
use crate::{
    entry::{Entry, Evidence, Status},
    export::{
        claim::{NAME_WIDTH, texts},
        prose::check_for_comment,
    },
    finding::{Notes, plain},
    format::{self, QUESTION, keys::NOT_PUBLIC},
    rule::Rule,
};

/// Reads the `[evidence]` section of an entry. A statement dated after `today` is a fault.
pub(super) fn check(
    value: Option<&Spanned<format::Evidence>>,
    today: Date,
    notes: &mut Notes<'_>,
) -> Option<Evidence> {
    let evidence = value?.get_ref();
    person(evidence.stated_by.as_ref(), notes);
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
    let mut seen = Vec::new();
    for source in sources.clone() {
        let text = source.get_ref();
        if seen.contains(&text) {
            let field = "evidence.sources";
            let (problem, help) = (format!("{text} is listed twice"), "take one of them out");
            notes.add(Rule::ValueTwice, &source.span(), field, problem, help);
        }
        seen.push(text);
        if !text.trim().is_empty() && format::is_open(text) {
            let problem = format!("\"{}\" is no address yet", plain(text));
            let field = "evidence.sources";
            notes.add(Rule::Unanswered, &source.span(), field, problem, help);
            continue;
        }
        if let Err((why, remedy)) = address(text) {
            let shown = plain(text);
            let problem = format!("\"{shown}\" is not an address that can be cited: {why}");
            let field = "evidence.sources";
            notes.add(Rule::SourceForm, &source.span(), field, problem, remedy);
        }
    }
    let hearsay = evidence.hearsay.as_ref();
    Some(Evidence {
        hearsay: hearsay.is_some_and(|flag| *flag.get_ref()),
        statement: prose(evidence.statement.as_ref()),
        stated_by: prose(evidence.stated_by.as_ref()),
        date: date.map(|date| date.to_string()),
        sources: sources.map(|source| source.get_ref().clone()).collect(),
    })
}

/// The statement, if the file has one.
pub(super) fn statement(parsed: &format::File) -> Option<&Spanned<String>> {
    parsed.evidence.as_ref()?.get_ref().statement.as_ref()
}

/// Who made the statement, with the organisation behind the last comma.
pub(super) fn stated_by(parsed: &format::File) -> Option<&str> {
    let stated_by = parsed.evidence.as_ref()?.get_ref().stated_by.as_ref()?;
    Some(stated_by.get_ref())
}

/// Checks that a statement is not by a mailing list, to which everybody can write. A person may have
/// written there.
fn person(value: Option<&Spanned<String>>, notes: &mut Notes<'_>) {
    const HOSTS: [&str; 4] = [
        "vger.kernel.org",
        "lore.kernel.org",
        "googlegroups.com",
        "groups.io",
    ];
    const WAYS: [&str; 6] = ["at", "from", "in", "on", "to", "via"];
    let Some(value) = value else { return };
    let first = value.get_ref().split([',', ';']).next().unwrap_or_default();
    let is_end = |c: char| c.is_whitespace() || "<>()\"':".contains(c);
    let words = first.split(is_end).filter(|word| !word.is_empty());
    let by = words.map(str::to_ascii_lowercase);
    let by: Vec<_> = by
        .take_while(|word| !WAYS.contains(&word.as_str()))
        .collect();
    let is_list = |word: &&String| {
        let host = word
            .rsplit_once('@')
            .map(|(_, host)| host.trim_end_matches('.'));
        host.is_some_and(|host| {
            HOSTS.contains(&host) || host.split('.').any(|part| part == "lists")
        })
    };
    let is_called_list = by.join(" ").replace('-', " ").contains("mailing list");
    let list = by.iter().find(is_list).map(String::as_str);
    if let Some(list) = list.or(is_called_list.then_some(first.trim())) {
        let problem = format!("\"{list}\" is a mailing list, to which everybody can write");
        let help = "name the person who made the statement, and the employer; cite the mail as a source, as \
                    https://lore.kernel.org/r/MESSAGE-ID";
        let field = "evidence.stated-by";
        notes.add(Rule::StatedBy, &value.span(), field, problem, help);
    }
}

/// The first day of the PCI Express Base Specification, 1.0.
const FIRST_DAY: Date = Date {
    year: 2002,
    month: 7,
    day: 22,
};

/// The date of the statement, if it is valid.
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
    if order(day) < order(FIRST_DAY) {
        let problem =
            format!("{day} is before the first specification of PCI Express, of {FIRST_DAY}");
        let help = "write the day on which the statement was made";
        notes.add(Rule::DateEarly, &value.span(), field, problem, help);
    }
    Some(day)
}

/// Checks that a text is an `https://` address of a document on a public host, whose name is plain
/// ASCII letters. Other characters of an address must be percent-encoded, because they could look
/// like something else. The error is the cause and the remedy.
fn address(text: &str) -> Result<(), (&'static str, &'static str)> {
    const MAIL: &str = "cite the mail by its Message-ID, as https://lore.kernel.org/r/MESSAGE-ID";
    const HTTPS: &str = "write it with https://";
    const PUBLIC: &str = "give an address that everybody can read for years, as \
                          https://lore.kernel.org/r/MESSAGE-ID";
    let is_left = ["...", "MESSAGE-ID", "MESSAGE_ID"]; // as in `keys::ADDRESS`
    if is_left.iter().any(|part| text.contains(part)) {
        return Err(("it is the pattern of an address", MAIL));
    }
    let Some(rest) = text.strip_prefix("https://") else {
        // An address of a mail has an "@", too.
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        let inner = text.trim_matches(['<', '>', '(', ')', ' ']);
        return Err(match scheme.map(str::to_ascii_lowercase).as_deref() {
            _ if inner != text && (address(inner).is_ok() || begins_with_host(inner)) => (
                "it has brackets or spaces around it",
                "take them out, and begin it with https://",
            ),
            Some("https") => ("its https:// is not in lowercase letters", HTTPS),
            Some("http") => ("it is not https", HTTPS),
            Some(scheme) if !scheme.contains(['@', '<']) => ("it is not https", PUBLIC),
            _ if begins_with_host(text) => ("it lacks https://", HTTPS),
            _ if text.contains('@') => ("it is a mail address or a Message-ID", MAIL),
            _ => ("it does not begin with https://", PUBLIC),
        });
    };
    let Some((host, document)) = rest.split_once('/').filter(|(_, path)| !path.is_empty()) else {
        return Err((
            "it names a host and no document",
            "add the path of the document",
        ));
    };
    let (user, server) = host.rsplit_once('@').unwrap_or(("", host));
    match (server != host, server.contains(':')) {
        _ if server.starts_with('[') => {
            return Err(("its host is a number, and not a name", PUBLIC));
        }
        (true, true) => return Err(("it has a user and a port", "take both out")),
        (true, false) if user.contains(':') => {
            return Err((
                "it has a user and a password",
                "take out all between https:// and the host",
            ));
        }
        (true, false) => return Err(("it has a user", "take the user out, with the @")),
        (false, true) => return Err(("it has a port", "take the port out, with the colon")),
        (false, false) => {}
    }
    let is_label = |label: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_part) && !label.contains("xn--")
    };
    let Some((labels, last)) = host.rsplit_once('.') else {
        return Err(("its host is not public", PUBLIC));
    };
    if !labels.split('.').all(is_label) || !host.is_ascii() {
        return Err(("its host is not a plain name", PUBLIC));
    }
    let is_top = last.len() > 1 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !is_top
        || NOT_PUBLIC
            .iter()
            .any(|name| last.eq_ignore_ascii_case(name))
    {
        return Err(("its host is not public", PUBLIC));
    }
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'*+,;=%".contains(&byte);
    if document.bytes().all(is_plain) {
        Ok(())
    } else {
        Err((
            "its path has characters that could look like others, or that end an address",
            "percent-encode all but ASCII letters, digits and the marks of an address",
        ))
    }
}

/// Whether a text begins as an address without its scheme: "lore.kernel.org/r/...".
fn begins_with_host(text: &str) -> bool {
    text.split_once('/').is_some_and(|(host, _)| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        host.contains('.') && host.chars().all(is_part)
    })
}

/// Checks that the name of the silicon is a headline.
pub(super) fn check_name(parsed: &format::File, notes: &mut Notes<'_>) {
    let name = parsed.name.as_ref();
    if let Some(name) = name.filter(|name| name.get_ref().contains(['\n', '\t'])) {
        let help =
            "write it on one line, with spaces: it is a headline, and the subject of a patch";
        not_of_form(name, "name", help, notes);
    }
}

/// Checks that a patch for the kernel can have the texts of an entry that is meant to get there: its
/// subject has room for the name, and its comments hold no end of a comment.
pub(super) fn for_kernel(entry: &Entry, parsed: &format::File, notes: &mut Notes<'_>) {
    if !matches!(entry.status, Status::Validated | Status::Candidate) {
        return;
    }
    if let Some(name) = &parsed.name {
        let length = name.get_ref().trim().trim_end_matches('.').chars().count();
        if length > NAME_WIDTH {
            let problem = format!(
                "has {length} characters, and the subject of a patch has room for {NAME_WIDTH}"
            );
            let help = "shorten it; what the devices are has room in match.about";
            notes.add(Rule::TextKernel, &name.span(), "name", problem, help);
        }
        if let Some(prefix) = subject_prefix(name.get_ref()) {
            let problem = format!("begins with \"{prefix}\", as the subject of a mail does");
            let help = "write the name of the silicon alone: the subject of a patch gets its prefix by itself";
            notes.add(Rule::TextKernel, &name.span(), "name", problem, help);
        }
    }
    for (field, text) in texts(entry) {
        if let Err(problem) = check_for_comment(text) {
            let help = "take it out, or write it in other words: the text goes into a C comment of the patch";
            notes.add(
                Rule::TextKernel,
                &place_of(parsed, text),
                field,
                problem,
                help,
            );
        }
    }
}

/// The prefix of a subject at the start of a name: "[PATCH v2]" or "PCI:".
fn subject_prefix(name: &str) -> Option<&str> {
    let name = name.trim_start();
    let bracket = name.starts_with('[').then(|| name.find(']')).flatten();
    let word = name.split_whitespace().next().unwrap_or_default();
    // What a draft asks is a finding of its own.
    let is_prefix = word.ends_with(':') && word != QUESTION;
    let colon = is_prefix.then(|| word.len() - 1);
    bracket.or(colon).map(|end| &name[..=end])
}

/// The place of a text of an entry in its file.
fn place_of(parsed: &format::File, text: &str) -> Range<usize> {
    let evidence = parsed.evidence.as_ref().map(Spanned::get_ref);
    let matches = parsed.matches.iter().map(Spanned::get_ref);
    let excludes = matches.clone().flat_map(|one| &one.excludes);
    let registers = parsed.conditions.iter().map(Spanned::get_ref);
    let texts = [
        parsed.name.as_ref(),
        parsed.partial.as_ref(),
        evidence.and_then(|one| one.statement.as_ref()),
        evidence.and_then(|one| one.stated_by.as_ref()),
    ];
    let mut all = texts
        .into_iter()
        .chain(matches.map(|one| one.about.as_ref()))
        .chain(excludes.map(|one| one.get_ref().why.as_ref()))
        .chain(registers.map(|one| one.about.as_ref()))
        .flatten();
    all.find(|one| one.get_ref().trim() == text)
        .map_or(0..0, Spanned::span)
}
