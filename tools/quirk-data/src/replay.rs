// SPDX-License-Identifier: GPL-2.0-only

//! Compares the expected groups of captured machines with the predicted ones, without and with the
//! entry.

mod capture;
mod difference;

use std::collections::BTreeSet;

use grouping::{
    handlers::Handlers,
    model::{Fault, Interface},
    predict::Prediction,
    view,
};
use rules::entry::Kind;
use topology::{Bdf, Function, Partition, Topology};

use crate::{
    built,
    cause::{Cause, Reason},
    check::{CheckedFile, Expect},
    entry::{Entry, Ids, Status},
    finding::{Finding, Notes},
    handlers,
    narrow::narrowed,
    overlap::{UNLIKE_THE_OTHERS, are_known_to_meet},
    rule::Rule,
};

use difference::Difference;

pub(crate) use capture::{Gap, are_virtual, cut, gaps, with_iommu};

/// Checks the captures and the expectations of every entry, with all mainline entries as the
/// kernel's handlers. If a part of a claim could not be read, only its captures are checked: groups
/// that were predicted from the rest would mislead.
pub(crate) fn check(files: &[CheckedFile<'_>]) -> Vec<Finding> {
    let entries: Vec<_> = files.iter().map(|file| &file.entry).collect();
    let handlers = handlers::newest(entries.iter().copied());
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.file.built_in) {
        let Some(first) = file.expects.first() else {
            continue;
        };
        let mut notes = Notes::on(file.file);
        let mut seen = Captured {
            remedy: held_by_mainline(&file.entry, &entries),
            ..Captured::default()
        };
        // A mainline entry is tested for kernels that lack it.
        let handlers = handlers.without(file.entry.number);
        for expect in &file.expects {
            let Some(topology) = capture::read(file.file, expect, &mut notes) else {
                continue;
            };
            capture::claims_virtual(file, &topology, &mut notes);
            if !file.is_cut {
                one(
                    file, &entries, &topology, expect, &handlers, &mut seen, &mut notes,
                );
            }
        }
        if must_split(&file.entry) && seen.is_complete {
            missing(&file.entry, first, &seen, &mut notes);
        }
        findings.extend(notes.into_findings());
    }
    findings
}

/// Whether some captured machine must show that the entry splits a group.
const fn must_split(entry: &Entry) -> bool {
    matches!(entry.status, Status::Validated | Status::Mainline)
}

/// The effects of an entry on its captured machines.
#[derive(Default)]
struct Captured {
    /// Whether groups of some machine were computed.
    is_complete: bool,
    /// Whether the entry splits a group on any of them.
    splits: bool,
    /// The kinds for which some machine has a function.
    kinds: Vec<Kind>,
    /// Why the entry splits nothing on a machine.
    cause: Option<Reason>,
    /// The remedy if mainline still has the quirk that the entry replaces.
    remedy: Option<String>,
}

/// The remedy for an entry that replaces one whose quirk mainline still has: no kernel with that quirk
/// asks the module.
fn held_by_mainline(entry: &Entry, entries: &[&Entry]) -> Option<String> {
    let mut entries = entries.iter();
    let old = entries.find(|old| {
        let still = old
            .mainline
            .as_ref()
            .is_some_and(|one| !one.is_taken_back());
        still && old.replaced_by.as_ref() == Some(&entry.name)
    })?;
    Some(format!(
        "when mainline has removed the quirk of {}, add until to its section [mainline], the first release \
         without it; keep this claim back until then",
        old.name
    ))
}

/// The remedy for an entry that splits nothing.
const ANOTHER: &str = "correct the entry, or add a capture of a machine on which it splits a group";

/// Adds findings for effects that no captured machine shows.
fn missing(entry: &Entry, first: &Expect, seen: &Captured, notes: &mut Notes<'_>) {
    let place = &first.capture.span();
    for kind in entry.kinds().filter(|kind| !seen.kinds.contains(kind)) {
        let problem = format!(
            "no captured machine has a function of the kind \"{}\"",
            kind.name()
        );
        let help = "add a capture of a machine that has one, or take the kind out";
        notes.add(Rule::CaptureKind, place, "expect", problem, help);
    }
    if !seen.splits {
        let problem = "the entry splits no group of any captured machine";
        let (problem, help) = match &seen.cause {
            Some(Reason { words, remedy }) => (
                format!("{problem}: {words}"),
                seen.remedy
                    .as_deref()
                    .or(remedy.as_deref())
                    .unwrap_or(ANOTHER),
            ),
            None => (
                problem.to_owned(),
                "add a capture of a machine on which the functions share a group",
            ),
        };
        notes.add(Rule::ExpectSplit, place, "expect", problem, help);
    }
}

/// Checks one expectation, and adds the effects on the captured machine to `seen`.
fn one(
    file: &CheckedFile<'_>,
    entries: &[&Entry],
    topology: &Topology,
    expect: &Expect,
    handlers: &Handlers,
    seen: &mut Captured,
    notes: &mut Notes<'_>,
) {
    let entry = &file.entry;
    let (at_capture, field) = (&expect.capture.span(), "expect.capture");
    let members: BTreeSet<_> = members(topology, entry).map(|one| one.bdf).collect();
    if members.is_empty() {
        let problem = "it has no function with an id of the entry";
        let help = "capture a machine that has the device, or correct the ids";
        notes.add(Rule::CaptureDevice, at_capture, field, problem, help);
        return;
    }
    let is_member = |function: &&Function| members.contains(&function.bdf);
    for function in topology.functions.iter().filter(is_member) {
        if let Some((problem, help)) = capture::pointless(function) {
            let problem = format!("{} {problem}", function.bdf);
            notes.add(Rule::CaptureAcs, at_capture, field, problem, help);
        }
    }
    contradicted(entry, entries, topology, &members, expect, notes);

    let view = view(topology);
    for of in &view.functions {
        if let (Interface::Express(found), true) =
            (of.facts.interface, members.contains(&of.function.bdf))
        {
            let kinds = entry.kinds().filter(|kind| kind.applies_to(found));
            seen.kinds.extend(kinds);
        }
    }
    let prediction = Prediction::of(topology, &view, handlers);
    let Ok((before, after)) = groups(topology, &prediction, entry) else {
        let problem = "no kernel can group this";
        let help = "capture the machine again";
        notes.add(Rule::CaptureRead, at_capture, field, problem, help);
        return;
    };
    let decide = deciding(topology, &members, (&before, &after), handlers, entry);
    capture::beyond(topology, &decide, expect, notes);
    let gaps = gaps(&view, &members, &decide);
    if !gaps.is_empty() {
        for (problem, help) in gaps {
            notes.add(Rule::CaptureAcs, at_capture, field, problem, help);
        }
        return;
    }
    let cause = Cause {
        entry,
        others: entries,
        view: &view,
        prediction: &prediction,
        handlers,
    };
    let is_split = before != after;
    let above = || cause.of_above(&members, &before).filter(|_| !is_split);
    let of_after = |(one, _): (Bdf, Bdf)| {
        let mut groups = after.iter();
        let group = groups.find(|group| group.contains(&one));
        let refused = cause.of_no_grant(|bdf| group.is_some_and(|group| group.contains(&bdf)));
        refused.or_else(above)
    };
    let of_before = |(one, other)| {
        let words = cause.of_kernel(&BTreeSet::from([one, other]))?;
        let remedy = None;
        Some(Reason { words, remedy })
    };
    // What splits nothing is refused where a split is asked for, even if it is expected.
    let is_wanted = must_split(entry) && !is_split && file.expects.len() == 1;
    for (field, expected, computed) in [
        ("expect.before", &expect.before, &before),
        ("expect.after", &expect.after, &after),
    ] {
        if expected.get_ref() == computed {
            continue;
        }
        let found = Difference::of(expected.get_ref(), computed);
        let is_after = field == "expect.after";
        let reason = if is_after {
            found.together.and_then(of_after)
        } else {
            found.together.or(found.apart).and_then(of_before)
        };
        let words = reason.as_ref().map(|reason| reason.words.as_str());
        let problem = format!(
            "the kernel makes other groups: {}",
            found.words(topology, words)
        );
        let remedy = reason.and_then(|reason| reason.remedy);
        let help = match (&seen.remedy, remedy) {
            (Some(held), _) => held.clone(),
            (None, Some(remedy)) if is_after && is_wanted => remedy,
            (None, None) if is_after && is_wanted => ANOTHER.to_owned(),
            (None, remedy) => {
                let first = remedy.unwrap_or_else(|| "correct the entry".to_owned());
                format!("{first}, or write what it makes: {}", shown(computed))
            }
        };
        notes.add(Rule::ExpectGroups, &expected.span(), field, problem, help);
    }
    recorded(topology, &before, expect, notes);
    seen.is_complete = true;
    seen.splits |= is_split;
    let cause = || cause.of_no_grant(|_| true).or_else(above);
    seen.cause = seen.cause.take().or_else(cause);
}

/// The functions that decide on the groups of a device, which are these without and with the entry.
fn deciding(
    topology: &Topology,
    members: &BTreeSet<Bdf>,
    (before, after): (&Partition, &Partition),
    handlers: &Handlers,
    entry: &Entry,
) -> BTreeSet<Bdf> {
    let around = topology::around(topology, members);
    // As `acsctl quirk new` leaves out what makes no difference.
    let touched = before.iter().flatten().copied().collect();
    let fewer = narrowed(&around, members, &touched);
    let view = view(&fewer);
    let same = groups(&fewer, &Prediction::of(&fewer, &view, handlers), entry);
    let is_same = same.is_ok_and(|(one, other)| (&one, &other) == (before, after));
    let decide = if is_same { &fewer } else { &around };
    decide.functions.iter().map(|one| one.bdf).collect()
}

/// Adds a finding if a captured function of the entry is among the devices that a statement against
/// isolation is about. What the ids and the limits tell has a finding without a capture.
fn contradicted(
    entry: &Entry,
    entries: &[&Entry],
    topology: &Topology,
    members: &BTreeSet<Bdf>,
    expect: &Expect,
    notes: &mut Notes<'_>,
) {
    if entry.status.is_negative() {
        return;
    }
    let others = entries.iter();
    let is_against = |other: &&&Entry| {
        let mut kinds = other.kinds();
        other.status == Status::NotIsolated && kinds.any(|kind| entry.kinds.contains(&kind))
    };
    let is_told = |function: &Function, other: &Entry| {
        let has = |ids: &Ids| {
            function
                .device
                .is_some_and(|device| ids.contains(function.vendor.value(), device.value()))
        };
        let mut own = entry.devices.iter().filter(|one| one.ids.iter().any(has));
        own.any(|own| {
            let mut others = other.devices.iter().filter(|one| one.ids.iter().any(has));
            others.any(|other| are_known_to_meet(&own.limits, &other.limits))
        })
    };
    for other in others.filter(is_against) {
        let mut functions = topology.functions.iter();
        let Some(function) = functions.find(|function| {
            members.contains(&function.bdf)
                && other.ids().any(Ids::is_any)
                && other.is_about(function)
                && !is_told(function, other)
        }) else {
            continue;
        };
        let problem = format!(
            "{} is of the devices that the not-isolated entry {} is about",
            function.bdf, other.name
        );
        let place = &expect.capture.span();
        notes.add(
            Rule::Refused,
            place,
            "expect.capture",
            problem,
            UNLIKE_THE_OTHERS,
        );
    }
}

/// Adds a finding if the machine's kernel made other groups than the computed ones without the entry. What the file expects
/// has a finding of its own.
fn recorded(topology: &Topology, computed: &Partition, expect: &Expect, notes: &mut Notes<'_>) {
    let touched: BTreeSet<_> = computed.iter().flatten().copied().collect();
    let recorded = touching(&topology::recorded(topology), &touched);
    if recorded.is_empty() || &recorded == computed {
        return;
    }
    let cause = match &topology.acs_override {
        Some(value) => format!(", with pcie_acs_override={value}"),
        None if topology.regrouped.iter().any(|bdf| touched.contains(bdf)) => {
            ", after functions were removed and rescanned".to_owned()
        }
        None => String::new(),
    };
    let problem = format!(
        "the kernel of the captured machine made other groups{cause}: {}",
        shown(&recorded)
    );
    let help = "boot a stock kernel without acs_quirks and without the ACS override, and capture the \
                machine again with acsctl quirk new; if the groups still differ, report the capture: \
                the computation is wrong";
    let (place, field) = (&expect.before.span(), "expect.before");
    notes.add(Rule::ExpectRecorded, place, field, problem, help);
}

/// The groups with a function of the entry, without the entry, and the groups of the same functions
/// with the entry, if its conditions hold.
///
/// # Errors
///
/// [`Fault`] for a topology that was not checked.
pub(crate) fn groups(
    topology: &Topology,
    prediction: &Prediction<'_>,
    entry: &Entry,
) -> Result<(Partition, Partition), Fault> {
    let of_entry: BTreeSet<_> = members(topology, entry).map(|one| one.bdf).collect();
    let before = touching(&prediction.without_table()?, &of_entry);
    let touched: BTreeSet<_> = before.iter().flatten().copied().collect();
    let after = touching(&prediction.with_table(&built::alone(entry))?, &touched);
    Ok((before, after))
}

/// The functions whose ids the entry lists.
fn members<'t>(topology: &'t Topology, entry: &Entry) -> impl Iterator<Item = &'t Function> {
    topology.functions.iter().filter(|function| {
        let vendor = function.vendor.value();
        function
            .device
            .is_some_and(|device| entry.ids().any(|ids| ids.contains(vendor, device.value())))
    })
}

/// The groups with any of these functions.
pub(crate) fn touching(groups: &Partition, functions: &BTreeSet<Bdf>) -> Partition {
    let groups = groups.iter();
    let touched = groups.filter(|group| group.iter().any(|bdf| functions.contains(bdf)));
    touched.cloned().collect()
}

/// Formats groups as entries do.
pub(crate) fn shown(groups: &Partition) -> String {
    let group = |members: &Vec<Bdf>| {
        let members: Vec<_> = members.iter().map(|bdf| format!("\"{bdf}\"")).collect();
        format!("[{}]", members.join(", "))
    };
    let groups: Vec<_> = groups.iter().map(group).collect();
    format!("[{}]", groups.join(", "))
}
