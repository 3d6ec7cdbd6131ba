// SPDX-License-Identifier: GPL-2.0-only

//! What the capture of an expectation must show of the device, and must not have beside it.

use std::{collections::BTreeSet, fs};

use grouping::{Assumption, View};
use rules::acs::AcsFlags;
use topology::{Bdf, Function, Topology};

use crate::{
    check::{CheckedFile, Expect},
    entry::{Ids, Status},
    finding::Notes,
    rule::Rule,
    source::DataFile,
};

/// Reads the capture of an expectation.
pub(super) fn read(file: &DataFile, expect: &Expect, notes: &mut Notes<'_>) -> Option<Topology> {
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
pub(super) fn claims_virtual(file: &CheckedFile<'_>, topology: &Topology, notes: &mut Notes<'_>) {
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

/// Why an entry cannot help a function, or the capture does not show it: the problem and the
/// remedy.
pub(super) fn pointless(function: &Function) -> Option<(&'static str, &'static str)> {
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

/// Adds a finding for each function that decides on the groups and is not captured as a whole, or not with its
/// way to the root.
pub(super) fn unseen(
    view: &View<'_>,
    needed: &BTreeSet<Bdf>,
    expect: &Expect,
    notes: &mut Notes<'_>,
) {
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
pub(super) fn beyond(
    topology: &Topology,
    needed: &BTreeSet<Bdf>,
    expect: &Expect,
    notes: &mut Notes<'_>,
) {
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
