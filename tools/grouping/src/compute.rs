// SPDX-License-Identifier: GPL-2.0-only

//! The IOMMU groups of a machine, computed.

use rules::decision::KernelVerdict;
use topology::{Partition, by_number};

use crate::{
    model::{self, Fault, Reason, Scratch, release::Release},
    scan::{Seen, View},
};

/// What the kernel makes of each function, in the order of [`View::functions`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grouping {
    /// What the grouping goes by.
    pub functions: Vec<model::Function>,
    /// The number of its group, from 0; `None`: it is in none.
    pub groups: Vec<Option<u32>>,
    /// By which step it came to that group.
    pub reasons: Vec<Reason>,
}

impl Grouping {
    /// The groups of the machine that this was made of.
    #[must_use]
    pub fn partition(&self, view: &View<'_>) -> Partition {
        let addresses = view.functions.iter().map(|seen| seen.function.bdf);
        by_number(addresses.zip(self.groups.iter().copied()))
    }
}

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
    Ok(grouping(view, release, verdict_of)?.partition(view))
}

/// As [`partition`], with how each function came to its group.
///
/// # Errors
///
/// [`Fault`] for a view that was not made of a sound topology.
pub fn grouping(
    view: &View<'_>,
    release: &Release,
    verdict_of: impl Fn(&Seen<'_>) -> KernelVerdict,
) -> Result<Grouping, Fault> {
    let functions: Vec<_> = view
        .functions
        .iter()
        .map(|seen| seen.with(release, verdict_of(seen)))
        .collect();
    let mut work = vec![Scratch::default(); functions.len()];
    let mut order = vec![0; functions.len()];
    let mut numbers = vec![None; functions.len()];
    model::assign(release, &functions, &mut work, &mut order, &mut numbers)?;
    Ok(Grouping {
        functions,
        groups: numbers,
        reasons: work.iter().map(Scratch::reason).collect(),
    })
}
