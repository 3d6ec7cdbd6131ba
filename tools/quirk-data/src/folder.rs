// SPDX-License-Identifier: GPL-2.0-only

//! Checks across the files of a folder, and with that, everything that a folder must pass.

use std::{collections::BTreeMap, path::Path};

use jiff::{Timestamp, tz::TimeZone};
use rules::release::Release;
use toml::value::Date;

use crate::{
    check::{self, Draft},
    edition::Edition,
    error::Error,
    finding::{Finding, Notes},
    kernels, numbers, overlap,
    quirk::Quirk,
    replay,
    rule::Rule,
    source::{self, DataFile, Sources},
};

/// What the files of a folder are checked for.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The edition that is built from the folder: it must hold what that edition is built from.
    /// Without one, the files may be anything.
    pub edition: Option<Edition>,
    /// The oldest release of the kernel that its table is for, if it is for a kernel at all.
    pub kernel: Option<Release>,
    /// The day after which nobody can have stated anything.
    pub today: Date,
}

impl Scope {
    /// The scope of a check that is made today, by universal time.
    #[must_use]
    pub fn now(edition: Option<Edition>) -> Self {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        Self {
            edition,
            kernel: None,
            today: Date {
                year: u16::try_from(today.year()).unwrap_or(u16::MAX),
                month: today.month().unsigned_abs(),
                day: today.day().unsigned_abs(),
            },
        }
    }
}

/// Reads and checks a folder, and returns its entries, in the order of the files.
///
/// # Errors
///
/// [`Error::Findings`] for everything that is wrong with any of the files, and
/// [`Error::CouldNotRun`] when they cannot be read.
pub fn load(folder: &Path, scope: Scope) -> Result<Vec<Quirk>, Error> {
    check_all(source::read(folder)?, scope).map_err(Error::Findings)
}

/// As [`check`], with what was found in reading, and against what lies beside the files: the list of
/// numbers, and what kernels hold.
///
/// # Errors
///
/// Everything that is wrong with any of the files, sorted by file and place; never empty.
pub fn check_all(sources: Sources, scope: Scope) -> Result<Vec<Quirk>, Vec<Finding>> {
    let mut findings = sources.findings;
    let beside = |drafts: &[Draft<'_>]| {
        let kernels = sources.kernels.as_deref().unwrap_or(kernels::known());
        let against_kernels = drafts
            .iter()
            .flat_map(|draft| kernels::check(draft, kernels));
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
        Ok(quirks) if findings.is_empty() => return Ok(quirks),
        Ok(_) => {}
        Err(more) => findings.extend(more),
    }
    findings.sort();
    Err(findings)
}

/// Checks the files of one folder, by themselves, and returns their entries, in the order of the files.
/// What a table is built from goes through [`check_all`].
///
/// # Errors
///
/// Everything that is wrong with any of the files, sorted by file and line; never empty.
pub fn check(files: &[DataFile], scope: Scope) -> Result<Vec<Quirk>, Vec<Finding>> {
    examine(files, scope, |_| Vec::new())
}

/// Checks files, with what `beside` finds.
fn examine(
    files: &[DataFile],
    scope: Scope,
    beside: impl FnOnce(&[Draft<'_>]) -> Vec<Finding>,
) -> Result<Vec<Quirk>, Vec<Finding>> {
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
    let mut quirks = Vec::new();
    if findings.is_empty() {
        quirks.extend(drafts.into_iter().filter_map(Draft::finish));
        findings = replay::check(files, &quirks);
    }
    if findings.is_empty() {
        return Ok(quirks);
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

/// A vendor's ids have one folder: that of the entry with the lowest number, which came first.
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
