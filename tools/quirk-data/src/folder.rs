// SPDX-License-Identifier: GPL-2.0-only

//! Checks the files of a folder together, and runs every other check of a folder.

use std::{collections::BTreeMap, path::Path};

pub use crate::scope::Scope;
use crate::{
    against_kernels,
    check::{self, Draft},
    entry::Entry,
    error::Error,
    finding::{Finding, Notes},
    kernels, numbers, overlap, replay,
    rule::Rule,
    source::{self, DataFile, Sources},
};

/// Reads and checks a folder, and returns its entries in the order of the files.
///
/// # Errors
///
/// [`Error::Findings`] with every fault of the files, and [`Error::CouldNotRun`] if they cannot be
/// read.
pub fn load(folder: &Path, scope: Scope) -> Result<Vec<Entry>, Error> {
    check_all(source::read(folder)?, scope).map_err(Error::Findings)
}

/// The entries of these files, by number.
///
/// # Errors
///
/// [`Error::Findings`] with every fault of the files.
pub fn entries(sources: Sources) -> Result<Vec<Entry>, Error> {
    let mut entries = check_all(sources, Scope::now(None)).map_err(Error::Findings)?;
    entries.sort_by_key(|entry| entry.number);
    Ok(entries)
}

/// As [`check`], with the findings from reading, and compared with the list of issued numbers and
/// the lists of kernel tables.
///
/// # Errors
///
/// Every fault of the files, sorted by file and position; never empty.
pub fn check_all(sources: Sources, scope: Scope) -> Result<Vec<Entry>, Vec<Finding>> {
    let mut findings = sources.findings;
    let beside = |drafts: &[Draft<'_>]| {
        let kernels = sources.kernels.as_deref().unwrap_or(kernels::known());
        let against_kernels = drafts
            .iter()
            .flat_map(|draft| against_kernels::check(draft, kernels));
        let mut found: Vec<_> = against_kernels.collect();
        found.extend(
            sources
                .numbers
                .iter()
                .flat_map(|list| numbers::check(list, drafts)),
        );
        found
    };
    match examine(&sources.files, scope, beside) {
        Ok(entries) if findings.is_empty() => return Ok(entries),
        Ok(_) => {}
        Err(more) => findings.extend(more),
    }
    findings.sort();
    Err(findings)
}

/// Checks the files of one folder and returns their entries in the order of the files.
/// [`check_all`] must be used before a table is built.
///
/// # Errors
///
/// Every fault of the files, sorted by file and position; never empty.
pub fn check(files: &[DataFile], scope: Scope) -> Result<Vec<Entry>, Vec<Finding>> {
    examine(files, scope, |_| Vec::new())
}

/// Checks files; `beside` adds the findings of comparisons with other lists.
fn examine(
    files: &[DataFile],
    scope: Scope,
    beside: impl FnOnce(&[Draft<'_>]) -> Vec<Finding>,
) -> Result<Vec<Entry>, Vec<Finding>> {
    let mut drafts = Vec::new();
    let mut findings = Vec::new();
    for file in files {
        let (draft, found) = Draft::read(file, scope);
        drafts.extend(draft);
        findings.extend(found);
    }
    findings.extend(beside(&drafts));
    findings.extend(repeated_numbers(&drafts));
    findings.extend(overlap::check(&drafts));
    findings.extend(in_other_folders(&drafts));
    findings.extend(check::unclaimed(&drafts));
    let mut entries = Vec::new();
    if findings.is_empty() {
        entries.extend(drafts.into_iter().filter_map(Draft::finish));
        findings = replay::check(files, &entries);
    }
    if findings.is_empty() {
        return Ok(entries);
    }
    findings.sort();
    Err(findings)
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
            notes.add(Rule::NumberTaken, span, "number", problem, remedy.as_str());
            findings.extend(notes.into_findings());
        } else {
            owners.insert(*number, draft.file);
        }
    }
    findings
}

/// Finds ids of one vendor in several folders. The folder of the entry with the lowest number is
/// the right one.
fn in_other_folders(drafts: &[Draft<'_>]) -> Vec<Finding> {
    let mut by_age: Vec<_> = drafts.iter().collect();
    by_age.sort_by_key(|draft| {
        draft
            .number
            .as_ref()
            .map_or(u16::MAX, |(number, _)| *number)
    });
    let mut owners: BTreeMap<u16, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for draft in by_age {
        let Some((folder, _)) = draft.file.name.split_once('/') else {
            continue;
        };
        let mut blamed = Vec::new();
        for ids in draft.ids() {
            let owner = *owners.entry(ids.vendor).or_insert(folder);
            if owner != folder && !blamed.contains(&ids.vendor) {
                blamed.push(ids.vendor);
                let mut notes = Notes::on(draft.file);
                let problem = format!("entries for the vendor {:04x} lie in {owner}/", ids.vendor);
                let help = format!("move it to {owner}/, or correct the vendor id");
                notes.add(Rule::VendorFolder, &ids.span, "match.vendor", problem, help);
                findings.extend(notes.into_findings());
            }
        }
    }
    findings
}
