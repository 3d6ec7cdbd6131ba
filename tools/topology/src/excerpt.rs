// SPDX-License-Identifier: GPL-2.0-only

//! Extracts the part of a topology that determines the groups of some functions, and takes out what
//! may identify the machine.

use std::collections::BTreeSet;

use crate::{
    Bdf, Function, Topology,
    bdf::Domain,
    format::EVIDENCE,
    sysfs::{IOMMU_KINDS, known_overrides, version},
};

/// The part of a topology that determines the groups of these functions: all functions on their
/// buses, on the buses above up to the root, and on the buses behind them. The kernel considers no
/// other functions, so these functions get the same groups.
#[must_use]
pub fn around(topology: &Topology, functions: &BTreeSet<Bdf>) -> Topology {
    let mut buses: BTreeSet<(Domain, u8)> = BTreeSet::new();
    let mut vmds = BTreeSet::new();
    for function in &topology.functions {
        if !functions.contains(&function.bdf) {
            continue;
        }
        let behind = function.secondary.filter(|&bus| bus != 0);
        let behind = behind.map(|first| first..=function.subordinate.unwrap_or(first));
        buses.extend(
            behind
                .into_iter()
                .flatten()
                .map(|bus| (function.bdf.domain, bus)),
        );
        let mut next = Some(function.bdf);
        while let Some(bdf) = next {
            // Each step leads to a lower bus or out of a VMD, so the loop ends. The way up from a
            // bus in the set has been walked already.
            if !buses.insert(bdf.bus()) {
                break;
            }
            let bridge = topology
                .functions
                .iter()
                .find(|bridge| leads_to(bridge, bdf));
            next = bridge.map(|bridge| bridge.bdf).or_else(|| {
                let vmd = topology.vmd.get(&bdf.domain).copied();
                vmds.extend(vmd.map(|_| bdf.domain));
                vmd
            });
        }
    }
    let mut kept = topology.clone();
    kept.functions
        .retain(|function| buses.contains(&function.bdf.bus()));
    let addresses: BTreeSet<_> = kept.functions.iter().map(|function| function.bdf).collect();
    kept.functions.retain(|function| {
        let physical = function.physfn;
        physical.is_none_or(|physical| addresses.contains(&physical))
    });
    kept.vmd.retain(|domain, _| vmds.contains(domain));
    kept.regrouped.retain(|bdf| addresses.contains(bdf));
    kept.gaps.retain(|bdf| addresses.contains(bdf));
    kept
}

/// Takes out what may identify the machine or its owner, and every text that is not one that a
/// capture writes by itself. Returns the names of the keys that changed.
pub fn make_nameless(topology: &mut Topology) -> Vec<&'static str> {
    fn set<T: PartialEq>(value: &mut T, new: T) -> bool {
        let differs = *value != new;
        *value = new;
        differs
    }
    let kernel = topology.kernel.as_deref().and_then(version);
    let of_iommu = |text: &String| IOMMU_KINDS.iter().any(|(_, kind)| kind == text);
    let iommu = topology.iommu.clone().filter(of_iommu);
    let mut evidence = topology.evidence.clone();
    evidence.retain(|text| EVIDENCE.contains(&text.as_str()));
    let acs_override = topology.acs_override.as_deref().map(known_overrides);
    let changed = [
        ("id", set(&mut topology.id, None)),
        ("model", set(&mut topology.model, None)),
        ("model_from", set(&mut topology.model_from, None)),
        ("source", set(&mut topology.source, None)),
        ("kernel", set(&mut topology.kernel, kernel)),
        ("iommu", set(&mut topology.iommu, iommu)),
        ("evidence", set(&mut topology.evidence, evidence)),
        (
            "acs_override",
            set(&mut topology.acs_override, acs_override),
        ),
        ("kernel_notes", set(&mut topology.kernel_notes, Vec::new())),
    ];
    let names = changed.into_iter().filter(|(_, differs)| *differs);
    names.map(|(name, _)| name).collect()
}

/// Whether the bridge is directly above the function.
fn leads_to(bridge: &Function, bdf: Bdf) -> bool {
    bridge.bdf.domain == bdf.domain && bridge.secondary == Some(bdf.bus)
}
