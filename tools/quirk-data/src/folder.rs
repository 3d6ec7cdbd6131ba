// SPDX-License-Identifier: GPL-2.0-only

//! Checks the files of a folder together, and runs every other check of a folder.

use std::{collections::BTreeMap, path::Path};

pub use crate::scope::Scope;
use crate::{
    against_kernels,
    check::{self, CheckedFile},
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
    let beside = |files: &[CheckedFile<'_>]| {
        let kernels = sources.kernels.as_deref().unwrap_or(kernels::known());
        let against_kernels = files
            .iter()
            .flat_map(|file| against_kernels::check(file, kernels));
        let mut found: Vec<_> = against_kernels.collect();
        found.extend(
            sources
                .numbers
                .iter()
                .flat_map(|list| numbers::check(list, files)),
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
    beside: impl FnOnce(&[CheckedFile<'_>]) -> Vec<Finding>,
) -> Result<Vec<Entry>, Vec<Finding>> {
    let mut checked = Vec::new();
    let mut findings = Vec::new();
    for file in files {
        let (read, found) = CheckedFile::read(file, scope);
        checked.extend(read);
        findings.extend(found);
    }
    findings.extend(beside(&checked));
    findings.extend(repeated_numbers(&checked));
    findings.extend(overlap::check(&checked));
    findings.extend(check::unclaimed(&checked));
    if findings.is_empty() {
        findings = replay::check(&checked);
    }
    if findings.is_empty() {
        let entries = checked.into_iter().filter_map(CheckedFile::into_entry);
        return Ok(entries.collect());
    }
    findings.sort();
    Err(findings)
}

fn repeated_numbers(files: &[CheckedFile<'_>]) -> Vec<Finding> {
    let numbers = files.iter().filter_map(|file| file.number.as_ref());
    let free = numbers.map(|number| *number.get_ref()).max().unwrap_or(0);
    let remedy = match free.checked_add(1) {
        Some(free) => {
            format!("no entry here has {free} or a higher number; a number is never reused")
        }
        None => "take one that no entry has or had; a number is never reused".to_owned(),
    };
    let mut owners: BTreeMap<u16, &DataFile> = BTreeMap::new();
    let mut findings = Vec::new();
    for CheckedFile { file, number, .. } in files {
        let Some((number, span)) = number.as_ref().map(|it| (it.get_ref(), it.span())) else {
            continue;
        };
        if let Some(owner) = owners.get(number) {
            let mut notes = Notes::on(file);
            let problem = format!("{number} is the number of {}", owner.name);
            notes.add(Rule::NumberTaken, &span, "number", problem, remedy.as_str());
            findings.extend(notes.into_findings());
        } else {
            owners.insert(*number, file);
        }
    }
    findings
}
