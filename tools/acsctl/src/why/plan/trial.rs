// SPDX-License-Identifier: GPL-2.0-only

//! The groups after a change.

use std::collections::BTreeSet;

use grouping::Assumption;
use quirk_data::{edition::Edition, error::Error};
use rules::{decision::KernelVerdict, table::Table};
use topology::{Bdf, names::Names};

use super::{
    answer::Step,
    changes::Changes,
    steps::{statement, steps, supposed},
};
use crate::{
    host::HostView,
    why::{
        answer::Goal,
        change::change,
        grouped::GroupedHost,
        slots::{self, Ports},
        words::address_list,
    },
};

/// Whether a function shares its computed group with no function that can be passed through.
pub(super) fn is_alone(grouped: &GroupedHost<'_, '_>, target: usize) -> bool {
    grouped.shared(target).is_empty()
}

/// The module tables that a plan relies on, with the module loaded or not: only those of the edition
/// whose entries have evidence, and the supposed entry.
pub(super) fn trusted(machine: &HostView<'_>, is_loaded: bool) -> Vec<Table> {
    let modules = &machine.modules;
    let tables = modules.editions.iter().zip(&modules.tables);
    let trusted = tables.filter(|(edition, _)| is_loaded && **edition == Edition::Validated);
    let supposed = machine.supposed().map(|(_, table)| table);
    trusted
        .map(|(_, table)| table)
        .chain(supposed)
        .copied()
        .collect()
}

/// The functions that decide whether a function has a group of its own: those of its device and of
/// its group, and the bridges above them.
pub(super) fn relevant(grouped: &GroupedHost<'_, '_>, target: usize) -> BTreeSet<usize> {
    let of_device = grouped.of_device(grouped.device(target));
    grouped.deciding(of_device.chain(grouped.members(target)))
}

/// Those of these functions that the kernels which the machine may have treat differently.
///
/// # Errors
///
/// [`Error::CouldNotRun`] for an impossible topology.
pub(super) fn by_kernel(
    grouped: &GroupedHost<'_, '_>,
    relevant: &BTreeSet<usize>,
    tables: &[Table],
) -> Result<Vec<Bdf>, Error> {
    if grouped.machine.kernel.is_some() {
        return Ok(Vec::new());
    }
    let range = grouped.machine.range(tables)?;
    let by_kernel = range.map(|range| range.by_kernel).unwrap_or_default();
    let relevant = relevant.iter().map(|&index| grouped.bdf(index));
    Ok(relevant.filter(|bdf| by_kernel.contains(bdf)).collect())
}

/// Those of these functions that have a property which the input does not show. ACS that the kernel
/// enables at boot counts as shown.
pub(super) fn unseen(grouped: &GroupedHost<'_, '_>, relevant: &BTreeSet<usize>) -> Vec<Bdf> {
    let machine = grouped.machine;
    let assumed = machine.view.assumptions.iter();
    let assumed: BTreeSet<Bdf> = assumed
        .filter(|(_, assumption)| *assumption != Assumption::AcsAtBoot)
        .map(|(bdf, _)| *bdf)
        .collect();
    let is_unseen = |index: &usize| {
        let seen = grouped.seen(*index);
        assumed.contains(&seen.function.bdf) || !machine.identifies(seen)
    };
    let unseen = relevant.iter().copied().filter(is_unseen);
    unseen.map(|index| grouped.bdf(index)).collect()
}

/// Which of these functions the kernel isolates only because it goes on to grant an entry that is
/// refused. A plan does not rely on that.
pub(super) fn refused(grouped: &GroupedHost<'_, '_>, relevant: &BTreeSet<usize>) -> Option<String> {
    let machine = grouped.machine;
    let (mut functions, mut entries) = (Vec::new(), BTreeSet::new());
    for &index in relevant {
        let verdict = machine.prediction().verdict(grouped.seen(index));
        let entry = machine.entry(verdict.by);
        let entry = entry.filter(|entry| entry.status.is_negative());
        if let (KernelVerdict::Isolated, Some(entry)) = (verdict.kernel, entry) {
            functions.push(grouped.bdf(index));
            entries.insert(entry.name.as_str());
        }
    }
    functions.sort_unstable();
    let entries: Vec<_> = entries.into_iter().collect();
    (!functions.is_empty()).then(|| {
        format!(
            "The kernel counts {} as isolated by a quirk whose entry is rejected or withdrawn ({}): do not rely \
             on it.",
            address_list(&functions),
            entries.join(", ")
        )
    })
}

/// The outcome of a change: the function is alone when all needs are met too.
pub(super) struct Trial {
    /// The devices about which a vendor would have to make a statement.
    pub(super) needs: BTreeSet<Vec<Bdf>>,
    /// Whether an entry of the module isolates one of the functions that decide.
    pub(super) by_module: bool,
    /// The steps of the change, and one for each need.
    pub(super) steps: Vec<Step>,
}

/// A machine and a function on it, whose group is computed after changes.
pub(super) struct Tester<'t, 'm, 'a> {
    pub(super) base: &'t GroupedHost<'m, 'a>,
    pub(super) function: Bdf,
    pub(super) names: &'t Names,
}

impl Tester<'_, '_, '_> {
    /// Runs `ask` on the machine after the changes, with the position of the function.
    pub(super) fn after<T>(
        &self,
        changes: &Changes,
        ask: impl FnOnce(&GroupedHost<'_, '_>, usize) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let topology = changes.apply(self.base.machine.topology);
        let machine = self.base.machine.with_topology(&topology);
        let tables = trusted(&machine, machine.modules.loaded || changes.module);
        let grouped = GroupedHost::new(&machine, &tables)?;
        let target = machine.position(self.function)?;
        ask(&grouped, target)
    }

    /// The ports to which the card can move after the changes.
    pub(super) fn ports(&self, changes: &Changes) -> Result<Ports, Error> {
        self.after(changes, |grouped, target| Ok(slots::ports(grouped, target)))
    }

    /// The outcome of the changes; `None` if the function is not alone after them, and statements do
    /// not change that, or the outcome relies on what was not seen or on a quirk whose entry is
    /// refused.
    pub(super) fn test(
        &self,
        changes: &Changes,
        asks_vendors: bool,
    ) -> Result<Option<Trial>, Error> {
        self.after(changes, |grouped, target| {
            let relevant = relevant(grouped, target);
            if !unseen(grouped, &relevant).is_empty() || refused(grouped, &relevant).is_some() {
                return Ok(None);
            }
            let mut needs = Vec::new();
            if !is_alone(grouped, target) {
                let alone = |grouped: &GroupedHost<'_, '_>| is_alone(grouped, target);
                let change = if asks_vendors {
                    Some(change(grouped, target, Goal::All, self.names, alone)?)
                } else {
                    None
                };
                let Some(change) = change.filter(|change| change.possible) else {
                    return Ok(None);
                };
                needs = change.needs;
            }
            let stated = needs.iter().map(|need| statement(grouped, need));
            let Some(stated) = stated.collect::<Option<Vec<_>>>() else {
                return Ok(None);
            };
            let Some(mut steps) = steps(self.base, changes, grouped, &relevant) else {
                return Ok(None);
            };
            steps.extend(stated);
            steps.splice(0..0, supposed(self.base, changes, grouped, &relevant));
            let prediction = grouped.machine.prediction();
            let by_module = |&index: &usize| {
                let seen = grouped.seen(index);
                prediction.granted(grouped.tables, seen).is_some()
            };
            Ok(Some(Trial {
                by_module: relevant.iter().any(by_module),
                needs: needs.into_iter().map(|need| need.functions).collect(),
                steps,
            }))
        })
    }
}
