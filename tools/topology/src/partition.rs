// SPDX-License-Identifier: GPL-2.0-only

//! The IOMMU groups of a machine, computed and as its kernel made them.

use std::collections::BTreeMap;

use isolation::{
    decision::KernelVerdict,
    groups::{self, Fault, Scratch, release::Release},
};

use crate::{Bdf, Topology, View, kernel::Seen};

/// Groups, by their first member; members by address. Functions in no group are not in it.
pub type Partition = Vec<Vec<Bdf>>;

/// The groups that the kernel `release` would make of a machine, where `verdict_of` is what its
/// quirks say of a function.
///
/// # Errors
///
/// [`Fault`] for a view that was not made of a sound topology.
pub fn partition(
    view: &View<'_>,
    release: &Release,
    verdict_of: impl Fn(&Seen<'_>) -> KernelVerdict,
) -> Result<Partition, Fault> {
    let functions: Vec<_> = view
        .functions
        .iter()
        .map(|seen| seen.with(release, verdict_of(seen)))
        .collect();
    let mut work = vec![Scratch::default(); functions.len()];
    let mut order = vec![0; functions.len()];
    let mut numbers = vec![None; functions.len()];
    groups::assign(release, &functions, &mut work, &mut order, &mut numbers)?;
    let addresses = view.functions.iter().map(|seen| seen.function.bdf);
    Ok(by_number(addresses.zip(numbers)))
}

/// The groups that the machine's own kernel made.
#[must_use]
pub fn recorded(topology: &Topology) -> Partition {
    let functions = topology.functions.iter();
    by_number(functions.map(|function| (function.bdf, function.iommu_group)))
}

fn by_number(functions: impl Iterator<Item = (Bdf, Option<u32>)>) -> Partition {
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
