// SPDX-License-Identifier: GPL-2.0-only

//! Checks the limits of a `[[match]]`: class, revisions and subsystems.

use rules::{entry::Kind, limits::Class, pcie::HeaderLayout};
use toml::Spanned;

use super::not_of_form;
use crate::{entry::Status, finding::Notes, format, limits::Limits, notation, rule::Rule};

/// Reads the limits. An invalid one is dropped with a finding.
pub(super) fn check(one: &format::Match, kinds: &[Kind], notes: &mut Notes<'_>) -> Limits {
    Limits {
        class: one
            .class
            .as_ref()
            .and_then(|value| class(value, kinds, notes)),
        revisions: one
            .revisions
            .as_ref()
            .and_then(|value| revisions(value, notes)),
        subsystems: one
            .subsystems
            .as_ref()
            .map(|value| subsystems(value, kinds, notes))
            .unwrap_or_default(),
    }
}

/// Checks that a claim on a statement ends its revisions with one that exists. A statement is about silicon, and whoever makes a
/// revision to come can state it then.
pub(super) fn open_end(
    matches: &[Spanned<format::Match>],
    status: Option<Status>,
    notes: &mut Notes<'_>,
) {
    if status != Some(Status::Validated) {
        return;
    }
    for value in matches
        .iter()
        .filter_map(|one| one.get_ref().revisions.as_ref())
    {
        let ends = notation::revisions(value.get_ref());
        if !ends.is_some_and(|(from, to)| 0 < from && from < to && to == u8::MAX) {
            continue;
        }
        let problem = "its last revision is ff, so it claims silicon that nobody has made yet";
        let help = "end it with the last revision that exists, as \"03-0f\"";
        notes.add(
            Rule::RevisionsOpen,
            &value.span(),
            "match.revisions",
            problem,
            help,
        );
    }
}

fn class(value: &Spanned<String>, kinds: &[Kind], notes: &mut Notes<'_>) -> Option<Class> {
    let text = value.get_ref();
    let class = notation::class(text);
    if class.is_none() {
        let help = notation::corrected_class(text).map_or_else(
            || {
                "write base class and subclass, as \"0200\", or with the programming interface, as \
                 \"010802\""
                    .to_owned()
            },
            |text| format!("write \"{text}\", if that is meant"),
        );
        not_of_form(value, "match.class", &help, notes);
    }
    let limits = Limits {
        class,
        ..Limits::default()
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| limits.allow(*kind)) {
        let problem = format!("no function of the entry's kind is of the class {text}");
        let help =
            "ports are bridges, and endpoints are not of the class 0604: correct class or kind";
        notes.add(
            Rule::LimitsOfKind,
            &value.span(),
            "match.class",
            problem,
            help,
        );
    }
    class
}

fn revisions(value: &Spanned<String>, notes: &mut Notes<'_>) -> Option<(u8, u8)> {
    let text = value.get_ref();
    let Some((from, to)) = notation::revisions(text) else {
        let corrected = notation::corrected(text, 2);
        let help = corrected.map_or_else(
            || {
                "write two lowercase hexadecimal digits, or two such with a hyphen, as \"03-0f\""
                    .to_owned()
            },
            |text| format!("write \"{text}\", if that is meant"),
        );
        not_of_form(value, "match.revisions", &help, notes);
        return None;
    };
    if from > to {
        notes.add(
            Rule::RangeOrder,
            &value.span(),
            "match.revisions",
            format!("the range {text} is reversed"),
            format!("write it as {to:02x}-{from:02x}, if that is meant"),
        );
        return None;
    }
    if (from, to) == (u8::MIN, u8::MAX) {
        notes.add(
            Rule::KeyUnneeded,
            &value.span(),
            "match.revisions",
            "that is every revision",
            "take it out, or write the revisions that are meant",
        );
    }
    Some((from, to))
}

fn subsystems(
    value: &Spanned<Vec<Spanned<String>>>,
    kinds: &[Kind],
    notes: &mut Notes<'_>,
) -> Vec<(u16, u16)> {
    const FIELD: &str = "match.subsystems";
    if value.get_ref().is_empty() {
        let help = "list the subsystems, as [\"1028:0010\"], or take the line out";
        notes.add(Rule::ValueEmpty, &value.span(), FIELD, "no subsystem", help);
    }
    let bridge = |kind: &&Kind| kind.layout() == HeaderLayout::Bridge;
    if let Some(kind) = kinds.iter().find(bridge) {
        notes.add(
            Rule::LimitsOfKind,
            &value.span(),
            FIELD,
            format!(
                "functions of the kind \"{}\" have no subsystem id at 2ch",
                kind.name()
            ),
            "take the line out, or give the endpoints an entry of their own",
        );
    }
    let mut found = Vec::new();
    for one in value.get_ref() {
        let Some(ids) = notation::subsystem(one.get_ref()) else {
            let help = "write vendor and device id, each of four lowercase hexadecimal digits, as \
                        \"1028:0010\"";
            not_of_form(one, FIELD, help, notes);
            continue;
        };
        if matches!(ids.0, 0x0000 | 0xffff) {
            let problem = format!("{:04x} is no vendor", ids.0);
            let help = "a function without a subsystem reads as this; take it out";
            notes.add(Rule::IdNone, &one.span(), FIELD, problem, help);
        } else if found.contains(&ids) {
            let problem = format!("{} is listed twice", one.get_ref());
            let help = "take one of them out";
            notes.add(Rule::ValueTwice, &one.span(), FIELD, problem, help);
        } else {
            found.push(ids);
        }
    }
    found.sort_unstable();
    found
}
