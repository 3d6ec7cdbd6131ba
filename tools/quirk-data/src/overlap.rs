// SPDX-License-Identifier: GPL-2.0-only

//! Ids that more than one entry speaks of.

use crate::{
    check::Draft,
    finding::{Finding, Notes},
    quirk::{Ids, Status},
    rule::Rule,
};

/// What an entry says of a range of ids.
struct Mention<'d, 'f> {
    ids: &'d Ids,
    draft: &'d Draft<'f>,
    /// Whether it leaves them out on purpose, instead of speaking for them.
    excludes: bool,
}

impl Mention<'_, '_> {
    fn is_negative(&self) -> bool {
        self.draft.status.is_some_and(Status::is_negative)
    }

    fn is_mainline(&self) -> bool {
        self.draft.status == Some(Status::Mainline)
    }

    /// Whether both are of one file, and say the same of their ids.
    fn is_beside(&self, other: &Self) -> bool {
        let same_file = self.draft.file.path == other.draft.file.path;
        same_file && self.excludes == other.excludes && self.ids.is_any() == other.ids.is_any()
    }

    fn line(&self) -> usize {
        self.draft.file.line(self.ids.span.start)
    }

    fn name(&self) -> &str {
        &self.draft.file.name
    }
}

/// Checks that every id belongs to one entry, and that nothing is claimed beside what says that it
/// must not be. Each range is held against the one of each file that reaches furthest of those that
/// begin before it, so that there is one finding on it and not one for each that it overlaps.
/// O(n log n) in the number of ranges, as long as few files overlap.
pub(crate) fn check(drafts: &[Draft<'_>]) -> Vec<Finding> {
    let mut mentions: Vec<_> = drafts.iter().flat_map(mentions).collect();
    mentions.sort_by_key(|mention| (mention.ids.vendor, mention.ids.first));

    let mut findings = Vec::new();
    let mut furthest: Vec<&Mention<'_, '_>> = Vec::new();
    for high in &mentions {
        let reaches = |low: &Ids| low.vendor == high.ids.vendor && high.ids.first <= low.last;
        furthest.retain(|low| reaches(low.ids));
        findings.extend(furthest.iter().filter_map(|low| overlap(low, high)));
        match furthest.iter_mut().find(|low| low.is_beside(high)) {
            Some(low) if low.ids.last < high.ids.last => *low = high,
            Some(_) => {}
            None => furthest.push(high),
        }
    }
    findings
}

fn mentions<'d, 'f>(draft: &'d Draft<'f>) -> impl Iterator<Item = Mention<'d, 'f>> {
    let of = move |excludes| {
        move |ids| Mention {
            ids,
            draft,
            excludes,
        }
    };
    let excluded = draft.excludes.iter().flat_map(|excluded| &excluded.ids);
    draft.ids().map(of(false)).chain(excluded.map(of(true)))
}

/// The finding on two mentions that overlap, if these two may not.
fn overlap(one: &Mention<'_, '_>, other: &Mention<'_, '_>) -> Option<Finding> {
    if one.excludes || other.excludes {
        return match (one.excludes, other.excludes) {
            (true, false) => claim_of_excluded(other, one),
            (false, true) => claim_of_excluded(one, other),
            _ => None,
        };
    }
    if one.draft.file.path == other.draft.file.path {
        let (there, blamed) = in_order(one, other, |mention| mention.ids.span.start);
        let problem = format!(
            "{} overlaps {} in line {}",
            blamed.ids,
            there.ids,
            there.line()
        );
        return finding(blamed, Rule::Overlap, problem, "name each id once");
    }
    let wildcard_refused =
        |mention: &Mention<'_, '_>| mention.is_negative() && mention.ids.is_any();
    if are_told_apart(one, other) || wildcard_refused(one) || wildcard_refused(other) {
        // Where every device of a vendor was refused, that was the fault, and exact ids are
        // another matter.
        return None;
    }
    match (one.is_negative(), other.is_negative()) {
        (true, true) => None,
        (true, false) => refused(other, one),
        (false, true) => refused(one, other),
        (false, false) => twice_claimed(one, other),
    }
}

fn claim_of_excluded(claim: &Mention<'_, '_>, there: &Mention<'_, '_>) -> Option<Finding> {
    if claim.is_negative() || are_told_apart(claim, there) {
        return None;
    }
    let problem = format!(
        "{} is left out by {} ({}, line {})",
        claim.ids,
        there.name(),
        there.ids,
        there.line()
    );
    let help = "a claim and its exclusion cannot both stand: take the ids out of one of them, with \
                the evidence for it";
    finding(claim, Rule::Excluded, problem, help)
}

fn refused(claim: &Mention<'_, '_>, there: &Mention<'_, '_>) -> Option<Finding> {
    let problem = format!(
        "{} is in the {} entry {} ({}, line {})",
        claim.ids,
        there.draft.status.map_or("", Status::name),
        there.name(),
        there.ids,
        there.line()
    );
    let help = "a claim and its refusal cannot both stand: take the ids out of one of them, with \
                the evidence for it";
    finding(claim, Rule::Refused, problem, help)
}

fn twice_claimed(one: &Mention<'_, '_>, other: &Mention<'_, '_>) -> Option<Finding> {
    if one.is_mainline() != other.is_mainline() && !are_taken(one, other) {
        let (claim, there) = if one.is_mainline() {
            (other, one)
        } else {
            (one, other)
        };
        let since = there
            .draft
            .mainline
            .as_ref()
            .and_then(|mainline| mainline.since.as_deref());
        let problem = format!(
            "{} is in mainline {}: {} ({}, line {})",
            claim.ids,
            since.map_or("already".to_owned(), |since| format!("since {since}")),
            there.name(),
            there.ids,
            there.line()
        );
        let help = "take the ids out: the kernel has them; where it lacks them, it is older than \
                    those that are supported";
        return finding(claim, Rule::InMainline, problem, help);
    }
    let (there, blamed) = in_order(one, other, |mention| mention.name().to_owned());
    let problem = format!(
        "{} overlaps {} of {}, line {}",
        blamed.ids,
        there.ids,
        there.name(),
        there.line()
    );
    let help = "an id belongs to one entry: take it out of one of them";
    finding(blamed, Rule::Overlap, problem, help)
}

/// Two mentions, by ascending `key`.
fn in_order<'m, 'd, 'f, K: PartialOrd>(
    one: &'m Mention<'d, 'f>,
    other: &'m Mention<'d, 'f>,
    key: impl Fn(&Mention<'d, 'f>) -> K,
) -> (&'m Mention<'d, 'f>, &'m Mention<'d, 'f>) {
    if key(one) <= key(other) {
        (one, other)
    } else {
        (other, one)
    }
}

fn finding(blamed: &Mention<'_, '_>, rule: Rule, problem: String, help: &str) -> Option<Finding> {
    let mut notes = Notes::on(blamed.draft.file);
    notes.add(rule, &blamed.ids.span, "match.devices", problem, help);
    notes.into_findings().pop()
}

/// Whether both go into the table that the folder is checked for, where an id leads to one entry.
fn are_taken(one: &Mention<'_, '_>, other: &Mention<'_, '_>) -> bool {
    one.draft.is_taken && other.draft.is_taken
}

/// Whether one of two entries is mainline's and no function is of a kind that both speak for: the
/// kernel's handlers tell those apart by their PCIe type, a table of ours does not, and neither does
/// a handler for any type, but beside handlers of the kernel's own. What supersedes a handler is of
/// the handler's own kinds.
fn are_told_apart(one: &Mention<'_, '_>, other: &Mention<'_, '_>) -> bool {
    let kinds = &other.draft.kinds;
    let supersedes = |mention: &Mention<'_, '_>| {
        let handler = mention.draft.supersedes;
        handler.is_some_and(|handler| handler.vendor() == mention.ids.vendor)
    };
    let mainline = [one, other].map(|mention| mention.draft.mainline.as_ref());
    let any_type = mainline.iter().flatten().any(|mainline| mainline.any_type);
    let both = one.is_mainline() && other.is_mainline();
    (one.is_mainline() || other.is_mainline())
        && (both || !any_type)
        && !are_taken(one, other)
        && !supersedes(one)
        && !supersedes(other)
        && !one.draft.kinds.iter().any(|kind| kinds.contains(kind))
}
