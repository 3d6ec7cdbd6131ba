// SPDX-License-Identifier: GPL-2.0-only

//! Merges what several texts, or several listings in one text, show of one machine.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Acs, Bdf, Error, Function, Header, Topology};

/// The vendor id of a function whose name is all that the source shows, and is not in pci.ids. No
/// vendor has this id.
pub const UNKNOWN_VENDOR: u16 = 0xffff;

pub(crate) const APART: &str = "put each machine into a file of its own, and read one at a time";

/// A function that a source shows, with its line; 0 for none.
pub(crate) type Shown = (usize, Function);

/// Merges the listings of one text, each with the functions in its order.
///
/// # Errors
///
/// Two listings that cannot be of the same machine, with the lines of both.
pub(crate) fn listings(name: &str, listings: Vec<Vec<Shown>>) -> Result<Vec<Function>, Error> {
    let mut merged: BTreeMap<Bdf, Shown> = BTreeMap::new();
    for listing in listings {
        let first = listing.first().map_or(0, |(line, _)| *line);
        if !merged.is_empty() {
            check_same(name, &merged, &listing, first)?;
        }
        for (line, function) in listing {
            match merged.remove(&function.bdf) {
                None => {
                    merged.insert(function.bdf, (line, function));
                }
                Some((before, other)) => {
                    let bdf = function.bdf;
                    let both = one(&other, &function).map_err(|what| Error::at(
                            name,
                            bdf,
                            format!("{what} differs from line {before}: these are two machines, or two states of one"),
                            APART,
                        ).on_line(line))?;
                    merged.insert(bdf, (before, both));
                }
            }
        }
    }
    Ok(merged.into_values().map(|(_, function)| function).collect())
}

/// Checks that two listings with details can be of one machine: one of them shows a part of what
/// the other shows.
fn check_same(
    name: &str,
    merged: &BTreeMap<Bdf, Shown>,
    listing: &[Shown],
    line: usize,
) -> Result<(), Error> {
    let missing = merged
        .keys()
        .find(|bdf| !listing.iter().any(|(_, one)| one.bdf == **bdf));
    let added = listing
        .iter()
        .find(|(_, one)| !merged.contains_key(&one.bdf));
    let (Some(missing), Some((_, added))) = (missing, added) else {
        return Ok(());
    };
    let before = merged.values().map(|(line, _)| *line).min().unwrap_or(0);
    Err(Error::at(
            name,
            "",
            format!(
                "another listing begins here, which has {} and lacks {missing} of the one in line {before}: \
                 these are two machines, or two states of one",
                added.bdf
            ),
            APART,
        ).on_line(line))
}

/// A function that a list or a log of groups names and a listing lacks, and one of the listing that it does not name,
/// if there are both: then they are of two machines. An IOMMU and a host bridge may be in no group.
pub(crate) fn apart(named: &BTreeSet<Bdf>, listing: &[Function]) -> Option<(Bdf, Bdf)> {
    let shown: BTreeSet<Bdf> = listing.iter().map(|one| one.bdf).collect();
    let missing = named.iter().find(|bdf| !shown.contains(bdf))?;
    let has_group = |one: &Function| {
        let class = one.class.map(|class| class.0 >> 8);
        !matches!(class, Some(0x0806 | 0x0600)) && one.iommu_group.is_none()
    };
    let mut listing = listing.iter();
    let added = listing.find(|one| has_group(one) && !named.contains(&one.bdf))?;
    Some((*missing, added.bdf))
}

/// The problem of two texts that are apart.
pub(crate) fn apart_problem(added: Bdf) -> String {
    format!(
        "the groups name it, and the listing lacks it and has {added}, which the groups do not name: these are two \
         machines, or two states of one"
    )
}

/// Merges what two files show of one machine.
///
/// # Errors
///
/// A function whose facts differ in the two.
pub(crate) fn machines(
    name: &str,
    mut one_of: Topology,
    other: Topology,
) -> Result<Topology, Error> {
    for (groups, listing) in [(&one_of, &other), (&other, &one_of)] {
        if groups.has_capabilities() || !listing.has_capabilities() {
            continue;
        }
        let named = groups
            .functions
            .iter()
            .filter(|one| one.iommu_group.is_some());
        let named: BTreeSet<Bdf> = named.map(|one| one.bdf).collect();
        if let Some((missing, added)) = apart(&named, &listing.functions) {
            return Err(Error::at(name, missing, apart_problem(added), APART));
        }
    }
    let mut functions: BTreeMap<Bdf, Function> = BTreeMap::new();
    for function in one_of.functions.drain(..).chain(other.functions) {
        let bdf = function.bdf;
        let merged = match functions.remove(&bdf) {
            None => function,
            Some(before) => one(&before, &function).map_err(|what| {
                let problem = format!(
                    "{what} differs between the files: these are two machines, or two states of one"
                );
                Error::at(name, bdf, problem, APART)
            })?,
        };
        functions.insert(bdf, merged);
    }
    let kernel = match (&one_of.kernel, &other.kernel) {
        (Some(one), Some(other)) if one != other => {
            let problem = format!("the files are from kernels {one} and {other}");
            return Err(Error::at(name, "kernel", problem, APART));
        }
        _ => one_of.kernel.take().or(other.kernel),
    };
    for evidence in other.evidence {
        if !one_of.evidence.contains(&evidence) {
            one_of.evidence.push(evidence);
        }
    }
    one_of.vmd.extend(other.vmd);
    one_of.regrouped.extend(other.regrouped);
    one_of.regrouped.sort_unstable();
    one_of.regrouped.dedup();
    one_of.gaps.extend(other.gaps);
    one_of.gaps.sort_unstable();
    one_of.gaps.dedup();
    Ok(Topology {
        functions: functions.into_values().collect(),
        kernel,
        iommu: one_of.iommu.take().or(other.iommu),
        acs_override: one_of.acs_override.take().or(other.acs_override),
        incomplete: one_of.incomplete.take().or(other.incomplete),
        ..one_of
    })
}

/// Merges what is known of one function.
///
/// # Errors
///
/// The property whose values differ in the two.
fn one(one: &Function, two: &Function) -> Result<Function, &'static str> {
    // Ids that were shown count before those of a name.
    let rank = |function: &Function| {
        (
            function.vendor.value() != UNKNOWN_VENDOR,
            function.device.is_some(),
            !function.id_from_name,
        )
    };
    let (by_ids, other) = if rank(one) >= rank(two) {
        (one, two)
    } else {
        (two, one)
    };
    if other.vendor.value() != UNKNOWN_VENDOR && other.vendor != by_ids.vendor {
        return Err("the vendor");
    }
    let is_candidate =
        |device| other.device_candidates.is_empty() || other.device_candidates.contains(&device);
    match (by_ids.device, other.device) {
        (Some(one), Some(two)) if one != two => return Err("the device id"),
        (Some(one), None) if other.vendor == by_ids.vendor && !is_candidate(one) => {
            return Err("the device");
        }
        _ => {}
    }
    let class = match (one.class, two.class) {
        (Some(one), Some(two)) if one.0 >> 8 != two.0 >> 8 => return Err("the class"),
        (Some(one), Some(two)) => Some(one.max(two)),
        (one, two) => one.or(two),
    };
    let both = |what, one: Option<u32>, two: Option<u32>| match (one, two) {
        (Some(one), Some(two)) if one != two => Err(what),
        _ => Ok(()),
    };
    both("the IOMMU group", one.iommu_group, two.iommu_group)?;
    both(
        "the secondary bus",
        one.secondary.map(u32::from),
        two.secondary.map(u32::from),
    )?;
    both(
        "the subordinate bus",
        one.subordinate.map(u32::from),
        two.subordinate.map(u32::from),
    )?;
    if one.pcie_known && two.pcie_known && one.pcie_type != two.pcie_type {
        return Err("the PCIe type");
    }
    let acs = match (one.acs_known, two.acs_known) {
        (true, true) => acs(one.acs, two.acs)?,
        (true, false) => one.acs,
        (false, _) => two.acs,
    };
    let (typed, untyped) = if one.pcie_known {
        (one, two)
    } else {
        (two, one)
    };
    let is_endpoint = one.header == Header::Endpoint;
    Ok(Function {
        vendor: by_ids.vendor,
        device: by_ids.device,
        id_from_name: by_ids.id_from_name,
        device_candidates: by_ids.device_candidates.clone(),
        class,
        revision: by_ids.revision.or(other.revision),
        subsystem: one.subsystem.or(two.subsystem),
        header: if is_endpoint { two.header } else { one.header },
        multifunction: one.multifunction.or(two.multifunction),
        pcie_known: typed.pcie_known,
        pcie_type: typed.pcie_type.clone(),
        pcie_version: typed.pcie_version.or(untyped.pcie_version),
        acs,
        acs_known: one.acs_known || two.acs_known,
        iommu_group: one.iommu_group.or(two.iommu_group),
        group_known: one.group_known || two.group_known,
        primary: one.primary.or(two.primary),
        secondary: one.secondary.or(two.secondary),
        subordinate: one.subordinate.or(two.subordinate),
        slot: one.slot.or(two.slot),
        sriov: one.sriov.or(two.sriov),
        physfn: one.physfn.or(two.physfn),
        removable: one.removable.or(two.removable),
        unreadable: one.unreadable && two.unreadable,
        bdf: one.bdf,
    })
}

fn acs(one: Option<Acs>, two: Option<Acs>) -> Result<Option<Acs>, &'static str> {
    match (one, two) {
        (None, None) => Ok(None),
        (Some(one), Some(two)) => match (one.cap.zip(one.ctl), two.cap.zip(two.ctl)) {
            (Some(first), Some(second)) if first != second => Err("the ACS capability"),
            (Some(_), _) => Ok(Some(Acs {
                dword8: one.dword8.or(two.dword8),
                ..one
            })),
            (None, _) => Ok(Some(two)),
        },
        _ => Err("the ACS capability"),
    }
}
