// SPDX-License-Identifier: GPL-2.0-only

//! Compares the statement with the claim (trust rule `evidence`). A statement counts only for the
//! ids and kinds that it names.
//!
//! | file | reads |
//! |---|---|
//! | `token.rs` | words, and ids in every notation |
//! | `read.rs` | which ids are named, alone or as a range |
//! | `except.rs` | which ids are excepted |
//! | `grammar.rs`, `plain.grammar` | which sentences say plainly that functions are isolated |
//! | `plain.rs` | which ids are spoken of in words that may except them |
//! | `about.rs` | which words are about somebody else's functions or requests |
//! | `opposite.rs` | which words of isolation do not say that functions are isolated |
//! | `limited.rs` | which words limit isolation to a state, or to a part of the functions or requests |
//! | `words.rs` | which words are known |
//! | `kinds.rs` | which kinds of function are named |

mod about;
mod except;
mod grammar;
mod kinds;
mod limited;
mod opposite;
mod plain;
mod read;
mod token;
mod words;

use rules::entry::Kind;
use toml::Spanned;

use super::{CheckedFile, evidence, ids::Matched};
use crate::{
    entry::{Devices, Ids, Status},
    finding::{Finding, Notes},
    format,
    rule::Rule,
};
use except::DENIAL;
use read::{Mention, Named, Part, Reading, read};

/// How to write ids so that they are found; part of messages.
const NOTATIONS: &str = "the statement must name each id with its vendor, as 10de:0a01, and a range \
                         as 10de:0a10-0a12 or 10de:0a10 to 10de:0a12";

/// Checks the statement of an entry. The statement of a `validated` entry must name every claimed
/// id. The statement of a candidate or test entry may name no id; if it names any, the same rule
/// applies. A mainline entry is not checked, because the merged change is the statement, and
/// neither is a rejected or withdrawn entry, which claims nothing.
///
/// Returns the ids that the statement names and the entry does not claim, for [`unclaimed`].
pub(super) fn check(
    parsed: &format::File,
    status: Option<Status>,
    kinds: &[Kind],
    matched: &Matched,
    notes: &mut Notes<'_>,
) -> Vec<Spanned<Ids>> {
    let is_bound = status.is_some_and(|status| status != Status::Mainline && !status.is_negative());
    // A statement that is blank or not given yet has a finding of its own.
    let statement =
        evidence::statement(parsed).filter(|statement| !format::is_open(statement.get_ref()));
    let (Some(statement), true) = (statement, is_bound) else {
        return Vec::new();
    };
    let claimed = || matched.claimed.iter().map(|ids| *ids.get_ref());
    let mut vendors: Vec<_> = claimed().map(|ids| ids.vendor).collect();
    vendors.sort_unstable();
    vendors.dedup();
    let is_conditional = !parsed.conditions.is_empty();
    let speaker = evidence::stated_by(parsed).unwrap_or_default();
    let reading = read(statement.get_ref(), speaker, &vendors, is_conditional);
    let is_validated = status == Some(Status::Validated);
    let of_entry = |one: &&Named| vendors.contains(&one.vendor);
    let names_any = reading.named.iter().any(|one| of_entry(&one));
    // A statement about devices of another vendor supports no claim for these, and neither does one
    // that excepts them.
    let is_held = names_any
        || if is_validated {
            !reading.excepted.is_empty()
        } else {
            !reading.named.is_empty()
        };
    if is_validated && !is_held && !matched.claimed.is_empty() {
        let problem = "no id of the entry's is recognised in it";
        let (place, field) = (statement.span(), "evidence.statement");
        notes.add(Rule::StatementIds, &place, field, problem, NOTATIONS);
    }
    let mut recognised = Vec::new();
    for ids in &matched.claimed {
        if hold(ids, &reading, is_held, notes) {
            recognised.push(*ids.get_ref());
        }
    }
    if is_validated {
        check_plain(&recognised, statement, &reading, notes);
    }
    let mut found = notes.findings().iter();
    // What a sentence excepts, or does not say plainly, is the reason why it does not count.
    let has_reason =
        found.any(|one| matches!(one.rule, Rule::StatementPlain | Rule::StatementExcepts));
    if is_validated && is_held && !has_reason && !reading.speaks {
        let problem = "no sentence says plainly that what it names does not reach each other";
        let help = "quote the sentence of the vendor that says so, as \"The functions 10de:0a01 do not send requests to \
                    each other.\"; words that limit it, that a device has no ACS capability, or that it works in a test, do \
                    not suffice";
        let (place, field) = (statement.span(), "evidence.statement");
        notes.add(Rule::StatementPlain, &place, field, problem, help);
    }
    if is_validated && names_any {
        check_kinds(parsed, kinds, &matched.devices, &reading, notes);
    }
    if is_validated && !is_conditional {
        check_parts(&matched.devices, statement, &reading, notes);
    }
    let is_subsystem = |one: &Named| {
        let subsystems = matched
            .devices
            .iter()
            .flat_map(|one| &one.limits.subsystems);
        one.first == one.last && subsystems.copied().any(|id| id == (one.vendor, one.first))
    };
    let is_spoken_of = |one: &Named| {
        claimed().any(|ids| overlaps(one, ids))
            || matched
                .excluded
                .iter()
                .any(|ids| holds(one, *ids.get_ref()))
            || is_subsystem(one)
            || reading.taken_out().any(|(vendor, first, last)| {
                vendor.is_none_or(|vendor| vendor == one.vendor)
                    && first <= one.first
                    && one.last <= last
            })
    };
    let named = reading.named.iter().filter(of_entry);
    let unclaimed = named.filter(|one| !is_spoken_of(one));
    let each = unclaimed.map(|one| {
        let ids = Ids {
            vendor: one.vendor,
            first: one.first,
            last: one.last,
        };
        Spanned::new(statement.span(), ids)
    });
    each.collect()
}

const fn overlaps(one: &Named, ids: Ids) -> bool {
    one.vendor == ids.vendor && one.first <= ids.last && ids.first <= one.last
}

/// Whether the named range contains all of these ids.
const fn holds_ids(one: &Named, ids: Ids) -> bool {
    one.vendor == ids.vendor && one.first <= ids.first && ids.last <= one.last
}

/// Whether the range of ids contains the whole named range.
const fn holds(one: &Named, ids: Ids) -> bool {
    one.vendor == ids.vendor && ids.first <= one.first && one.last <= ids.last
}

/// Compares one claimed range with the statement. Whether the statement names it.
fn hold(claimed: &Spanned<Ids>, reading: &Reading, is_held: bool, notes: &mut Notes<'_>) -> bool {
    let (ids, span) = (*claimed.get_ref(), claimed.span());
    let field = "match.devices";
    let excepted = reading.excepted.iter().find(|one| {
        one.vendor.is_none_or(|vendor| vendor == ids.vendor)
            && one.first <= ids.last
            && ids.first <= one.last
    });
    if let Some(one) = excepted {
        let id = one.first.max(ids.first);
        let id = format!("{:04x}:{id:04x}", ids.vendor);
        let problem = match one.by {
            DENIAL => format!("the statement says of {id} that it is not isolated, or faulty"),
            by => format!("the statement takes out {id}, by \"{by}\""),
        };
        let help = "take it out of the claim too, also out of a range; where the statement does not \
                    mean that, quote it so that those words are not before or behind the id";
        notes.add(Rule::StatementExcepts, &span, field, problem, help);
        return false;
    }
    let mut stated = reading
        .named
        .iter()
        .filter(|one| holds_ids(one, ids))
        .peekable();
    if ids.is_any() || !is_held {
        return false;
    }
    let is_named = stated.peek().is_some();
    if let Some(one) = stated.find_map(|range| apart(ids, range, reading)) {
        let problem = format!(
            "the statement names {:04x}:{one:04x} by itself too, beside a range that holds it",
            ids.vendor
        );
        let help = "what it says of that id alone may take it out: claim the others, or quote what \
                    it says of the range alone";
        notes.add(Rule::StatementExcepts, &span, field, problem, help);
        return false;
    }
    if is_named {
        return true;
    }
    let names = |id: u16| {
        let mut named = reading.named.iter();
        named.any(|one| one.vendor == ids.vendor && one.first <= id && id <= one.last)
    };
    let missing = [ids.first, ids.last].into_iter().find(|&id| !names(id));
    let (problem, help) = match missing {
        Some(missing) => (
            format!(
                "the statement does not name {:04x}:{missing:04x}",
                ids.vendor
            ),
            format!("claim what it names; {NOTATIONS}"),
        ),
        None => (
            format!("the statement does not name {ids} as one range"),
            "claim each id that it names alone by itself, and each range as it names it: between \
             two that it names there may be others; it names a range as 10de:0a10-0a12. Behind words \
             for traffic, as \"requests from 10de:0a10 to 10de:0a12\", \"to\" is the way of it"
                .to_owned(),
        ),
    };
    notes.add(Rule::StatementIds, &span, field, problem, help);
    false
}

/// Checks that the statement speaks plainly of the claimed ranges that it names. The same words are one finding, about the first.
fn check_plain(
    claimed: &[Ids],
    statement: &Spanned<String>,
    reading: &Reading,
    notes: &mut Notes<'_>,
) {
    let mut told = Vec::new();
    for ids in claimed {
        let unclear = reading.unclear.iter().find(|(one, _)| is_of(*one, *ids));
        let Some(((_, first, last), words)) = unclear.filter(|(_, words)| !told.contains(&words))
        else {
            continue;
        };
        told.push(words);
        let id = format!("{:04x}:{:04x}", ids.vendor, ids.first.max(*first));
        let problem = if (first, last) == (&u16::MIN, &u16::MAX) {
            format!("\"{words}\" may take out {id} or any other id")
        } else {
            format!("what it says of {id} is not plain: \"{words}\"")
        };
        let help = "where it takes the id out, take it out of the claim too; where it is a condition, add the \
                    [[condition]]; otherwise quote only plain sentences, as \"The functions 10de:0a01 do not send \
                    requests to each other.\"";
        let (place, field) = (statement.span(), "evidence.statement");
        notes.add(Rule::StatementPlain, &place, field, problem, help);
    }
}

/// Checks that a claim for all functions with an id is not based on words on some.
fn check_parts(
    devices: &[Devices],
    statement: &Spanned<String>,
    reading: &Reading,
    notes: &mut Notes<'_>,
) {
    let is_limited = |one: &Devices, part: Part| match part {
        Part::Revisions => one.limits.revisions.is_some(),
        Part::Subsystems => !one.limits.subsystems.is_empty(),
        Part::Class => one.limits.class.is_some(),
    };
    let mut found = reading.of_parts.iter().filter(|(mention, part, _)| {
        let mut unlimited = devices.iter().filter(|one| !is_limited(one, *part));
        unlimited.any(|one| one.ids.iter().any(|ids| is_of(*mention, *ids)))
    });
    let Some((_, part, word)) = found.next() else {
        return;
    };
    let (each, limit, all) = match part {
        Part::Revisions => ("revision", "revisions = \"01-0f\"", "all revisions"),
        Part::Subsystems => (
            "subsystem",
            "subsystems = [\"103c:1234\"]",
            "all subsystems",
        ),
        Part::Class => ("class", "class = \"0200\"", "any class"),
    };
    let problem = format!("it speaks of a \"{word}\", and the claim is for every {each} of an id");
    let help = format!(
        "limit it to those that it names, as {limit} in [[match]]; where it means all, quote \"{all}\", or only \
         sentences without the word"
    );
    let (place, field) = (statement.span(), "evidence.statement");
    notes.add(Rule::StatementRevisions, &place, field, problem, help);
}

/// Whether what is mentioned may be one of these ids.
fn is_of((vendor, first, last): Mention, ids: Ids) -> bool {
    vendor.is_none_or(|vendor| vendor == ids.vendor) && first <= ids.last && ids.first <= last
}

/// A claimed id that the statement also mentions outside the range that names it. The list of words
/// that except an id cannot be complete, so such a mention counts as an exception.
fn apart(ids: Ids, range: &Named, reading: &Reading) -> Option<u16> {
    let mut mentioned = reading.mentioned.iter();
    let found = mentioned.find(|&&(vendor, first, last)| {
        vendor.is_none_or(|vendor| vendor == ids.vendor)
            && (range.first, range.last) != (first, last)
            && range.first <= first
            && last <= range.last
            && first <= ids.last
            && ids.first <= last
    });
    found.map(|&(_, first, _)| first.max(ids.first))
}

/// Checks that the statement says of every claimed id that it names that it is of each claimed kind
/// which functions of its class can have: one id may be of a port in one machine, and of an endpoint
/// in another.
fn check_kinds(
    parsed: &format::File,
    kinds: &[Kind],
    devices: &[Devices],
    reading: &Reading,
    notes: &mut Notes<'_>,
) {
    let Some(value) = &parsed.kind else { return };
    let words = value.get_ref().each(&value.span());
    let is_stated = |ids: Ids, kind: Kind| {
        let contains = |one: &Named| holds_ids(one, ids);
        let is_held = reading.named.iter().any(contains);
        let mut stated = reading.kinds.iter().filter(|(_, of)| *of == kind);
        stated.any(|(one, _)| {
            if is_held {
                contains(one)
            } else {
                overlaps(one, ids)
            }
        })
    };
    for &kind in kinds {
        let of_kind = devices.iter().filter(|one| one.limits.allow(kind));
        let claimed = of_kind.flat_map(|one| &one.ids);
        let mut named = claimed.filter(|ids| reading.named.iter().any(|one| overlaps(one, **ids)));
        let Some(ids) = named.find(|ids| !is_stated(**ids, kind)) else {
            continue;
        };
        let place = words.iter().find(|(word, _)| *word == kind.name());
        let place = place.map_or(value.span(), |(_, place)| place.clone());
        let problem = format!(
            "the statement does not say that {ids} are functions of the kind \"{}\"",
            kind.name()
        );
        let help = format!(
            "claim the kinds that it states. It states this one where it calls the ids {}; words for a place, as \
             \"functions below\", do not count{}",
            kinds::words(kind),
            if kinds.len() > 1 {
                "; give ids of different kinds an entry for each kind, or, for ports beside endpoints, a \
                 [[match]] for each with its class, as class = \"0604\""
            } else {
                ""
            }
        );
        notes.add(Rule::StatementKinds, &place, "kind", problem, help);
    }
}

/// Finds ids that a statement names and no entry claims. One statement may be for several families,
/// so other entries count. Ids of vendors that the entry does not have are ignored. Costs O(n m) in
/// the number of such ids and of entries. `are_virtual` tells whether ids are those of virtual functions, by the captures of a
/// file.
pub(crate) fn unclaimed(
    files: &[CheckedFile<'_>],
    are_virtual: impl Fn(&CheckedFile<'_>, Ids) -> bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let mut notes = Notes::on(file.file);
        for unclaimed in &file.unclaimed {
            let ids = unclaimed.get_ref();
            let claims = |other: &Ids| {
                other.vendor == ids.vendor && other.first <= ids.first && ids.last <= other.last
            };
            let speaks = |other: &CheckedFile<'_>| {
                let mut ids = other.entry.ids();
                ids.any(|ids| !ids.is_any() && claims(ids))
            };
            // A virtual function has no claim of its own, and the statement has to be about it too.
            if files.iter().any(speaks) || are_virtual(file, *ids) {
                continue;
            }
            notes.add(
                Rule::StatementUnclaimed,
                &unclaimed.span(),
                "evidence.statement",
                format!("it names {ids}, which no entry claims"),
                "claim it, or say why not in [[match.excludes]]",
            );
        }
        findings.extend(notes.into_findings());
    }
    findings
}
