// SPDX-License-Identifier: GPL-2.0-only

//! Guesses from recorded groups which functions of a machine have ACS.
//!
//! A kernel log records groups, but no ACS capabilities. The log agrees with the model if some
//! assignment of ACS capabilities leads to the recorded groups. The guess does not prove which
//! functions have ACS. Only the comparison with recorded groups uses it.

use std::collections::BTreeMap;

use rules::acs::AcsFlags;
use topology::{Acs, Bdf, Topology};

/// Adds an ACS capability, with all flags enabled, to each function for which two conditions hold:
/// the capture does not say whether it has one, and no other function of its slot and no function
/// below it is in its group.
#[must_use]
pub fn complete(topology: &Topology) -> Topology {
    let view = grouping::view(topology);
    // Functions that share a group with another function where only lack of ACS can be the reason.
    let mut joined: BTreeMap<Bdf, bool> = BTreeMap::new();
    let group = |index: usize| view.functions[index].function.iommu_group;
    for (index, seen) in view.functions.iter().enumerate() {
        let bdf = seen.function.bdf;
        let mut above = seen.facts.above;
        while let Some(bridge) = above {
            let bridge = bridge as usize;
            if group(bridge) == group(index) {
                joined.insert(view.functions[bridge].function.bdf, true);
            }
            above = view.functions[bridge].facts.above;
        }
        let is_mate = |other: &&grouping::Seen<'_>| {
            let (one, two) = (other.function, seen.function);
            one.bdf != bdf
                && one.bdf.bus() == bdf.bus()
                && one.bdf.slot() == bdf.slot()
                && one.iommu_group == two.iommu_group
        };
        if view.functions.iter().any(|other| is_mate(&other)) {
            joined.insert(bdf, true);
        }
    }
    let mut completed = topology.clone();
    let on = AcsFlags::GROUPING.bits();
    for function in &mut completed.functions {
        let is_joined = joined.get(&function.bdf).copied().unwrap_or(false);
        if !function.acs_known && !is_joined && function.iommu_group.is_some() {
            function.acs = Some(Acs {
                cap: Some(on),
                ctl: Some(on),
                dword8: Some(on.into()),
            });
            function.acs_known = true;
        }
    }
    completed
}
