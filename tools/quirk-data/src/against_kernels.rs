// SPDX-License-Identifier: GPL-2.0-only

//! Compares mainline entries with the lists of kernels' tables.

use rules::release::Release;

use crate::{
    check::CheckedFile,
    entry::{Ids, Mainline, Status},
    finding::{Finding, Notes},
    kernels::{Kernel, Tree, is_to_come},
    rule::Rule,
};

/// Compares an entry that mainline has or had with the kernels. Every kernel from `since` on and before `until` must
/// have its ids with its handler, and no unmodified mainline release before or after that.
pub(crate) fn check(file: &CheckedFile<'_>, kernels: &[Kernel]) -> Vec<Finding> {
    let mut notes = Notes::on(file.file);
    let mut unread = file.unread.iter();
    // The entry would be compared with other kernels.
    if unread.any(|field| field == "mainline.since" || field == "mainline.until") {
        return Vec::new();
    }
    if let Some(mainline) = &file.entry.mainline {
        match mainline.since_release() {
            Some(since) if is_to_come(since, kernels) => {
                to_come(file, mainline, since, kernels, &mut notes);
            }
            since => compare(file, mainline, since, kernels, &mut notes),
        }
    }
    notes.into_findings()
}

/// Finds claims of ids that a release of mainline has, where no entry says since when. A claim without its
/// release would go on after mainline has removed the quirk (trust rule `kernel-first`).
pub(crate) fn merged(files: &[CheckedFile<'_>], kernels: &[Kernel]) -> Vec<Finding> {
    let has_section = |file: &&CheckedFile<'_>| file.entry.mainline.is_some();
    let told = files
        .iter()
        .filter(has_section)
        .flat_map(|file| &file.claimed);
    let told: Vec<_> = told.map(|ids| *ids.get_ref()).collect();
    let is_told = |ids: Ids| {
        let mut told = told.iter();
        told.any(|one| one.vendor == ids.vendor && one.first <= ids.last && ids.first <= one.last)
    };
    let mut findings = Vec::new();
    for file in files {
        if !matches!(file.entry.status, Status::Validated | Status::Candidate) {
            continue;
        }
        let mut claimed = file.claimed.iter().filter(|ids| !is_told(*ids.get_ref()));
        let merged = claimed.find_map(|ids| {
            let mut releases = kernels.iter().filter(|one| one.tree == Tree::Mainline);
            let found =
                releases.find_map(|one| Some((one, one.other_handler(*ids.get_ref(), "")?)));
            Some((ids, found?))
        });
        if let Some((ids, (kernel, handler))) = merged {
            let mut notes = Notes::on(file.file);
            let problem = format!(
                "Linux {} has {}, with {handler}",
                kernel.called(),
                ids.get_ref()
            );
            let help = format!(
                "write status = \"mainline\" and a section [mainline], with since = \"v{}\" if no release \
                 before has it",
                kernel.release
            );
            let field = "match.devices";
            notes.add(Rule::InMainline, &ids.span(), field, problem, help);
            findings.extend(notes.into_findings());
        }
    }
    findings
}

/// Checks an entry for a release newer than every listed kernel: it must name the commit and the
/// date, because its rows cannot be looked up.
fn to_come(
    file: &CheckedFile<'_>,
    mainline: &Mainline,
    since: Release,
    kernels: &[Kernel],
    notes: &mut Notes<'_>,
) {
    let newest = kernels.last().map_or_else(String::new, Kernel::called);
    let mut missing = |field: &str, help: &str| {
        if file.unread.iter().any(|unread| unread == field) {
            return;
        }
        let problem = format!(
            "missing, and v{since} is newer than every kernel that was read, up to {newest}"
        );
        notes.add(Rule::KeyMissing, &file.mainline_at, field, problem, help);
    };
    if mainline.commit.is_none() {
        let help = "name the commit in mainline, or correct since";
        missing("mainline.commit", help);
    }
    if file
        .entry
        .evidence
        .as_ref()
        .is_some_and(|one| one.date.is_none())
    {
        missing(
            "evidence.date",
            "write the day of the commit's first mail, as date = 2014-11-03",
        );
    }
}

fn compare(
    file: &CheckedFile<'_>,
    mainline: &Mainline,
    since: Option<Release>,
    kernels: &[Kernel],
    notes: &mut Notes<'_>,
) {
    let handler = mainline.handler.as_str();
    let until = mainline.until_release();
    let newest = kernels.last().map(|newest| newest.release);
    // If `since` is unknown, the newest kernel must have the entry.
    let first = since.or(newest);
    let (mut absent, mut early, mut back) = (false, false, false);
    for kernel in kernels {
        let is_old = first.is_some_and(|first| kernel.release < first);
        let is_gone = until.is_some_and(|until| until <= kernel.release);
        for (ids, span) in file.claimed.iter().map(|ids| (*ids.get_ref(), ids.span())) {
            if !is_old && !is_gone {
                let Some(device) = kernel.lacks(ids, handler).filter(|_| !absent) else {
                    continue;
                };
                absent = true;
                let instead = Ids {
                    first: device,
                    last: device,
                    ..ids
                };
                let problem = match kernel.other_handler(instead, handler) {
                    Some(other) => format!(
                        "in Linux {}, {:04x}:{device:04x} has the handler {other} and not {handler}",
                        kernel.called(),
                        ids.vendor
                    ),
                    None => format!(
                        "Linux {} does not have {:04x}:{device:04x} with {handler}",
                        kernel.called(),
                        ids.vendor
                    ),
                };
                let help = "correct the ids, the handler or since; for a release to come, name it and \
                            the commit";
                notes.add(Rule::MainlineAgrees, &span, "match.devices", problem, help);
            } else if kernel.tree == Tree::Mainline && kernel.has(ids, handler) {
                if is_gone && !back {
                    back = true;
                    let problem = format!("Linux {} has {ids}", kernel.called());
                    let help = "write the first release without it, or take the line out";
                    notes.add(
                        Rule::MainlineAgrees,
                        &file.mainline_at,
                        "mainline.until",
                        problem,
                        help,
                    );
                } else if is_old && !early && since.is_some() {
                    early = true;
                    let problem = format!("Linux {} has {ids} already", kernel.called());
                    let help = "write the first release that has it";
                    notes.add(
                        Rule::MainlineAgrees,
                        &file.mainline_at,
                        "mainline.since",
                        problem,
                        help,
                    );
                }
            }
        }
    }
}
