// SPDX-License-Identifier: GPL-2.0-only

//! What the facts that the input lacks leave open.

use std::collections::BTreeSet;

use quirk_data::error::Error;
use rules::table::Table;
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Partition};

use crate::{
    host::{HostView, impossible},
    why::address_list,
};

/// Functions of which some share a group or not, depending on facts that the input lacks. Each of them is
/// certainly apart from every function outside.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Open {
    /// The functions, in order.
    pub functions: Vec<Bdf>,
    /// The same functions, in sets that certainly share a group.
    pub together: Partition,
    /// The functions that lack a fact, of these and of the bridges above them.
    pub depends_on: Vec<Bdf>,
}

impl Open {
    /// What is open and what is certain, without full stops.
    pub(crate) fn words(&self) -> [String; 3] {
        let sets = self.together.iter().filter(|set| set.len() > 1);
        let sets: Vec<_> = sets.map(|set| address_list(set)).collect();
        let together = match &sets[..] {
            [] => "none of them certainly share a group".to_owned(),
            sets => format!("certainly in one group: {}", sets.join("; ")),
        };
        [
            address_list(&self.functions),
            together,
            format!("depends on facts about {}", address_list(&self.depends_on)),
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
        })
    }
}

/// What is open about the groups that the machine's kernel makes with modules that have these tables.
/// Functions whose group cannot be computed at all are left out. Nothing is open where the kernel's own
/// groups are known.
///
/// # Errors
///
/// [`Error::CouldNotRun`] for an impossible topology.
pub(crate) fn open(machine: &HostView<'_>, tables: &[Table]) -> Result<Vec<Open>, Error> {
    if machine.recorded().is_some() {
        return Ok(Vec::new());
    }
    let range = machine.prediction().range(tables).map_err(impossible)?;
    let Some(range) = range else {
        return Ok(Vec::new());
    };
    let undetermined = machine.undetermined();
    let mut all = Vec::new();
    for mut functions in range.apart {
        functions.retain(|bdf| !undetermined.contains(bdf));
        let together = range.together.iter().filter_map(|set| {
            let members = set.iter().filter(|bdf| functions.contains(bdf));
            let members: Vec<_> = members.copied().collect();
            (!members.is_empty()).then_some(members)
        });
        let together: Partition = together.collect();
        if together.len() < 2 {
            continue;
        }
        let mut deciding: BTreeSet<Bdf> = functions.iter().copied().collect();
        for seen in &machine.view.functions {
            if functions.contains(&seen.function.bdf) {
                let next = |seen: &&_| machine.view.above(seen);
                let above = std::iter::successors(machine.view.above(seen), next);
                deciding.extend(above.map(|seen| seen.function.bdf));
            }
        }
        all.push(Open {
            functions,
            together,
            depends_on: deciding.intersection(&range.unknown).copied().collect(),
        });
    }
    Ok(all)
}
