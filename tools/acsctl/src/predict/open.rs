// SPDX-License-Identifier: GPL-2.0-only

//! What the facts that the input lacks leave open.

use std::collections::{BTreeMap, BTreeSet};

use quirk_data::error::Error;
use rules::table::Table;
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Partition};

use super::addresses::address_list;
use crate::host::HostView;

/// Functions that may share groups; facts that the input lacks decide. Each of them is certainly apart from
/// every function outside.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Open {
    /// The functions, in order.
    pub functions: Vec<Bdf>,
    /// The same functions, in sets that certainly share a group.
    pub together: Partition,
    /// The functions that lack a fact, of these and of the bridges above them.
    pub depends_on: Vec<Bdf>,
    /// Those of them that kernels treat differently, if the input does not show the version of the kernel.
    pub depends_on_kernel: Vec<Bdf>,
}

/// The facts that decide: those of functions, and the version of the kernel.
fn deciding(of_functions: &[Bdf], of_kernel: &[Bdf]) -> String {
    let functions = format!("facts about {}", address_list(of_functions));
    let kernel = format!(
        "the version of the kernel, because kernels treat {} differently (--kernel supposes a version)",
        address_list(of_kernel)
    );
    match (of_functions.is_empty(), of_kernel.is_empty()) {
        (_, true) => functions,
        (true, false) => kernel,
        (false, false) => format!("{functions}, and on {kernel}"),
    }
}

/// Why nothing is said of these functions, which kernels treat differently, and what to do.
pub(crate) fn version_decides(functions: &[Bdf]) -> String {
    format!(
        "the version of the kernel is not known, and kernels treat {} differently: ask again with --kernel",
        address_list(functions)
    )
}

impl Open {
    /// What is open and what is certain, without full stops.
    pub(crate) fn words(&self) -> [String; 3] {
        let sets = self.together.iter().filter(|set| set.len() > 1);
        let sets: Vec<_> = sets.map(|set| address_list(set)).collect();
        let together = match &sets[..] {
            [] => "no two of them certainly share a group".to_owned(),
            sets => format!("certainly in one group: {}", sets.join("; ")),
        };
        [
            address_list(&self.functions),
            together,
            format!(
                "depends on {}",
                deciding(&self.depends_on, &self.depends_on_kernel)
            ),
        ]
    }
}

/// What is open about one function.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(crate) struct OpenFor {
    /// The functions that certainly share its group.
    pub certainly_with: Vec<Bdf>,
    /// The functions that may share its group.
    pub perhaps_with: Vec<Bdf>,
    /// The functions that lack a fact that can decide.
    pub depends_on: Vec<Bdf>,
    /// The functions that kernels treat differently, if the input does not show the version of the kernel.
    pub depends_on_kernel: Vec<Bdf>,
}

impl OpenFor {
    /// What is open about the function, if something is.
    pub(crate) fn find(all: &[Open], bdf: Bdf) -> Option<Self> {
        let open = all.iter().find(|open| open.functions.contains(&bdf))?;
        let mut sets = open.together.iter();
        let own = sets.find(|set| set.contains(&bdf))?;
        let perhaps = open.functions.iter().filter(|one| !own.contains(one));
        Some(Self {
            certainly_with: own.iter().copied().filter(|&one| one != bdf).collect(),
            perhaps_with: perhaps.copied().collect(),
            depends_on: open.depends_on.clone(),
            depends_on_kernel: open.depends_on_kernel.clone(),
        })
    }

    /// The facts that decide.
    pub(crate) fn deciding(&self) -> String {
        deciding(&self.depends_on, &self.depends_on_kernel)
    }
}

/// What is open about the groups that the machine's kernel makes with modules that have these tables.
/// Functions whose group cannot be computed at all are left out. Nothing is open where the kernel's own
/// groups are all known. Costs O(n log n) in the number of functions, times the depth of the bus hierarchy.
///
/// # Errors
///
/// [`Error::CouldNotRun`] for an impossible topology.
pub fn open(machine: &HostView<'_>, tables: &[Table]) -> Result<Vec<Open>, Error> {
    if machine.recorded().is_some() && machine.unshown().is_empty() {
        return Ok(Vec::new());
    }
    let Some(range) = machine.range(tables)? else {
        return Ok(Vec::new());
    };
    let undetermined = machine.undetermined();
    let known = |set: &Vec<Bdf>| -> Vec<Bdf> {
        let members = set.iter().filter(|bdf| !undetermined.contains(bdf));
        members.copied().collect()
    };
    let apart: Partition = range.apart.iter().map(known).collect();
    let mut set_of = BTreeMap::new();
    for (at, set) in apart.iter().enumerate() {
        set_of.extend(set.iter().map(|bdf| (*bdf, at)));
    }
    let mut together: Vec<Partition> = vec![Vec::new(); apart.len()];
    for set in range.together.iter().map(known) {
        if let Some(&at) = set.first().and_then(|bdf| set_of.get(bdf)) {
            together[at].push(set);
        }
    }
    let functions = machine.view.functions.iter();
    let seen: BTreeMap<Bdf, _> = functions.map(|seen| (seen.function.bdf, seen)).collect();
    let is_open = |(_, together): &(Vec<Bdf>, Partition)| together.len() > 1;
    let open = apart.into_iter().zip(together).filter(is_open);
    let open = open.map(|(functions, together)| {
        let of = functions.iter().filter_map(|bdf| seen.get(bdf).copied());
        let path =
            of.flat_map(|seen| std::iter::successors(Some(seen), |seen| machine.view.above(seen)));
        let path: BTreeSet<Bdf> = path.map(|seen| seen.function.bdf).collect();
        Open {
            depends_on: path.intersection(&range.unknown).copied().collect(),
            depends_on_kernel: path.intersection(&range.by_kernel).copied().collect(),
            functions,
            together,
        }
    });
    Ok(open.collect())
}
