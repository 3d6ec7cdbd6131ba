// SPDX-License-Identifier: GPL-2.0-only

//! The groups after a change, and the steps that lead to it.

use std::collections::BTreeSet;

use grouping::Assumption;
use quirk_data::{edition::Edition, error::Error};
use rules::{decision::KernelVerdict, table::Table};
use topology::{
    Bdf,
    names::{Names, ids},
};

use super::{answer::Step, changes::Changes};
use crate::host::HostView;
use crate::why::{
    answer::{Goal, Need},
    explain::change,
    grouped::GroupedHost,
    remedy::{Remedy, What, newer_kernel, reason, relied_on, switched_off, unhide},
    slots::{self, Ports},
    words::address_list,
};

/// Whether a function shares its computed group with no function that can be passed through.
pub(super) fn is_alone(grouped: &GroupedHost<'_, '_>, target: usize) -> bool {
    grouped.shared(target).is_empty()
}

/// The module tables that a plan relies on, with the module loaded or not: only those of the edition
/// whose entries have evidence.
pub(super) fn trusted(machine: &HostView<'_>, is_loaded: bool) -> Vec<Table> {
    let modules = &machine.modules;
    let tables = modules.editions.iter().zip(&modules.tables);
    let trusted = tables.filter(|(edition, _)| is_loaded && **edition == Edition::Validated);
    trusted.map(|(_, table)| *table).collect()
}

/// The functions that decide whether a function has a group of its own: those of its device and of
/// its group, and the bridges above them.
pub(super) fn relevant(grouped: &GroupedHost<'_, '_>, target: usize) -> BTreeSet<usize> {
    let of_device = grouped.of_device(grouped.device(target));
    grouped.deciding(of_device.chain(grouped.members(target)))
}

/// Those of these functions of which a property was not seen. ACS that the kernel enables at boot
/// counts as seen.
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
    fn after<T>(
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
        self.after(changes, |grouped, target| {
            let domain = self.function.domain;
            let slot = slots::slot_of(grouped, target);
            let can = |port: &Bdf| {
                let is_below = |port| grouped.above(port).any(|above| Some(above) == slot);
                let position = grouped.machine.position(*port);
                // Bus numbers are those of one domain.
                port.domain == domain && position.is_ok_and(|port| !is_below(port))
            };
            let mut ports = slots::ports(grouped, target);
            ports.free.retain(can);
            ports.taken.retain(can);
            Ok(ports)
        })
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
            let mut steps = self.steps(changes, grouped, &relevant);
            // A step to another kernel or to the module names the quirk that it relies on.
            let is_empty = |step: &Step| {
                matches!(step.what, What::Kernel | What::Module) && step.entries.is_empty()
            };
            if steps.iter().any(is_empty) {
                return Ok(None);
            }
            steps.extend(stated);
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

    /// The steps of the changes, in the order in which to take them. `relevant` are the functions
    /// that decide, in the view after the changes.
    fn steps(
        &self,
        changes: &Changes,
        after: &GroupedHost<'_, '_>,
        relevant: &BTreeSet<usize>,
    ) -> Vec<Step> {
        let base = self.base;
        let mut steps = Vec::new();
        for seen in &base.machine.view.functions {
            let bdf = seen.function.bdf;
            if !changes.shown.contains(&bdf) {
                continue;
            }
            let remedy = unhide(seen.function);
            let mut same = steps
                .iter_mut()
                .filter(|step: &&mut Step| step.text == remedy.text);
            match same.next() {
                Some(step) => step.functions.push(bdf),
                None => steps.push(Step::new(remedy, vec![bdf])),
            }
        }
        if let Some(kernel) = changes.kernel {
            steps.push(self.kernel(&format!("Linux {kernel} or newer"), after, relevant));
        }
        if !changes.on.is_empty() {
            steps.push(Step::new(
                switched_off(base),
                changes.on.iter().copied().collect(),
            ));
        }
        if changes.module {
            steps.push(module(after, relevant));
        }
        steps
    }

    /// The step to another kernel, with the quirks that the present one lacks.
    fn kernel(
        &self,
        kernel: &str,
        after: &GroupedHost<'_, '_>,
        relevant: &BTreeSet<usize>,
    ) -> Step {
        let machine = self.base.machine;
        let mut step = Step {
            what: What::Kernel,
            functions: Vec::new(),
            entries: Vec::new(),
            text: String::new(),
        };
        for &index in relevant {
            let seen = after.seen(index);
            let verdict = after.machine.prediction().verdict(seen);
            let before = machine.position(seen.function.bdf).map(|before| {
                let before = &machine.view.functions[before];
                machine.prediction().verdict(before).kernel
            });
            let is_new = verdict.kernel == KernelVerdict::Isolated
                && before.is_ok_and(|before| before != KernelVerdict::Isolated);
            let entry = relied_on(machine.entry(verdict.by)).filter(|_| is_new);
            let Some(entry) = entry else {
                continue;
            };
            let text = newer_kernel(kernel, seen.function, entry).text;
            if !step.text.contains(&text) {
                let gap = if step.text.is_empty() { "" } else { " " };
                step.text = format!("{}{gap}{text}", step.text);
            }
            step.functions.push(seen.function.bdf);
            step.entries.push(entry.name.clone());
        }
        step.functions.sort_unstable();
        step.entries.sort_unstable();
        step.entries.dedup();
        step
    }
}

/// The step that loads the module, with the entries that isolate functions.
fn module(after: &GroupedHost<'_, '_>, relevant: &BTreeSet<usize>) -> Step {
    let prediction = after.machine.prediction();
    let (mut functions, mut entries) = (Vec::new(), BTreeSet::new());
    for &index in relevant {
        let seen = after.seen(index);
        let Some((table, entry)) = prediction.granted(after.tables, seen) else {
            continue;
        };
        let table = after.tables.get(table);
        let entry = table.and_then(|table| table.entries.get(usize::from(entry)));
        functions.push(seen.function.bdf);
        entries.extend(entry.map(|entry| entry.name.to_owned()));
    }
    functions.sort_unstable();
    let entries: Vec<_> = entries.into_iter().collect();
    Step {
        what: What::Module,
        text: format!(
            "Load the module acs_quirks: modprobe acs_quirks. It has what this kernel lacks: {}.",
            entries.join(", ")
        ),
        functions,
        entries,
    }
}

/// The statement that a device needs; `None` if no statement would help, because another remedy is
/// the one to take or an entry is refused.
fn statement(grouped: &GroupedHost<'_, '_>, need: &Need) -> Option<Step> {
    let is_no_way = |remedy: &Remedy| {
        !matches!(
            remedy.what,
            What::Statement | What::Candidate | What::FirmwareSetting
        )
    };
    if need.remedies.iter().any(is_no_way) {
        return None;
    }
    let mut step = Step {
        what: What::Statement,
        functions: need.functions.clone(),
        entries: Vec::new(),
        text: String::new(),
    };
    let about: BTreeSet<String> = need
        .functions
        .iter()
        .filter_map(|&bdf| grouped.machine.position(bdf).ok())
        .map(|index| ids(grouped.seen(index).function))
        .collect();
    let about: Vec<_> = about.into_iter().collect();
    for remedy in &need.remedies {
        let text = match remedy.what {
            What::Statement => remedy.text.clone(),
            What::Candidate => {
                let mut entries = grouped.machine.entries.iter();
                let name = remedy.entry.as_ref()?;
                let entry = entries.find(|entry| entry.name == *name)?;
                step.entries.push(name.clone());
                format!(
                    "A statement by the vendor that they are isolated. A candidate entry exists, {name}, and \
                     its evidence does not suffice: {}",
                    reason(entry)
                )
            }
            _ => continue,
        };
        let gap = if step.text.is_empty() { "" } else { " " };
        step.text = format!("{}{gap}{text}", step.text);
    }
    if step.text.is_empty() {
        return None;
    }
    let functions = address_list(&need.functions);
    step.text = format!("{functions} [{}]: {}", about.join(" "), step.text);
    Some(step)
}
