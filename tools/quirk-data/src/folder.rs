// SPDX-License-Identifier: GPL-2.0-only

//! Checks the files of a folder together, and runs every other check of a folder.

use std::path::{Path, PathBuf};

pub use crate::scope::Scope;
use crate::{
    against_kernels,
    check::{self, CheckedFile},
    entry::{Entry, Status},
    error::Error,
    finding::Finding,
    kernels::{self, Kernel},
    numbers, overlap, replay,
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

/// The entries of these files, by number; those without one at the end.
///
/// # Errors
///
/// [`Error::Findings`] with every fault of the files.
pub fn entries(sources: Sources) -> Result<Vec<Entry>, Error> {
    let mut entries = check_all(sources, Scope::now(None)).map_err(Error::Findings)?;
    sort(&mut entries);
    Ok(entries)
}

/// Sorts entries by number. Statements against isolation have none, and come last.
pub(crate) fn sort(entries: &mut [Entry]) {
    entries.sort_by_key(|entry| (entry.number == 0, entry.number));
}

/// As [`check`], with the findings from reading, and compared with the list of issued numbers and
/// the lists of kernel tables.
///
/// # Errors
///
/// Every fault of the files, sorted by file and position; never empty.
pub fn check_all(sources: Sources, scope: Scope) -> Result<Vec<Entry>, Vec<Finding>> {
    let mut findings = match examine(&sources.files, scope, &Beside::of(&sources)) {
        Ok(entries) if sources.findings.is_empty() => return Ok(entries),
        Ok(_) => Vec::new(),
        Err(findings) => findings,
    };
    findings.extend(sources.findings);
    findings.sort();
    Err(findings)
}

/// As [`check_all`], without a verdict: the files that could be understood, and every fault, sorted
/// by file and position.
pub(crate) fn look_at_all(sources: &Sources, scope: Scope) -> (Vec<CheckedFile<'_>>, Vec<Finding>) {
    let (checked, mut findings) = look_at(&sources.files, scope, &Beside::of(sources));
    findings.extend(sources.findings.iter().cloned());
    findings.sort();
    (checked, findings)
}

/// Checks the files of one folder and returns their entries in the order of the files.
/// [`check_all`] must be used before a table is built.
///
/// # Errors
///
/// Every fault of the files, sorted by file and position; never empty.
pub fn check(files: &[DataFile], scope: Scope) -> Result<Vec<Entry>, Vec<Finding>> {
    examine(files, scope, &Beside::default())
}

/// The lists that the files are compared with, if any.
#[derive(Default)]
struct Beside<'a> {
    numbers: Option<&'a DataFile>,
    kernels: Option<&'a [Kernel]>,
    captures: &'a [PathBuf],
}

impl<'a> Beside<'a> {
    /// The lists of these sources; without lists of kernels' tables, those of the known kernels.
    fn of(sources: &'a Sources) -> Self {
        Self {
            numbers: sources.numbers.as_ref(),
            kernels: Some(sources.kernels.as_deref().unwrap_or(kernels::known())),
            captures: &sources.captures,
        }
    }
}

/// Checks files. Every check runs on every file, whatever the others find.
fn examine(
    files: &[DataFile],
    scope: Scope,
    beside: &Beside<'_>,
) -> Result<Vec<Entry>, Vec<Finding>> {
    let (checked, mut findings) = look_at(files, scope, beside);
    if findings.is_empty() {
        let entries = checked.into_iter().map(CheckedFile::into_entry);
        return Ok(entries.collect());
    }
    findings.sort();
    Err(findings)
}

/// The files that could be understood, and the findings on all files, not sorted.
fn look_at<'f>(
    files: &'f [DataFile],
    scope: Scope,
    beside: &Beside<'_>,
) -> (Vec<CheckedFile<'f>>, Vec<Finding>) {
    let mut checked = Vec::new();
    let mut findings = Vec::new();
    for file in files {
        let (read, found) = CheckedFile::read(file, scope);
        checked.extend(read);
        findings.extend(found);
    }
    findings.extend(numbers::check(beside.numbers, &mut checked));
    if let Some(kernels) = beside.kernels {
        let each = checked.iter();
        findings.extend(each.flat_map(|file| against_kernels::check(file, kernels)));
        findings.extend(against_kernels::merged(&checked, kernels));
    }
    findings.extend(overlap::check(&checked));
    findings.extend(overlap::replaced(&checked));
    findings.extend(check::unclaimed(&checked, replay::are_virtual));
    findings.extend(replay::check(&checked));
    findings.extend(orphans(&checked, beside.captures));
    (checked, findings)
}

/// Findings for captures that no entry names. An entry of mainline and a refusal need no
/// expectation, and of a file that could not be understood, it is not known what it names.
fn orphans(checked: &[CheckedFile<'_>], captures: &[PathBuf]) -> Vec<Finding> {
    let named = checked.iter().flat_map(|file| {
        let expects = file.expects.iter();
        expects.map(|expect| file.file.path.with_file_name(expect.capture.get_ref()))
    });
    let named: Vec<_> = named.collect();
    source::orphans(captures, &named, |data, capture| {
        if !data.exists() {
            return false;
        }
        let known = checked.iter().find(|file| file.file.path == data);
        known.is_none_or(|file| {
            let status = file.entry.status;
            // An expectation with a fault names its capture, too.
            let is_named = file.file.text.contains(&format!("\"{capture}\""));
            is_named || status == Status::Mainline || status.is_negative()
        })
    })
}
