// SPDX-License-Identifier: GPL-2.0-only

//! Compares the expected groups of captured machines with the predicted ones, without and with the
//! entry.

use std::{collections::BTreeSet, fs};

use grouping::{
    handlers::Handlers,
    model::{Fault, Interface},
    predict::Prediction,
    view,
};
use rules::{entry::Kind, table::Table};
use topology::{Bdf, Function, Partition, Topology};

use crate::{
    built,
    check::{CheckedFile, Expect},
    entry::{Entry, Status},
    finding::{Finding, Notes},
    handlers,
    rule::Rule,
    source::DataFile,
};

/// Checks the expectations of every entry, with all mainline entries as the kernel's handlers. The
/// entries must have no other fault, because predictions from faulty entries are meaningless.
pub(crate) fn check(files: &[CheckedFile<'_>]) -> Vec<Finding> {
    let handlers = handlers::newest(files.iter().map(|file| &file.entry));
    let mut findings = Vec::new();
    for CheckedFile {
        file,
        entry,
        expects,
        ..
    } in files
    {
        let Some(first) = expects.first().filter(|_| !file.built_in) else {
            continue;
        };
        let mut notes = Notes::on(file);
        let mut seen = Captured::default();
        for expect in expects {
            // A mainline entry is tested for kernels that lack it.
            let handlers = handlers.without(entry.number);
            one(file, entry, expect, &handlers, &mut seen, &mut notes);
        }
        let mut found = notes.into_findings();
        if found.is_empty() && matches!(entry.status, Status::Validated | Status::Mainline) {
            found = missing(file, entry, first, &seen);
        }
        findings.extend(found);
    }
    findings
}

/// The effects of an entry on its captured machines.
#[derive(Default)]
struct Captured {
    /// Whether the entry splits a group on any of them.
    splits: bool,
    /// The kinds for which some machine has a function.
    kinds: Vec<Kind>,
}

/// Findings for effects that no captured machine shows.
fn missing(file: &DataFile, entry: &Entry, first: &Expect, seen: &Captured) -> Vec<Finding> {
    let mut notes = Notes::on(file);
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
        let help = "add a capture of a machine on which the functions share a group";
        notes.add(Rule::ExpectSplit, place, "expect", problem, help);
    }
    notes.into_findings()
}

/// Checks one expectation, and adds the effects on the captured machine to `seen`.
fn one(
    file: &DataFile,
    entry: &Entry,
    expect: &Expect,
    handlers: &Handlers,
    seen: &mut Captured,
    notes: &mut Notes<'_>,
) {
    let (capture, at_capture) = (expect.capture.get_ref(), &expect.capture.span());
    let field = "expect.capture";
    let path = file.path.with_file_name(capture);
    // Opening a pipe would block, and a link may lead out of the tree.
    if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
        let problem = format!("{capture} is not a regular file");
        let help = "put the capture itself there";
        notes.add(Rule::CaptureRead, at_capture, field, problem, help);
        return;
    }
    let topology = match topology::read(&path) {
        Ok(topology) => topology,
        Err(error) => {
            let problem = error.to_string();
            let problem = problem.replace(&path.display().to_string(), capture);
            let help = "make it with acsctl quirk new, and put it beside this file";
            notes.add(Rule::CaptureRead, at_capture, field, problem, help);
            return;
        }
    };
    let members: Vec<_> = members(&topology, entry).collect();
    if members.is_empty() {
        let problem = "no function of the entry is in it";
        let help = "capture a machine that has the device";
        notes.add(Rule::CaptureDevice, at_capture, field, problem, help);
        return;
    }
    for function in &members {
        if let Some((problem, help)) = pointless(function) {
            let problem = format!("{} {problem}", function.bdf);
            notes.add(Rule::CaptureAcs, at_capture, field, problem, help);
        }
    }

    let view = view(&topology);
    for of in &view.functions {
        let is_member = members.iter().any(|member| member.bdf == of.function.bdf);
        if let (Interface::Express(found), true) = (of.facts.interface, is_member) {
            let kinds = entry.kinds().filter(|kind| kind.applies_to(found));
            seen.kinds.extend(kinds);
        }
    }
    let prediction = Prediction::of(&topology, &view, handlers);
    let Ok((before, after)) = groups(&topology, &prediction, entry) else {
        let problem = "no kernel can group this";
        let help = "capture the machine again";
        notes.add(Rule::CaptureRead, at_capture, field, problem, help);
        return;
    };
    for (field, expected, computed) in [
        ("expect.before", &expect.before, &before),
        ("expect.after", &expect.after, &after),
    ] {
        if expected.get_ref() != computed {
            let problem = "the kernel makes other groups";
            let help = format!("it makes {}", shown(computed));
            notes.add(Rule::ExpectGroups, &expected.span(), field, problem, help);
        }
    }
    seen.splits |= before != after;
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
    let after = touching(&prediction.with_table(&table(entry))?, &touched);
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

/// Why an entry cannot help a function, or the capture does not show it: the problem and the
/// remedy.
fn pointless(function: &Function) -> Option<(&'static str, &'static str)> {
    if function.physfn.is_some() {
        None
    } else if !function.acs_known {
        Some((
            "was captured without the right to see whether it has ACS",
            "capture it as root",
        ))
    } else if function.acs.is_some() {
        Some((
            "has an ACS capability, so that the entry has no effect on it",
            "nothing is missing that an entry could give",
        ))
    } else {
        None
    }
}

/// The table of one entry, for a kernel that lacks it. Conditions are dropped, because a capture
/// does not contain the registers.
fn table(entry: &Entry) -> Table {
    built::changed(&built::before_mainline(&[entry]), |entry| {
        entry.conditions = &[];
    })
}

/// The groups with any of these functions.
fn touching(groups: &Partition, functions: &BTreeSet<Bdf>) -> Partition {
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
