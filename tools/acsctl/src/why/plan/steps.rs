// SPDX-License-Identifier: GPL-2.0-only

//! The steps of a change, in the words of `acsctl why`.

use std::collections::BTreeSet;

use grouping::model::release::Verified;
use rules::{decision::KernelVerdict, release::Release, table::Table};
use topology::names::ids;

use super::{answer::Step, changes::Changes};
use crate::why::{
    answer::Need,
    grouped::GroupedHost,
    remedy::{Remedy, What, newer_kernel, reason, relied_on, switched_off, unhide},
    words::address_list,
};

/// The steps of the changes, in the order in which to take them. `relevant` are the functions
/// that decide, in the view after the changes. `None` if no quirk or entry explains a step.
pub(super) fn steps(
    base: &GroupedHost<'_, '_>,
    changes: &Changes,
    after: &GroupedHost<'_, '_>,
    relevant: &BTreeSet<usize>,
) -> Option<Vec<Step>> {
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
        steps.push(newer(base, kernel, after, relevant));
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
    // A step to another kernel or to the module names the quirk that it relies on.
    let is_empty =
        |step: &Step| matches!(step.what, What::Kernel | What::Module) && step.entries.is_empty();
    (!steps.iter().any(is_empty)).then_some(steps)
}

/// The steps to what the answer supposes: its kernel, unless the changes have a newer one, and its
/// entry, if that isolates one of the functions that decide.
pub(super) fn supposed(
    base: &GroupedHost<'_, '_>,
    changes: &Changes,
    after: &GroupedHost<'_, '_>,
    relevant: &BTreeSet<usize>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    if base.machine.replaced_kernel().is_some() && changes.kernel.is_none() {
        let unverified = match base.machine.verified() {
            Verified::Kernel | Verified::Source => "",
            Verified::No => " (unverified)",
        };
        let text = format!(
            "Boot {}{unverified}, as supposed.",
            base.machine.kernel_name()
        );
        steps.push(Step::new(Remedy::new(What::Kernel, text), Vec::new()));
    }
    let Some((supposed, _)) = after.machine.supposed() else {
        return steps;
    };
    let prediction = after.machine.prediction();
    let grants = |index: &usize| {
        let granted = prediction.granted(after.tables, after.seen(*index));
        let by = granted.and_then(|(position, _)| after.tables.get(position));
        by.is_some_and(|by| after.machine.edition_of(by).is_none())
    };
    let functions = relevant.iter().copied().filter(grants);
    let mut functions: Vec<_> = functions.map(|index| after.bdf(index)).collect();
    functions.sort_unstable();
    if functions.is_empty() {
        return steps;
    }
    let (name, list) = (&supposed.entry.name, address_list(&functions));
    let remedy = if supposed.is_hypothesis() {
        let text = format!(
            "Hypothesis: the claim of the entry {name} holds for {list}. Only the vendor can state that. Then \
             load a module that has the entry."
        );
        Remedy::new(What::Statement, text)
    } else {
        let text = format!("Load a module that has the entry {name}, which isolates {list}.");
        Remedy::new(What::Module, text)
    };
    let mut step = Step::new(remedy, functions);
    step.entries.push(name.clone());
    steps.push(step);
    steps
}

/// The step to another kernel, with the quirks that the present one lacks.
fn newer(
    base: &GroupedHost<'_, '_>,
    kernel: Release,
    after: &GroupedHost<'_, '_>,
    relevant: &BTreeSet<usize>,
) -> Step {
    let machine = base.machine;
    let kernel = format!("Linux {kernel} or newer");
    let (mut functions, mut entries) = (Vec::new(), BTreeSet::new());
    let mut texts = Vec::new();
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
        let text = newer_kernel(&kernel, seen.function, entry).text;
        if !texts.contains(&text) {
            texts.push(text);
        }
        functions.push(seen.function.bdf);
        entries.insert(entry.name.clone());
    }
    functions.sort_unstable();
    Step {
        what: What::Kernel,
        functions,
        entries: entries.into_iter().collect(),
        text: texts.join(" "),
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
        // The supposed entry is in no module.
        let in_module = |table: &&Table| after.machine.edition_of(table).is_some();
        let Some(table) = after.tables.get(table).filter(in_module) else {
            continue;
        };
        let entry = table.entries.get(usize::from(entry));
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
pub(super) fn statement(grouped: &GroupedHost<'_, '_>, need: &Need) -> Option<Step> {
    let is_no_way = |remedy: &Remedy| {
        !matches!(
            remedy.what,
            What::Statement | What::Candidate | What::FirmwareSetting
        )
    };
    if need.remedies.iter().any(is_no_way) {
        return None;
    }
    let (mut entries, mut texts) = (Vec::new(), Vec::new());
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
                let mut known = grouped.machine.entries.iter();
                let name = remedy.entry.as_ref()?;
                let entry = known.find(|entry| entry.name == *name)?;
                entries.push(name.clone());
                format!(
                    "A statement by the vendor that they are isolated. A candidate entry exists, {name}, and \
                     its evidence does not suffice: {}",
                    reason(entry)
                )
            }
            _ => continue,
        };
        texts.push(text);
    }
    if texts.is_empty() {
        return None;
    }
    let functions = address_list(&need.functions);
    Some(Step {
        what: What::Statement,
        functions: need.functions.clone(),
        entries,
        text: format!("{functions} [{}]: {}", about.join(" "), texts.join(" ")),
    })
}
