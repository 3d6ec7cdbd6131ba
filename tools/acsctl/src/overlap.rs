// SPDX-License-Identifier: GPL-2.0-only

//! Ids that more than one entry speaks of.

use crate::{
    check::Draft,
    finding::{Finding, Notes},
    quirk::{Ids, Status},
};

/// Every id belongs to one entry. Negative entries of different files may share ids: the same
/// thing can be refused twice. And a mainline entry may share them with one for functions of
/// another kind, because the kernel's handlers tell those apart by their PCIe type.
pub(crate) fn claims(drafts: &[Draft<'_>]) -> Vec<Finding> {
    let mut ranges: Vec<(&Ids, &Draft<'_>)> = drafts
        .iter()
        .flat_map(|draft| draft.ids().map(move |ids| (ids, draft)))
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
    if !same_file && are_told_apart(one.1, other.1) {
        return None;
    }
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

/// Whether one of two entries is mainline's and no function is of a kind that both speak for.
fn are_told_apart(one: &Draft<'_>, other: &Draft<'_>) -> bool {
    let is_mainline = |draft: &Draft<'_>| draft.status == Some(Status::Mainline);
    (is_mainline(one) || is_mainline(other))
        && !one.kinds.iter().any(|kind| other.kinds.contains(kind))
}

/// What one entry deliberately leaves out, no entry may claim.
pub(crate) fn excluded(drafts: &[Draft<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for draft in drafts {
        let ranges = draft.excludes.iter().flat_map(|excluded| &excluded.ids);
        for ids in ranges {
            let claims = drafts
                .iter()
                .filter(|claim| !claim.status.is_some_and(Status::is_negative))
                .filter(|claim| !are_told_apart(draft, claim))
                .flat_map(|claim| claim.ids().map(move |ids| (ids, claim)));
            for (claimed, claim) in claims {
                if ids.vendor != claimed.vendor
                    || ids.last < claimed.first
                    || claimed.last < ids.first
                {
                    continue;
                }
                let mut notes = Notes::on(claim.file);
                notes.add(
                    &claimed.span,
                    "match.devices",
                    format!(
                        "{claimed} is left out by {} ({ids}, line {})",
                        draft.file.name,
                        draft.file.line(ids.span.start)
                    ),
                    "a claim and its exclusion cannot both stand: take the ids out of one of \
                     them, with the evidence for it",
                );
                findings.extend(notes.into_findings());
            }
        }
    }
    findings
}
