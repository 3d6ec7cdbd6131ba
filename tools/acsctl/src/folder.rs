// SPDX-License-Identifier: GPL-2.0-only

//! Checks across the files of a folder, and with that, everything that a folder must pass.

use std::collections::BTreeMap;

use isolation::table::Table;

use crate::{
    check::Draft,
    edition::Edition,
    finding::{Finding, Notes},
    overlap,
    quirk::Quirk,
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
    findings.extend(overlap::claims(&drafts));
    findings.extend(overlap::excluded(&drafts));
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
