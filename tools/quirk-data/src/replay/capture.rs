// SPDX-License-Identifier: GPL-2.0-only

//! What a capture must show of the device, and must not have beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

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

/// Why an entry cannot help a function of its ids: the problem and the remedy.
pub(super) fn pointless(function: &Function) -> Option<(&'static str, &'static str)> {
    (function.physfn.is_none() && function.acs.is_some()).then_some((
        "has an ACS capability, so that the entry has no effect on it",
        "take its id out of the entry: the kernel goes by the capability",
    ))
}

/// What a capture does not show: the problem and the remedy.
pub(crate) type Gap = (String, &'static str);

/// The remedy for a capture that lacks functions, or a part of one.
const WHOLE: &str =
    "make it again, on the machine or from the whole output of lspci -D -vvvnn as root";

/// Which of these functions are not captured as a whole, or not with their way to the root.
pub(crate) fn cut(view: &View<'_>, functions: &BTreeSet<Bdf>) -> Vec<Gap> {
    let mut buses: BTreeMap<_, Vec<Bdf>> = BTreeMap::new();
    let mut others = Vec::new();
    let assumed = view.assumptions.iter();
    for (bdf, assumption) in assumed.filter(|(bdf, _)| functions.contains(bdf)) {
        match assumption {
            // One bridge is missing for all functions of a bus.
            Assumption::NoBridge => buses.entry(bdf.bus()).or_default().push(*bdf),
            Assumption::NoBuses => others.push(format!(
                "it does not show which buses {bdf} leads to, so the groups there are not known"
            )),
            Assumption::Rest => others.push(format!(
                "the text that it was made from ends within {bdf}, so what {bdf} has is not known"
            )),
            other if other.hides_group() => others.push(format!("of {bdf}, {other}")),
            _ => {}
        }
    }
    let buses = buses.into_iter().map(|((domain, bus), below)| {
        format!(
            "the bridge that leads to bus {domain}:{bus:02x} is not in it, so the group of {} is not known",
            and_more(&below)
        )
    });
    buses.chain(others).map(|gap| (gap, WHOLE)).collect()
}

/// What a capture does not show of the functions of a device, and of those that decide on its groups.
/// Groups that were computed without it would mislead: an unknown register is not isolation.
pub(crate) fn gaps(view: &View<'_>, device: &BTreeSet<Bdf>, deciding: &BTreeSet<Bdf>) -> Vec<Gap> {
    let functions = device.union(deciding).copied().collect();
    let mut gaps = cut(view, &functions);
    let mut alone = Vec::new();
    let all = view.functions.iter();
    for seen in all.filter(|seen| functions.contains(&seen.function.bdf)) {
        let function = seen.function;
        let gap = if !function.acs_known {
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
        } else if function
            .acs
            .is_some_and(|acs| acs.cap.is_none() || acs.ctl.is_none())
        {
            Some((
                "has an ACS capability, and was captured without its registers, so what they isolate is not known",
                "capture it again as root",
            ))
        } else {
            None
        };
        gaps.extend(gap.map(|(problem, help)| (format!("{} {problem}", function.bdf), help)));
        // Only of the device: firmware may keep bridges from the IOMMU.
        if !seen.facts.takes_part && device.contains(&function.bdf) {
            alone.push(function.bdf);
        }
    }
    if !alone.is_empty() {
        gaps.push((
            format!(
                "it has the IOMMU groups of other functions, and none of {}, so how the kernel groups them is not known",
                and_more(&alone)
            ),
            "make it again with acsctl quirk new, on the machine or from a text with the groups of all of them or none",
        ));
    }
    gaps
}

/// The first of some functions, and the number of the others.
fn and_more(functions: &[Bdf]) -> String {
    match functions {
        [first, others @ ..] if !others.is_empty() => format!("{first} and {} more", others.len()),
        others => others.iter().map(Bdf::to_string).collect(),
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
