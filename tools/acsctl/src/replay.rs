// SPDX-License-Identifier: GPL-2.0-only

//! Holds what an entry says of captured machines against the groups that the kernel makes of them,
//! without and with the entry.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use isolation::{entry::Entry, groups::Fault, table::Table};
use topology::{Bdf, Function, Partition, Topology, view};

use crate::{
    built,
    finding::{Finding, Notes},
    predict::Prediction,
    quirk::{Expect, Quirk, Status},
    rule::Rule,
    source::DataFile,
    verdict::Verdicts,
};

/// Checks the expectations of every entry, with all that mainline has. The data must have no other
/// fault: what follows from faulty data is of no use.
pub(crate) fn check(files: &[DataFile], quirks: &[Quirk]) -> Vec<Finding> {
    let verdicts = Verdicts::of(quirks);
    let files = files.iter().map(|file| (&file.name, file));
    let files: BTreeMap<_, _> = files.collect();
    let mut findings = Vec::new();
    for quirk in quirks.iter().filter(|quirk| !quirk.expects.is_empty()) {
        let Some(file) = files.get(&quirk.name).filter(|file| !file.built_in) else {
            continue;
        };
        let mut notes = Notes::on(file);
        let mut splits = false;
        for expect in &quirk.expects {
            // A mainline entry is for the kernels that lack it.
            let verdicts = verdicts.without(&quirk.name);
            splits |= one(file, quirk, expect, &verdicts, &mut notes);
        }
        let found = notes.into_findings();
        if found.is_empty()
            && !splits
            && matches!(quirk.status, Status::Validated | Status::Mainline)
        {
            let mut notes = Notes::on(file);
            let [place, ..] = &quirk.expects[0].spans;
            let problem = "the entry splits no group of any captured machine";
            let help = "add a capture of a machine on which the functions share a group";
            notes.add(Rule::ExpectSplit, place, "expect", problem, help);
            findings.extend(notes.into_findings());
        }
        findings.extend(found);
    }
    findings
}

/// Checks one expectation; `true` when the entry splits a group.
fn one(
    file: &DataFile,
    quirk: &Quirk,
    expect: &Expect,
    verdicts: &Verdicts<'_>,
    notes: &mut Notes<'_>,
) -> bool {
    let [at_capture, at_before, at_after] = &expect.spans;
    let field = "expect.capture";
    let path = file.path.with_file_name(&expect.capture);
    // Opening a pipe would wait for somebody to write, and a link may lead out of the tree.
    if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
        let problem = format!("{} is not a regular file", expect.capture);
        let help = "put the capture itself there";
        notes.add(Rule::CaptureRead, at_capture, field, problem, help);
        return false;
    }
    let topology = match topology::read(&path) {
        Ok(topology) => topology,
        Err(error) => {
            let problem = error.to_string();
            let problem = problem.replace(&path.display().to_string(), &expect.capture);
            let help = "make it with acsctl table new, and put it beside this file";
            notes.add(Rule::CaptureRead, at_capture, field, problem, help);
            return false;
        }
    };
    let members: Vec<_> = members(&topology, quirk).collect();
    if members.is_empty() {
        let problem = "no function of the entry is in it";
        let help = "capture a machine that has the device";
        notes.add(Rule::CaptureDevice, at_capture, field, problem, help);
        return false;
    }
    for function in &members {
        if let Some((problem, help)) = pointless(function) {
            let problem = format!("{} {problem}", function.bdf);
            notes.add(Rule::CaptureAcs, at_capture, field, problem, help);
        }
    }

    let view = view(&topology);
    let prediction = Prediction::of(&topology, &view, verdicts);
    let Ok((before, after)) = groups(&topology, &prediction, quirk) else {
        let problem = "no kernel can group this";
        let help = "capture the machine again";
        notes.add(Rule::CaptureRead, at_capture, field, problem, help);
        return false;
    };
    for (field, rule, place, expected, computed) in [
        (
            "expect.before",
            Rule::ExpectBefore,
            at_before,
            &expect.before,
            &before,
        ),
        (
            "expect.after",
            Rule::ExpectAfter,
            at_after,
            &expect.after,
            &after,
        ),
    ] {
        if expected != computed {
            let problem = "the kernel makes other groups";
            let help = format!("it makes {}", shown(computed));
            notes.add(rule, place, field, problem, help);
        }
    }
    before != after
}

/// The groups that a function of the entry is in without it, and those of the same functions with it,
/// where its conditions hold.
///
/// # Errors
///
/// [`Fault`], for a topology that was not checked.
pub(crate) fn groups(
    topology: &Topology,
    prediction: &Prediction<'_>,
    quirk: &Quirk,
) -> Result<(Partition, Partition), Fault> {
    let of_entry: BTreeSet<_> = members(topology, quirk).map(|one| one.bdf).collect();
    let before = touching(&prediction.without_table()?, &of_entry);
    let touched: BTreeSet<_> = before.iter().flatten().copied().collect();
    let after = touching(&prediction.with_table(&table(quirk))?, &touched);
    Ok((before, after))
}

/// The functions that the entry names.
fn members<'t>(topology: &'t Topology, quirk: &Quirk) -> impl Iterator<Item = &'t Function> {
    topology.functions.iter().filter(|function| {
        let vendor = function.vendor.value();
        function
            .device
            .is_some_and(|device| quirk.ids().any(|ids| ids.contains(vendor, device.value())))
    })
}

/// Why an entry is of no use for a function, or nobody can tell: what is seen, and what to do.
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

/// The table of one entry. Conditions are taken as met: no capture tells what a register says.
fn table(quirk: &Quirk) -> Table {
    let table = built::table(&[quirk]);
    let unconditional = |entry: &Entry| Entry {
        conditions: &[],
        ..*entry
    };
    let entries: Vec<_> = table.entries.iter().map(unconditional).collect();
    Table {
        entries: entries.leak(),
        ..table
    }
}

/// The groups that have any of these functions.
fn touching(groups: &Partition, functions: &BTreeSet<Bdf>) -> Partition {
    let groups = groups.iter();
    let touched = groups.filter(|group| group.iter().any(|bdf| functions.contains(bdf)));
    touched.cloned().collect()
}

/// Groups as the data files have them.
pub(crate) fn shown(groups: &Partition) -> String {
    let group = |members: &Vec<Bdf>| {
        let members: Vec<_> = members.iter().map(|bdf| format!("\"{bdf}\"")).collect();
        format!("[{}]", members.join(", "))
    };
    let groups: Vec<_> = groups.iter().map(group).collect();
    format!("[{}]", groups.join(", "))
}
