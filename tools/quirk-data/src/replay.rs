// SPDX-License-Identifier: GPL-2.0-only

//! Compares the expected groups of captured machines with the predicted ones, without and with the
//! entry.

use std::{collections::BTreeSet, fs};

use grouping::{
    Assumption, View,
    handlers::Handlers,
    model::{Fault, Interface},
    predict::Prediction,
    view,
};
use rules::{acs::AcsFlags, entry::Kind};
use topology::{Bdf, Function, Partition, Topology};

use crate::{
    built,
    cause::Cause,
    check::{CheckedFile, Expect},
    entry::{Entry, Ids, Status},
    finding::{Finding, Notes},
    handlers,
    narrow::narrowed,
    rule::Rule,
    source::DataFile,
};

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
            let Some(topology) = read(file.file, expect, &mut notes) else {
                continue;
            };
            claims_virtual(file, &topology, &mut notes);
            if !file.is_cut {
                one(
                    file, &entries, &topology, expect, &handlers, &mut seen, &mut notes,
                );
            }
        }
        let has_statement = matches!(file.entry.status, Status::Validated | Status::Mainline);
        if has_statement && seen.is_complete {
            missing(&file.entry, first, &seen, &mut notes);
        }
        findings.extend(notes.into_findings());
    }
    findings
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
    cause: Option<String>,
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
            Some(cause) => (
                format!("{problem}: {cause}"),
                seen.remedy.as_deref().unwrap_or(
                    "correct the entry, or add a capture of a machine on which it splits a group",
                ),
            ),
            None => (
                problem.to_owned(),
                "add a capture of a machine on which the functions share a group",
            ),
        };
        notes.add(Rule::ExpectSplit, place, "expect", problem, help);
    }
}

/// Reads the capture of an expectation.
fn read(file: &DataFile, expect: &Expect, notes: &mut Notes<'_>) -> Option<Topology> {
    let (capture, place) = (expect.capture.get_ref(), &expect.capture.span());
    let path = file.path.with_file_name(capture);
    let mut refuse = |problem: String, help: &str| {
        notes.add(Rule::CaptureRead, place, "expect.capture", problem, help);
    };
    // Opening a pipe would block, and a link may lead out of the tree.
    if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
        let problem = format!("{capture} is not a regular file");
        refuse(problem, "put the capture itself there");
        return None;
    }
    let bytes = fs::read(&path).unwrap_or_default();
    let is_capture = begins_with_brace(&bytes);
    let mut marked = MARKS.iter().filter_map(|mark| bytes.strip_prefix(*mark));
    if marked.any(begins_with_brace) {
        let problem = format!("{capture} begins with a byte order mark");
        refuse(problem, "save it as UTF-8 without one, as acsctl writes it");
        return None;
    }
    match topology::read(&path) {
        Ok(mut topology) if is_capture => {
            with_iommu(&mut topology);
            Some(topology)
        }
        Ok(_) => {
            refuse(
                format!(
                    "{capture} is not a capture but the output of lspci, which may have serial \
                     numbers and functions that do not concern the device"
                ),
                "make the capture from it with acsctl quirk new BDF --topology FILE",
            );
            None
        }
        // What reads as anything else says nothing about a capture.
        Err(_) if path.exists() && !is_capture => {
            refuse(
                format!("{capture} is not a capture, which acsctl writes as JSON"),
                "make it with acsctl quirk new BDF; from the output of lspci, with --topology FILE",
            );
            None
        }
        Err(error) => {
            let problem = error.to_string();
            let problem = problem.replace(&path.display().to_string(), capture);
            let help = "make it with acsctl quirk new, and put it beside this file";
            refuse(problem, help);
            None
        }
    }
}

/// Enables the ACS controls that a kernel enables, in the capture of a machine whose IOMMU was off,
/// which has no groups: the kernel enables ACS only with an IOMMU (`pci_enable_acs()` in
/// `drivers/pci/pci.c`). Returns the first function that changed.
pub(crate) fn with_iommu(capture: &mut Topology) -> Option<Bdf> {
    let has_group = |function: &Function| function.iommu_group.is_some();
    if capture.functions.iter().any(has_group) {
        return None;
    }
    let mut changed = None;
    for function in &mut capture.functions {
        let Some(acs) = &mut function.acs else {
            continue;
        };
        let (Some(capability), Some(control)) = (acs.cap, acs.ctl) else {
            continue;
        };
        let enabled = control | (capability & AcsFlags::GROUPING.bits());
        if enabled != control {
            acs.ctl = Some(enabled);
            changed = changed.or(Some(function.bdf));
        }
    }
    changed
}

/// The byte order marks of UTF-8 and UTF-16, the last with the empty half of the brace that follows.
const MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff\0"];

/// Whether a file with these contents has the JSON form of a capture, and is not the output of a program.
fn begins_with_brace(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// The ids of vendor and device that only virtual functions of a captured machine have.
fn virtual_ids(topology: &Topology) -> BTreeSet<(u16, u16)> {
    let functions = topology.functions.iter();
    let others = functions.clone().filter(|one| one.physfn.is_none());
    let others: BTreeSet<_> = others
        .filter_map(|one| Some((one.vendor.value(), one.device?.value())))
        .collect();
    let ids = functions.filter_map(|one| {
        let sriov = one.sriov?;
        Some((one.vendor.value(), sriov.vf_device.value()))
    });
    ids.filter(|id| !others.contains(id)).collect()
}

/// Whether each of these ids is one that only virtual functions have, by a capture of the file's.
pub(crate) fn are_virtual(file: &CheckedFile<'_>, ids: Ids) -> bool {
    let captures = file.expects.iter().map(|expect| {
        let path = file.file.path.with_file_name(expect.capture.get_ref());
        let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
        is_file.then(|| topology::read(&path).ok()).flatten()
    });
    let found: BTreeSet<_> = captures
        .flatten()
        .flat_map(|one| virtual_ids(&one))
        .collect();
    (ids.first..=ids.last).all(|device| found.contains(&(ids.vendor, device)))
}

/// Adds a finding for each claimed range with an id that only virtual functions have.
fn claims_virtual(file: &CheckedFile<'_>, topology: &Topology, notes: &mut Notes<'_>) {
    let status = file.entry.status;
    if status == Status::Mainline || status.is_negative() {
        return;
    }
    let found = virtual_ids(topology);
    for claimed in &file.claimed {
        let ids = claimed.get_ref();
        let mut found = found.iter();
        let Some((vendor, device)) = found.find(|(vendor, device)| ids.contains(*vendor, *device))
        else {
            continue;
        };
        let problem =
            format!("{vendor:04x}:{device:04x} is the id of virtual functions, by the capture");
        let help = "take it out: a claim for a virtual function has no effect. The statement may name it, and needs no \
                    reason for that";
        let (place, field) = (claimed.span(), "match.devices");
        notes.add(Rule::IdVirtual, &place, field, problem, help);
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
        if let Some((problem, help)) = pointless(function) {
            let problem = format!("{} {problem}", function.bdf);
            notes.add(Rule::CaptureAcs, at_capture, field, problem, help);
        }
    }
    let around = topology::around(topology, &members);
    let needed = addresses(&around);
    contradicted(entry, entries, topology, &members, expect, notes);

    let view = view(topology);
    unseen(&view, &needed, expect, notes);
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
    let touched: BTreeSet<_> = before.iter().flatten().copied().collect();
    // As `acsctl quirk new` leaves out what makes no difference.
    let fewer = narrowed(&around, &members, &touched);
    let fewer_view = grouping::view(&fewer);
    let fewer_groups = groups(
        &fewer,
        &Prediction::of(&fewer, &fewer_view, handlers),
        entry,
    );
    let is_same = fewer_groups.is_ok_and(|(one, other)| one == before && other == after);
    let decide = if is_same { addresses(&fewer) } else { needed };
    beyond(topology, &decide, expect, notes);
    let cause = Cause {
        entry,
        others: entries,
        view: &view,
        prediction: &prediction,
        handlers,
    };
    let refused = cause.of_no_grant(|_| true);
    for (field, expected, computed, cause) in [
        (
            "expect.before",
            &expect.before,
            &before,
            cause.of_kernel(&touched),
        ),
        ("expect.after", &expect.after, &after, refused.clone()),
    ] {
        if expected.get_ref() != computed {
            let mut named = expected.get_ref().iter().flatten();
            let absent = named.find(|bdf| topology.functions.iter().all(|one| one.bdf != **bdf));
            let cause = absent
                .map(|bdf| format!("the capture has no {bdf}"))
                .or(cause);
            let cause = cause.map(|cause| format!(": {cause}"));
            let problem = format!("the kernel makes other groups{}", cause.unwrap_or_default());
            let help = seen.remedy.clone().unwrap_or_else(|| {
                let shown = shown(computed);
                format!("correct the entry, or write what it makes: {shown}")
            });
            notes.add(Rule::ExpectGroups, &expected.span(), field, problem, help);
        }
    }
    recorded(topology, &before, expect, notes);
    seen.is_complete = true;
    seen.splits |= before != after;
    seen.cause = seen.cause.take().or(refused);
}

fn addresses(topology: &Topology) -> BTreeSet<Bdf> {
    topology.functions.iter().map(|one| one.bdf).collect()
}

/// Adds a finding if a captured function of the entry is among the devices that a statement against
/// isolation is about. Overlaps of exact ids have a finding without a capture.
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
    for other in others.filter(is_against) {
        let mut functions = topology.functions.iter();
        let Some(function) = functions.find(|function| {
            members.contains(&function.bdf)
                && other.ids().any(Ids::is_any)
                && other.is_about(function)
        }) else {
            continue;
        };
        let problem = format!(
            "{} is of the devices that the not-isolated entry {} is about",
            function.bdf, other.name
        );
        let help = "have the vendor say why the statement there does not hold for these ids, and list \
                    them in its [[match.excludes]], with that reason and its source";
        let place = &expect.capture.span();
        notes.add(Rule::Refused, place, "expect.capture", problem, help);
    }
}

/// Adds a finding for each function that decides on the groups and is not captured as a whole, or not with its
/// way to the root.
fn unseen(view: &View<'_>, needed: &BTreeSet<Bdf>, expect: &Expect, notes: &mut Notes<'_>) {
    let place = expect.capture.span();
    let help = "make it again, on the machine or from the whole output of lspci -D -vvvnn as root";
    let assumed = view.assumptions.iter();
    for (bdf, assumption) in assumed.filter(|(bdf, _)| needed.contains(bdf)) {
        let problem = if *assumption == Assumption::Rest {
            format!(
                "the text that it was made from ends within {bdf}, so what {bdf} has is not known"
            )
        } else if assumption.hides_group() {
            format!(
                "the bridge above {bdf}, or what is below it, is not in it, so its groups are not known"
            )
        } else {
            continue;
        };
        notes.add(Rule::CaptureAcs, &place, "expect.capture", problem, help);
    }
}

/// Adds findings if a capture has more than the device and what decides its groups.
fn beyond(topology: &Topology, needed: &BTreeSet<Bdf>, expect: &Expect, notes: &mut Notes<'_>) {
    let functions = topology.functions.iter();
    let mut others = functions.filter(|one| !needed.contains(&one.bdf));
    let place = expect.capture.span();
    let mut add = |problem: String| {
        let help = "make it with acsctl quirk new, which leaves out the rest of the machine, or take that \
                    out of the file";
        notes.add(Rule::CaptureBeyond, &place, "expect.capture", problem, help);
    };
    if let Some(first) = others.next() {
        let more = match others.count() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let problem = format!(
            "it has functions that do not decide on the groups of the device: {}{more}",
            first.bdf
        );
        add(problem);
    }
    let named = topology::make_nameless(&mut topology.clone());
    if !named.is_empty() {
        let keys = named.join("\", \"");
        add(format!(
            "it has text that may name the machine or its origin, in \"{keys}\""
        ));
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
    } else if !function.pcie_known {
        // ACS is an extended capability, which only PCIe functions have.
        Some((
            "has acs_known, but pcie_known is false: what does not show that it is PCIe does not show its ACS",
            "capture it again as root",
        ))
    } else if function.acs.is_some() {
        Some((
            "has an ACS capability, so that the entry has no effect on it",
            "take its id out of the entry: the kernel goes by the capability",
        ))
    } else {
        None
    }
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
