// SPDX-License-Identifier: GPL-2.0-only

//! Which functions of a machine have ACS, guessed from the groups that were recorded.
//!
//! A kernel log tells of groups and not of ACS capabilities. Whether the grouping can be followed then
//! comes down to this: is there a choice of who has one that leads to just these groups? It is no
//! proof of who has one, and nothing but the comparison with the record goes by it.

use std::collections::BTreeMap;

use rules::acs::AcsFlags;
use topology::{Acs, Bdf, Topology};

/// The machine with ACS capabilities, with all on, where it was not seen whether there is one and the
/// groups speak for it: no function of its slot and nothing below is in the group of the function.
#[must_use]
pub fn complete(topology: &Topology) -> Topology {
    let view = grouping::view(topology);
    // By address: whether another function is in the same group as only lack of ACS would have it.
    let mut joined: BTreeMap<Bdf, bool> = BTreeMap::new();
    let group = |at: usize| view.functions[at].function.iommu_group;
    for (at, seen) in view.functions.iter().enumerate() {
        let bdf = seen.function.bdf;
        let mut above = seen.facts.above;
        while let Some(bridge) = above {
            let bridge = bridge as usize;
            if group(bridge) == group(at) {
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
