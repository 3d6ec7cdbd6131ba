// SPDX-License-Identifier: GPL-2.0-only

//! What an answer supposes that the machine, as it was read, does not have.

use std::collections::BTreeSet;

use grouping::Assumption;
use rules::decision::Decision;
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, names::printable};

use crate::{
    database::SupposedEntry,
    host::{HostView, named},
};

/// The kind of a supposition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Another kernel: `--kernel`.
    Kernel,
    /// One more entry: `--with`. Its claim is a hypothesis.
    Entry,
    /// The IOMMU is switched on: the input has no IOMMU groups.
    Iommu,
}

/// A supposition of an answer.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Supposed {
    /// The kind.
    pub what: What,
    /// The supposition in words.
    pub text: String,
    /// For an entry, the functions that it isolates here; for the IOMMU, those whose ACS the kernel
    /// enables at boot.
    pub functions: Vec<Bdf>,
}

/// The suppositions about a machine; with `entry`, also the supposed entry.
pub(super) fn supposed(machine: &HostView<'_>, with_entry: bool) -> Vec<Supposed> {
    let entry = machine.supposed().filter(|_| with_entry);
    let all = [
        kernel(machine),
        entry.map(|(supposed, _)| of_entry(machine, supposed)),
        iommu(machine),
    ];
    all.into_iter().flatten().collect()
}

fn kernel(machine: &HostView<'_>) -> Option<Supposed> {
    let instead = match machine.replaced_kernel()? {
        "" => "the kernel, which the input does not name".to_owned(),
        version => named(version),
    };
    Some(Supposed {
        what: What::Kernel,
        text: format!(
            "{} runs instead of {instead}. The functions and their ACS registers are those that were read",
            machine.kernel_name()
        ),
        functions: Vec::new(),
    })
}

fn of_entry(machine: &HostView<'_>, supposed: &SupposedEntry) -> Supposed {
    let SupposedEntry { entry, file, .. } = supposed;
    let from = file.as_ref().map_or_else(String::new, |file| {
        format!(" in {}", printable(&file.display().to_string()))
    });
    let mut text = format!(
        "the claim of the entry {} (status {}){from} holds, and a loaded module has it. This is a hypothesis",
        entry.name,
        entry.status.name()
    );
    if supposed.has_supposed_flags {
        text += ". The file names no ACS flags yet; those that grouping asks for are supposed: SV, RR, CR, UF";
    }
    if supposed.faults > 0 {
        text += &format!(
            ". The entry is not finished: \"acsctl quirk check\" finds faults in its evidence or its texts ({}), \
             and no module is built with it",
            supposed.faults
        );
    }
    let (functions, refusals) = counted(machine);
    if functions.is_empty() {
        let why = match refusals.into_iter().next() {
            Some(why) => format!(": {why}"),
            None => ": no function has its ids and its kind".to_owned(),
        };
        text += &format!(". It isolates no function here{why}");
    }
    Supposed {
        what: What::Entry,
        text,
        functions,
    }
}

/// The functions that the supposed entry isolates, and why it does not isolate others that it lists.
fn counted(machine: &HostView<'_>) -> (Vec<Bdf>, BTreeSet<String>) {
    let (mut functions, mut refusals) = (Vec::new(), BTreeSet::new());
    let Some((_, table)) = machine.supposed() else {
        return (functions, refusals);
    };
    let decisions = machine.prediction().in_grouping(table);
    for (seen, decision) in machine.view.functions.iter().zip(decisions) {
        match decision {
            Decision::Granted(_) => functions.push(seen.function.bdf),
            Decision::Refused(_, refusal) => {
                refusals.insert(refusal.to_string());
            }
            Decision::NotListed => {}
        }
    }
    functions.sort_unstable();
    (functions, refusals)
}

/// The supposition that the IOMMU is on, if the input has no groups.
fn iommu(machine: &HostView<'_>) -> Option<Supposed> {
    if machine.recorded().is_some() {
        return None;
    }
    let assumed = machine.view.assumptions.iter();
    let late = assumed.filter(|(_, assumption)| *assumption == Assumption::AcsAtBoot);
    let mut functions: Vec<Bdf> = late.map(|(bdf, _)| *bdf).collect();
    functions.sort_unstable();
    let enabled = if functions.is_empty() {
        String::new()
    } else {
        ", and enables at boot the ACS controls that functions implement and that are off now".to_owned()
    };
    Some(Supposed {
        what: What::Iommu,
        text: format!(
            "the IOMMU is switched on. {}: {} then makes groups{enabled}",
            if is_off(machine) {
                "It is off: the machine has no IOMMU groups"
            } else {
                "The input has no IOMMU groups"
            },
            machine.kernel_name()
        ),
        functions,
    })
}

/// Whether the input shows that the machine uses no IOMMU: a host lists its groups if it has any, and
/// a kernel with an IOMMU enables ACS on every function that implements it.
pub(crate) fn is_off(machine: &HostView<'_>) -> bool {
    if machine.recorded().is_some() {
        return false;
    }
    let required = machine.view.release.required.bits();
    let mut implementing = machine.view.functions.iter().filter_map(|seen| {
        let acs = seen.function.acs?;
        let (implemented, enabled) = (acs.cap? & required, acs.ctl? & required);
        (implemented != 0).then_some(enabled)
    });
    let first = implementing.next();
    machine.paths().is_some()
        || first.is_some_and(|first| first == 0) && implementing.all(|enabled| enabled == 0)
}
