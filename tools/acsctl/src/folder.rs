// SPDX-License-Identifier: GPL-2.0-only

//! Checks across the files of a folder, and with that, everything that a folder must pass.

use std::collections::BTreeMap;

use isolation::table::Table;

use crate::{
    check::Draft,
    edition::Edition,
    finding::{Finding, Notes},
    quirk::{Ids, Quirk, Status},
    source::DataFile,
};

/// Checks the files of one folder and returns their entries, in the order of the files.
///
/// With an `edition`, the folder must hold what that edition is built from; without, anything.
///
/// # Errors
///
/// Everything that is wrong with any of the files, sorted by file and line; never empty.
pub fn check(files: &[DataFile], edition: Option<Edition>) -> Result<Vec<Quirk>, Vec<Finding>> {
    let mut drafts = Vec::new();
    let mut findings = Vec::new();
    for file in files {
        let (draft, found) = Draft::read(file, edition);
        drafts.extend(draft);
        findings.extend(found);
    }
    findings.extend(repeated_numbers(&drafts));
    findings.extend(overlaps(&drafts));
    findings.extend(too_many(&drafts, edition));
    if findings.is_empty() {
        Ok(drafts.into_iter().filter_map(Draft::finish).collect())
    } else {
        findings.sort();
        Err(findings)
    }
}

fn repeated_numbers(drafts: &[Draft<'_>]) -> Vec<Finding> {
    let numbers = || drafts.iter().filter_map(|draft| draft.number.as_ref());
    let free = numbers().map(|(number, _)| *number).max().unwrap_or(0);
    let remedy = match free.checked_add(1) {
        Some(free) => format!("{free} and above are in use nowhere here; a number is never reused"),
        None => "take one that no entry has or had; a number is never reused".to_owned(),
    };
    let mut owners: BTreeMap<u16, &DataFile> = BTreeMap::new();
    let mut findings = Vec::new();
    for draft in drafts {
        let Some((number, span)) = &draft.number else {
            continue;
        };
        if let Some(owner) = owners.get(number) {
            let mut notes = Notes::on(draft.file);
            let problem = format!("{number} is the number of {}", owner.name);
            notes.add(span, "number", problem, remedy.as_str());
            findings.extend(notes.into_findings());
        } else {
            owners.insert(*number, draft.file);
        }
    }
    findings
}

/// Every id belongs to one entry. Only negative entries of different files may share ids: the
/// same thing can be refused twice.
fn overlaps(drafts: &[Draft<'_>]) -> Vec<Finding> {
    let mut ranges: Vec<(&Ids, &Draft<'_>)> = drafts
        .iter()
        .flat_map(|draft| draft.ids.iter().map(move |ids| (ids, draft)))
        .collect();
    ranges.sort_by_key(|(ids, _)| (ids.vendor, ids.first));

    let mut findings = Vec::new();
    let mut rest = ranges.as_slice();
    while let [(low, low_draft), above @ ..] = rest {
        let reached = |ids: &Ids| ids.vendor == low.vendor && ids.first <= low.last;
        for (high, high_draft) in above.iter().take_while(|(ids, _)| reached(ids)) {
            findings.extend(overlap((low, low_draft), (high, high_draft)));
        }
        rest = above;
    }
    findings
}

/// The finding on two ranges that overlap, if these two may not.
fn overlap(one: (&Ids, &Draft<'_>), other: (&Ids, &Draft<'_>)) -> Option<Finding> {
    let negative = |draft: &Draft<'_>| draft.status.is_some_and(Status::is_negative);
    let same_file = one.1.file.path == other.1.file.path;
    let (one_negative, other_negative) = (negative(one.1), negative(other.1));
    if !same_file && one_negative && other_negative {
        return None;
    }
    // A claim is to blame rather than its refusal, and otherwise what stands later.
    let place = |side: (&Ids, &Draft<'_>), negative: bool| {
        (!negative, side.1.file.name.clone(), side.0.span.start)
    };
    let (blamed, there) = if place(one, one_negative) > place(other, other_negative) {
        (one, other)
    } else {
        (other, one)
    };
    let line = there.1.file.line(there.0.span.start);
    let (problem, remedy) = match (same_file, there.1.status) {
        (true, _) => (
            format!("{} overlaps {} in line {line}", blamed.0, there.0),
            "name each id once",
        ),
        (false, Some(status)) if status.is_negative() => (
            format!(
                "{} is in the {} entry {} ({}, line {line})",
                blamed.0,
                status.name(),
                there.1.file.name,
                there.0
            ),
            "a claim and its refusal cannot both stand: take the ids out of one of them, with the \
             evidence for it",
        ),
        (false, _) => (
            format!(
                "{} overlaps {} of {}, line {line}",
                blamed.0, there.0, there.1.file.name
            ),
            "an id belongs to one entry: take it out of one of them",
        ),
    };
    let mut notes = Notes::on(blamed.1.file);
    notes.add(&blamed.0.span, "match.devices", problem, remedy);
    notes.into_findings().pop()
}

/// The module's table has room for so many entries and no more.
fn too_many(drafts: &[Draft<'_>], edition: Option<Edition>) -> Option<Finding> {
    let edition = edition?;
    let mut taken = drafts
        .iter()
        .filter(|draft| draft.status.is_some_and(|status| edition.takes(status)));
    let first_too_many = taken.nth(Table::MAX_ENTRIES)?;
    let mut notes = Notes::on(first_too_many.file);
    notes.add(
        &(0..0),
        "name",
        format!(
            "the edition \"{}\" has more than {} entries",
            edition.name(),
            Table::MAX_ENTRIES
        ),
        "raise MAX_ENTRIES in src/isolation/table.rs",
    );
    notes.into_findings().pop()
}
