// SPDX-License-Identifier: GPL-2.0-only

//! IOMMU groups without their numbers.

use std::collections::BTreeMap;

use crate::{Bdf, Topology};

/// Groups, sorted by their first member, with members sorted by address. Functions in no group are
/// absent.
pub type Partition = Vec<Vec<Bdf>>;

/// The groups that the machine's kernel made.
#[must_use]
pub fn recorded(topology: &Topology) -> Partition {
    let functions = topology.functions.iter();
    by_number(functions.map(|function| (function.bdf, function.iommu_group)))
}

/// The groups of functions, each given with its group number; `None` for a function in no group.
#[must_use]
pub fn by_number(functions: impl Iterator<Item = (Bdf, Option<u32>)>) -> Partition {
    let mut groups: BTreeMap<u32, Vec<Bdf>> = BTreeMap::new();
    for (bdf, number) in functions {
        if let Some(number) = number {
            groups.entry(number).or_default().push(bdf);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_unstable();
    groups
}
