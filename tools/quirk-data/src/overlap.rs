// SPDX-License-Identifier: GPL-2.0-only

//! Finds ids that more than one entry mentions.

use std::ops::Range;

use toml::Spanned;

use crate::{
    check::CheckedFile,
    entry::{Ids, Status},
    finding::{Finding, Notes},
    limits::Limits,
    rule::Rule,
};

/// A range of ids in an entry.
struct Mention<'d, 'f> {
    ids: &'d Ids,
    span: Range<usize>,
    file: &'d CheckedFile<'f>,
    /// Whether the entry excludes the range instead of claiming it.
    excludes: bool,
}

impl Mention<'_, '_> {
    fn is_negative(&self) -> bool {
        self.file.entry.status.is_negative()
    }

    fn is_mainline(&self) -> bool {
        self.file.entry.status == Status::Mainline
    }

    /// Whether both mentions are in the same file and are of the same sort.
    fn is_beside(&self, other: &Self) -> bool {
        let same_file = self.file.file.path == other.file.file.path;
        same_file && self.excludes == other.excludes && self.ids.is_any() == other.ids.is_any()
    }

    fn line(&self) -> usize {
        self.file.file.line(self.span.start)
    }

    fn name(&self) -> &str {
        &self.file.file.name
    }

    /// The name of the entry, with the range and its line.
    fn with_place(&self) -> String {
        format!("{} ({}, line {})", self.name(), self.ids, self.line())
    }

    /// Whether this mention is in the entry that came later.
    fn is_later_than(&self, other: &Self) -> bool {
        self.file.order() > other.file.order()
    }

    /// The sections of the entry that have the ids.
    fn limits(&self) -> impl Iterator<Item = &Limits> {
        let sections = self.file.entry.devices.iter();
        let own = sections.filter(|devices| devices.ids.contains(self.ids));
        own.map(|devices| &devices.limits)
    }
}

/// Checks that every id belongs to one entry, and that no entry claims an id that another one
/// refuses. Each range is compared, for each file, with the furthest-reaching range that starts
/// before it, so that it gets one finding and not one for each overlap. Costs O(n log n) in the
/// number of ranges, if few files overlap.
pub(crate) fn check(files: &[CheckedFile<'_>]) -> Vec<Finding> {
    let mut mentions: Vec<_> = files.iter().flat_map(mentions).collect();
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

fn mentions<'d, 'f>(file: &'d CheckedFile<'f>) -> impl Iterator<Item = Mention<'d, 'f>> {
    let of = move |excludes| {
        move |ids: &'d Spanned<Ids>| Mention {
            ids: ids.get_ref(),
            span: ids.span(),
            file,
            excludes,
        }
    };
    let claimed = file.claimed.iter().map(of(false));
    claimed.chain(file.excluded.iter().map(of(true)))
}

/// The finding for two overlapping mentions, unless the overlap is allowed.
fn overlap(one: &Mention<'_, '_>, other: &Mention<'_, '_>) -> Option<Finding> {
    if one.excludes || other.excludes {
        return match (one.excludes, other.excludes) {
            (true, false) => claim_of_excluded(other, one),
            (false, true) => claim_of_excluded(one, other),
            _ => None,
        };
    }
    if one.file.file.path == other.file.file.path {
        // A statement against isolation may be about several classes of the vendor.
        if one.file.entry.status == Status::NotIsolated {
            return None;
        }
        let (there, blamed) = in_order(one, other, |mention| mention.span.start);
        let problem = format!(
            "{} overlaps {} in line {}",
            blamed.ids,
            there.ids,
            there.line()
        );
        return finding(blamed, Rule::Overlap, problem, "name each id once");
    }
    if are_told_apart(one, other) {
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
    // An exclusion is about functions of the entry's kinds.
    // The exclusions of a refusal are what it does not refuse.
    let is_negative = claim.is_negative() || there.is_negative();
    if is_negative || are_told_apart(claim, there) || !share_a_kind(claim, there) {
        return None;
    }
    let help = "a claim and its exclusion contradict each other: take the ids out of one of them, with \
                the evidence for it";
    if there.is_later_than(claim) {
        let problem = format!("{} is claimed by {}", there.ids, claim.with_place());
        return finding(there, Rule::Excluded, problem, help);
    }
    let problem = format!("{} is left out by {}", claim.ids, there.with_place());
    finding(claim, Rule::Excluded, problem, help)
}

fn refused(claim: &Mention<'_, '_>, there: &Mention<'_, '_>) -> Option<Finding> {
    let is_replaced = there.file.entry.replaced_by.as_deref() == Some(claim.name());
    if is_replaced || is_of_others(claim, there) {
        return None;
    }
    if there.ids.is_any() {
        return refused_by_wildcard(claim, there);
    }
    let (refusal, name) = (there.name(), claim.name());
    let is_later = there.is_later_than(claim);
    let instead = match there.file.entry.status {
        Status::NotIsolated if is_later => {
            "or limit the statement to a class, revisions or subsystems that the claim leaves out"
                .to_owned()
        }
        Status::NotIsolated => {
            "or limit the claim to a class, revisions or subsystems that the statement leaves out"
                .to_owned()
        }
        _ if is_later => {
            format!("or refuse the claim in {name}, which keeps its number, with its new status")
        }
        Status::Withdrawn => {
            format!("or replace {refusal}: in it, write replaced-by = \"{name}\"")
        }
        _ => format!("or make the claim in {refusal}, which keeps its number, with its new status"),
    };
    let help = format!(
        "a claim and its refusal contradict each other: take the ids out of one of them, with the \
         evidence for it; {instead}"
    );
    let in_entry = |ids: &Ids, other: &Mention<'_, '_>| {
        let status = other.file.entry.status.name();
        format!("{ids} is in the {status} entry {}", other.with_place())
    };
    if is_later {
        return finding(there, Rule::Refused, in_entry(there.ids, claim), &help);
    }
    let problem = in_entry(claim.ids, there);
    finding(claim, Rule::Refused, problem, &help)
}

/// The finding for a claim of exact ids that a statement against isolation of every device of the vendor
/// is about. The refusal of a claim for every device is about that width; a claim of exact ids is
/// another matter.
fn refused_by_wildcard(claim: &Mention<'_, '_>, there: &Mention<'_, '_>) -> Option<Finding> {
    let is_statement = there.file.entry.status == Status::NotIsolated;
    if !is_statement || claim.ids.is_any() || !is_among(claim, there) {
        return None;
    }
    let help = UNLIKE_THE_OTHERS;
    if there.is_later_than(claim) {
        let status = claim.file.entry.status.name();
        let of_entry = format!("{} of the {status} entry {}", claim.ids, claim.name());
        let problem = format!("{} includes {of_entry}, line {}", there.ids, claim.line());
        return finding(there, Rule::Refused, problem, help);
    }
    let problem = format!(
        "{} is of the devices that the not-isolated entry {} is about",
        claim.ids,
        there.with_place()
    );
    finding(claim, Rule::Refused, problem, help)
}

/// The remedy for a claim of devices that a statement against the isolation of a whole class is about.
pub(crate) const UNLIKE_THE_OTHERS: &str = "have the vendor say why the statement there does not hold for these ids, and \
                     list them in its [[match.excludes]], with that reason and its source";

/// Whether claimed ids are of the kind and the class that a statement is about, and it leaves none of them out.
fn is_among(claim: &Mention<'_, '_>, statement: &Mention<'_, '_>) -> bool {
    let Ids {
        vendor,
        first,
        last,
    } = *claim.ids;
    let is_left_out = |device| {
        let mut left_out = statement.file.excluded.iter();
        left_out.any(|ids| ids.get_ref().contains(vendor, device))
    };
    let are_of_class = |own: &Limits| {
        statement
            .limits()
            .any(|other| are_known_to_meet(own, other))
    };
    share_a_kind(claim, statement)
        && claim.limits().any(are_of_class)
        && !(first..=last).all(is_left_out)
}

/// Whether the limits of a claim are known without a capture to meet those of a statement on every device of the
/// vendor. Where only the statement has a class, only a capture tells the class of the ids.
pub(crate) fn are_known_to_meet(claim: &Limits, statement: &Limits) -> bool {
    (claim.class.is_some() || statement.class.is_none()) && !claim.are_apart(statement)
}

/// Whether a statement against isolation is about functions that the limits of the claim leave out. Any
/// other refusal is of the ids.
fn is_of_others(claim: &Mention<'_, '_>, against: &Mention<'_, '_>) -> bool {
    let are_apart = |one: &Limits| against.limits().all(|other| one.are_apart(other));
    against.file.entry.status == Status::NotIsolated && claim.limits().all(are_apart)
}

fn twice_claimed(one: &Mention<'_, '_>, other: &Mention<'_, '_>) -> Option<Finding> {
    if one.is_mainline() != other.is_mainline() && !are_taken(one, other) {
        let (claim, there) = if one.is_mainline() {
            (other, one)
        } else {
            (one, other)
        };
        let mainline = there.file.entry.mainline.as_ref();
        let since = mainline.and_then(|mainline| mainline.since.as_deref());
        let problem = format!(
            "{} is in mainline {}: {} ({}, line {})",
            claim.ids,
            since.map_or("already".to_owned(), |since| format!("since {since}")),
            there.name(),
            there.ids,
            there.line()
        );
        let why = match mainline {
            _ if there.ids.is_any() => "mainline has the quirk",
            Some(mainline) if mainline.is_taken_back() => "mainline has removed the quirk",
            _ => {
                "mainline has the quirk, and the module has it for the supported kernels that lack it"
            }
        };
        let help = format!("take the ids out: {why}{}", replace(there, claim));
        return finding(claim, Rule::InMainline, problem, &help);
    }
    let (there, blamed) = in_order(one, other, |mention| mention.file.order());
    let problem = format!(
        "{} overlaps {} of {}, line {}",
        blamed.ids,
        there.ids,
        there.name(),
        there.line()
    );
    let is_weaker = is_candidate(blamed) && !is_candidate(there);
    let help = if blamed.is_mainline() && !there.is_mainline() {
        format!("{ONE_ENTRY} of one of them{}", replace(blamed, there))
    } else if is_weaker {
        format!(
            "{ONE_ENTRY} of {}: no candidate replaces a {} entry",
            blamed.name(),
            there.file.entry.status.name()
        )
    } else {
        format!("{ONE_ENTRY} of one of them{}", replace(there, blamed))
    };
    finding(blamed, Rule::Overlap, problem, &help)
}

/// The start of the remedy for ids that two entries claim.
const ONE_ENTRY: &str = "an id belongs to one entry: take it out";

fn is_candidate(mention: &Mention<'_, '_>) -> bool {
    mention.file.entry.status == Status::Candidate
}

/// How the new claim replaces the old one, as the end of a help; empty for a handler that answers for
/// every device. While mainline has a quirk, another claim of its ids has no effect.
fn replace(old: &Mention<'_, '_>, new: &Mention<'_, '_>) -> String {
    if old.ids.is_any() {
        return String::new();
    }
    let until = match &old.file.entry.mainline {
        Some(mainline) if mainline.is_taken_back() => "; its section [mainline] stays",
        Some(_) => {
            ", when mainline has removed the quirk, and until, the first release without it, in its \
             section [mainline]"
        }
        None => "",
    };
    format!(
        "; or replace {}: in it, write status = \"withdrawn\", a reason, and replaced-by = \"{}\"{until}",
        old.name(),
        new.name()
    )
}

/// The two mentions, ascending by `key`.
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
    let mut notes = Notes::on(blamed.file.file);
    notes.add(rule, &blamed.span, "match.devices", problem, help);
    notes.into_findings().pop()
}

/// Whether both go into the table that the folder is checked for. An id leads to one entry there.
fn are_taken(one: &Mention<'_, '_>, other: &Mention<'_, '_>) -> bool {
    one.file.is_taken && other.file.is_taken
}

/// Whether the two entries have a kind in common. Without a known kind, they may.
fn share_a_kind(one: &Mention<'_, '_>, other: &Mention<'_, '_>) -> bool {
    let (kinds, others) = (&one.file.entry.kinds, &other.file.entry.kinds);
    kinds.is_empty() || others.is_empty() || kinds.iter().any(|kind| others.contains(kind))
}

/// Whether one of two entries is a mainline entry and they share no kind. The kernel's handlers
/// then distinguish the functions by PCIe type. This does not hold within a table of the module,
/// for a handler that accepts any PCIe type next to an entry of this project, or for an entry that
/// supersedes a handler of the vendor.
fn are_told_apart(one: &Mention<'_, '_>, other: &Mention<'_, '_>) -> bool {
    let kinds = &other.file.entry.kinds;
    let supersedes = |mention: &Mention<'_, '_>| {
        let handler = mention.file.entry.supersedes;
        handler.is_some_and(|handler| handler.vendor() == mention.ids.vendor)
    };
    let mainline = [one, other].map(|mention| mention.file.entry.mainline.as_ref());
    let any_type = mainline.iter().flatten().any(|mainline| mainline.any_type);
    let both = one.is_mainline() && other.is_mainline();
    (one.is_mainline() || other.is_mainline())
        && (both || !any_type)
        && !are_taken(one, other)
        && !supersedes(one)
        && !supersedes(other)
        && !one.file.entry.kinds.iter().any(|kind| kinds.contains(kind))
}

/// Whether two files claim an id in common.
fn share_ids(one: &CheckedFile<'_>, other: &CheckedFile<'_>) -> bool {
    let overlap = |one: &Ids, other: &Ids| {
        one.vendor == other.vendor && one.first <= other.last && other.first <= one.last
    };
    let mut own = one.claimed.iter();
    own.any(|ids| {
        let mut others = other.claimed.iter();
        others.any(|other| overlap(ids.get_ref(), other.get_ref()))
    })
}

/// Finds withdrawn entries that name a successor which does not exist or claims nothing.
pub(crate) fn replaced(files: &[CheckedFile<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let Some(name) = file.entry.replaced_by.as_deref() else {
            continue;
        };
        let successor = files.iter().find(|other| other.file.name == name);
        let problem = match successor {
            None => format!("there is no entry {name}"),
            Some(other) if other.entry.status.is_negative() => {
                format!("{name} is {}", other.entry.status.name())
            }
            Some(other) if file.entry.status == Status::Withdrawn && !share_ids(file, other) => {
                format!("{name} claims none of its ids")
            }
            Some(_) => continue,
        };
        let mut notes = Notes::on(file.file);
        let help = "name the entry that claims the ids now, or take the line out";
        notes.add(
            Rule::Replaced,
            &file.replaced_at,
            "replaced-by",
            problem,
            help,
        );
        findings.extend(notes.into_findings());
    }
    findings
}
