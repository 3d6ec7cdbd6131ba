// SPDX-License-Identifier: GPL-2.0-only

//! Checks the `[mainline]` section: the state of an entry in mainline Linux.

use std::str::FromStr as _;

use rules::release::Release;
use toml::Spanned;

use super::{not_of_form, prose};
use crate::{entry::Mainline, finding::Notes, format, rule::Rule};

/// Reads the section. Mainline entries have it, and refused entries that released kernels grant.
pub(super) fn check(
    value: Option<&Spanned<format::Mainline>>,
    notes: &mut Notes<'_>,
) -> Option<Mainline> {
    let value = value?;
    let section = value.get_ref();
    let since = text(section.since.as_ref(), "mainline.since", is_since, notes);
    let until = text(section.until.as_ref(), "mainline.until", is_release, notes);
    if let (Some(value), Some(from), Some(to)) = (&section.until, &since, &until) {
        let release = |text: &str| {
            text.strip_prefix('v')
                .and_then(|one| one.parse::<Release>().ok())
        };
        if release(from).is_some_and(|from| release(to).is_none_or(|to| to <= from)) {
            notes.add(
                Rule::RangeOrder,
                &value.span(),
                "mainline.until",
                format!("{to} is not later than {from}"),
                "write the first release that no longer has the entry",
            );
        }
    }
    let commit = text(section.commit.as_ref(), "mainline.commit", is_commit, notes);
    let handler = section.handler.as_ref();
    let handler = text(handler, "mainline.handler", is_handler, notes);
    let is_set = |flag: &Option<Spanned<bool>>| flag.as_ref().map(|flag| *flag.get_ref());
    let expressed = is_set(&section.expressed).unwrap_or(true);
    match &section.why {
        None if !expressed => notes.add(
            Rule::KeyMissing,
            &value.span(),
            "mainline.why",
            "missing beside expressed = false",
            "say in a sentence what the data cannot tell",
        ),
        Some(why) if expressed => notes.add(
            Rule::KeyUnneeded,
            &why.span(),
            "mainline.why",
            "is given without expressed = false",
            "take it out, or add expressed = false",
        ),
        _ => {}
    }
    Some(Mainline {
        since: since.filter(|since| since != "unknown"),
        until,
        commit,
        handler: handler?,
        any_type: is_set(&section.any_type).unwrap_or(false),
        not_expressed: prose(section.why.as_ref().filter(|_| !expressed)),
    })
}

/// Reads a text that must satisfy `is_right`.
fn text(
    value: Option<&Spanned<String>>,
    field: &str,
    is_right: fn(&str) -> bool,
    notes: &mut Notes<'_>,
) -> Option<String> {
    let value = value?;
    if !is_right(value.get_ref()) {
        not_of_form(value, field, &help(field, value.get_ref()), notes);
        return None;
    }
    Some(value.get_ref().clone())
}

/// How to write the value of a field that has this text instead.
fn help(field: &str, text: &str) -> String {
    let example = |usual: &str| meant(text).map_or_else(|| usual.to_owned(), |at| format!("v{at}"));
    match field {
        "mainline.since" => format!(
            "write the first release of mainline that has the entry, with two numbers, as \"{}\", or \"unknown\"",
            example("v5.8")
        ),
        "mainline.until" => format!(
            "write the first release of mainline that no longer has the entry, with two numbers, as \"{}\"",
            example("v7.3")
        ),
        "mainline.commit" if text.len() < 12 && text.bytes().all(is_digit) => format!(
            "write at least 12 digits: {} are too short, other commits may begin with them",
            text.len()
        ),
        "mainline.commit" => {
            "write 12 to 40 lowercase hexadecimal digits, or take the line out".to_owned()
        }
        _ => "write the name of the handler in drivers/pci/quirks.c, as \"pci_quirk_rciep_acs\""
            .to_owned(),
    }
}

/// The release that `6.1`, `V6.1`, `Linux 6.1` and `v6.1-rc1` mean. What a stable update has says nothing on
/// the release of mainline.
fn meant(text: &str) -> Option<Release> {
    let number = text.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let number = number
        .split_once("-rc")
        .map_or(number, |(number, _)| number);
    is_release(&format!("v{number}")).then(|| number.parse().ok())?
}

/// Whether the text is `v5.8` or `unknown`.
fn is_since(text: &str) -> bool {
    text == "unknown" || is_release(text)
}

/// Whether the text is of the form `v5.8`.
fn is_release(text: &str) -> bool {
    let release = text.strip_prefix('v').map(Release::from_str);
    // "v5.08" is not how a release is written, and may not be the release that is meant.
    matches!(release, Some(Ok(release)) if format!("v{release}") == text)
}

const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_commit(text: &str) -> bool {
    (12..=40).contains(&text.len()) && text.bytes().all(is_digit)
}

fn is_handler(text: &str) -> bool {
    let is_letter = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    text.strip_prefix("pci_quirk_")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_letter))
}
