// SPDX-License-Identifier: GPL-2.0-only

//! The cheapest combinations of changes that give a function a group of its own.

use std::collections::BTreeSet;

use grouping::model::release::COMPARED;
use quirk_data::error::Error;
use rules::release::Release;
use topology::{Bdf, names::Names};

use super::{
    answer::{Alternative, Step},
    changes::{Changes, Possible},
    trial::{Tester, Trial},
};
use crate::{
    predict::difference::enables_acs_late,
    why::{
        grouped::GroupedHost,
        remedy::{regroup, switched_off},
        slots::{Ports, move_to},
    },
};

/// The number of ports to try for a plan that needs a statement too.
const TRIED: usize = 4;

// The kinds of changes, as bits of a set.
const MODULE: u8 = 1;
const ON: u8 = 2;
const KERNEL: u8 = 4;
const SHOWN: u8 = 8;
const SLOT: u8 = 16;
const ALL: u8 = 31;

/// A combination of changes that gives the function a group of its own.
struct Found {
    kinds: u8,
    needs: BTreeSet<Vec<Bdf>>,
    by_module: bool,
    steps: Vec<Step>,
}

impl Found {
    /// Whether this combination makes another one superfluous.
    fn covers(&self, kinds: u8, needs: &BTreeSet<Vec<Bdf>>) -> bool {
        self.kinds & !kinds == 0 && self.needs.is_subset(needs)
    }
}

/// The alternatives for the function at `target`, cheapest first. No change of one is superfluous.
pub(super) fn search(
    base: &GroupedHost<'_, '_>,
    target: usize,
    names: &Names,
) -> Result<Vec<Alternative>, Error> {
    let search = Search {
        tester: Tester {
            base,
            function: base.bdf(target),
            names,
        },
        possible: Possible::of(base, target),
    };
    let mut sets: Vec<u8> = (0..=ALL).filter(|&kinds| search.has(kinds)).collect();
    sets.sort_by_key(|kinds| kinds.count_ones());
    let mut found: Vec<Found> = Vec::new();
    for asks_vendors in [false, true] {
        for &kinds in &sets {
            if found.iter().any(|one| one.covers(kinds, &BTreeSet::new())) {
                continue;
            }
            let Some(trial) = search.best(kinds, asks_vendors)? else {
                continue;
            };
            if !found.iter().any(|one| one.covers(kinds, &trial.needs)) {
                found.push(Found {
                    kinds,
                    needs: trial.needs,
                    by_module: trial.by_module,
                    steps: trial.steps,
                });
            }
        }
    }
    let complete = |one: Found| search.complete(one);
    let mut alternatives: Vec<_> = found.into_iter().map(complete).collect();
    alternatives.sort_by_key(Alternative::cost);
    Ok(alternatives)
}

struct Search<'t, 'm, 'a> {
    tester: Tester<'t, 'm, 'a>,
    possible: Possible,
}

impl Search<'_, '_, '_> {
    /// Whether all changes of these kinds are possible.
    fn has(&self, kinds: u8) -> bool {
        let possible = &self.possible;
        [
            (MODULE, possible.module),
            (ON, !possible.off.is_empty()),
            (KERNEL, !possible.kernels.is_empty()),
            (SHOWN, !possible.hidden.is_empty()),
            (SLOT, possible.slot.is_some()),
        ]
        .iter()
        .all(|(kind, is_possible)| *is_possible || kinds & kind == 0)
    }

    /// The changes of these kinds, without a slot.
    fn changes(&self, kinds: u8, kernel: Option<Release>) -> Changes {
        let has = |kind| kinds & kind != 0;
        let set = |kind, of: &BTreeSet<Bdf>| {
            if has(kind) {
                of.clone()
            } else {
                BTreeSet::new()
            }
        };
        Changes {
            module: has(MODULE),
            on: set(ON, &self.possible.off),
            kernel,
            shown: set(SHOWN, &self.possible.hidden),
            swap: None,
        }
    }

    /// The outcome of the changes of these kinds, with the oldest kernel that gives it. A newer kernel
    /// counts only if the newest known one gives the same outcome.
    fn best(&self, kinds: u8, asks_vendors: bool) -> Result<Option<Trial>, Error> {
        if kinds & KERNEL == 0 {
            return self.in_kernel(kinds, None, asks_vendors);
        }
        let later = self.possible.kernels.iter().copied();
        let newest = later.clone().chain(COMPARED).max();
        let Some(newest) = self.in_kernel(kinds, newest, asks_vendors)? else {
            return Ok(None);
        };
        for kernel in later {
            if let Some(trial) = self.in_kernel(kinds, Some(kernel), asks_vendors)? {
                if trial.needs == newest.needs {
                    return Ok(Some(trial));
                }
            }
        }
        Ok(None)
    }

    fn in_kernel(
        &self,
        kinds: u8,
        kernel: Option<Release>,
        asks_vendors: bool,
    ) -> Result<Option<Trial>, Error> {
        let changes = self.changes(kinds, kernel);
        match self.possible.slot {
            Some(slot) if kinds & SLOT != 0 => self.moved(&changes, slot, asks_vendors),
            _ => self.tester.test(&changes, asks_vendors),
        }
    }

    /// The outcome of the changes and of a move of the card from a slot to another one: of those
    /// ports that need the fewest statements.
    fn moved(
        &self,
        changes: &Changes,
        slot: Bdf,
        asks_vendors: bool,
    ) -> Result<Option<Trial>, Error> {
        let ports = self.tester.ports(changes)?;
        let tried = if asks_vendors { TRIED } else { usize::MAX };
        let free = ports.free.into_iter().map(|port| (port, true));
        let taken = ports.taken.into_iter().map(|port| (port, false));
        let mut trials = Vec::new();
        for (port, is_free) in free.chain(taken).take(tried) {
            let changes = Changes {
                swap: Some((slot, port)),
                ..changes.clone()
            };
            if let Some(trial) = self.tester.test(&changes, asks_vendors)? {
                trials.push((port, is_free, trial));
            }
        }
        let best = trials.iter().map(|(_, _, trial)| &trial.needs);
        let Some(best) = best.min_by_key(|needs| needs.len()).cloned() else {
            return Ok(None);
        };
        trials.retain(|(_, _, trial)| trial.needs == best);
        let mut ports = Ports::default();
        for &(port, is_free, _) in &trials {
            let list = if is_free {
                &mut ports.free
            } else {
                &mut ports.taken
            };
            list.push(port);
        }
        let first = trials.into_iter().next().zip(move_to(&ports));
        Ok(first.map(|((_, _, mut trial), remedy)| {
            trial
                .steps
                .insert(0, Step::new(remedy, vec![self.tester.function]));
            trial
        }))
    }

    /// Adds the steps that do not change the computed groups: an IOMMU, if the machine has made no
    /// groups, and a regroup, if it made the group before ACS was on.
    fn complete(&self, found: Found) -> Alternative {
        let base = self.tester.base;
        let mut steps = found.steps;
        let is_grouped = base.machine.recorded().is_some();
        if !is_grouped {
            steps.insert(0, Step::new(switched_off(base), Vec::new()));
        }
        // At boot, the kernel makes groups before it loads the module, and some kernels before they
        // enable ACS.
        let is_late = enables_acs_late(base.machine) && found.kinds & KERNEL == 0;
        let is_booted = base.machine.replaced_kernel().is_some();
        let is_old = is_grouped && found.kinds == 0 && !is_booted;
        if found.by_module || (is_late || is_old) && found.needs.is_empty() {
            let function = self.tester.function;
            steps.push(Step::new(regroup(function), vec![function]));
        }
        Alternative { steps }
    }
}
