// SPDX-License-Identifier: GPL-2.0-only

//! Runs the model on a scanned machine and returns its IOMMU groups.

use rules::decision::KernelVerdict;
use topology::{Partition, by_number};

use crate::{
    model::{self, Fault, Reason, Scratch, release::Release},
    scan::{Seen, View},
};

/// The computed groups, in the order of [`View::functions`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grouping {
    /// The model's input for each function.
    pub functions: Vec<model::Function>,
    /// The number of the function's group, from 0; `None` for a function in no group.
    pub groups: Vec<Option<u32>>,
    /// The step by which the function came to its group.
    pub reasons: Vec<Reason>,
}

impl Grouping {
    /// The groups as sets of addresses. `view` must be the view from which the grouping was
    /// computed.
    #[must_use]
    pub fn partition(&self, view: &View<'_>) -> Partition {
        let addresses = view.functions.iter().map(|seen| seen.function.bdf);
        by_number(addresses.zip(self.groups.iter().copied()))
    }
}

/// The groups that the machine's kernel makes. `verdict_of` returns the answer of the kernel's quirks
/// for a function.
///
/// # Errors
///
/// [`Fault`] for a view of a topology that was not checked.
pub fn partition(
    view: &View<'_>,
    verdict_of: impl Fn(&Seen<'_>) -> KernelVerdict,
) -> Result<Partition, Fault> {
    Ok(grouping(view, verdict_of)?.partition(view))
}

/// As [`partition`], with the step that put each function into its group.
///
/// # Errors
///
/// [`Fault`] for a view of a topology that was not checked.
pub fn grouping(
    view: &View<'_>,
    verdict_of: impl Fn(&Seen<'_>) -> KernelVerdict,
) -> Result<Grouping, Fault> {
    let functions = view.functions.iter();
    let functions = functions.map(|seen| seen.with(&view.release, verdict_of(seen)));
    grouping_of(&view.release, functions.collect())
}

/// The groups of these functions, which must be in the order of a view.
pub(crate) fn grouping_of(
    release: &Release,
    functions: Vec<model::Function>,
) -> Result<Grouping, Fault> {
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
