// SPDX-License-Identifier: GPL-2.0-only

//! What an answer supposes that the machine, as it was read, does not have.

use std::collections::BTreeSet;

use grouping::{Assumption, model::release::Verified};
use rules::decision::{Decision, KernelVerdict};
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
    /// The IOMMU is switched on: the input shows that the machine uses none.
    Iommu,
    /// The IOMMU is switched on: the input has no IOMMU groups, and does not show why.
    IommuUnseen,
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
    let unverified = match machine.verified() {
        Verified::Kernel | Verified::Source => "",
        Verified::No => " (unverified: see the assumptions)",
    };
    Some(Supposed {
        what: What::Kernel,
        text: format!(
            "{}{unverified} runs instead of {instead}. The functions and their ACS registers are those that were read",
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
    let (name, status) = (&entry.name, entry.status.name());
    let mut sentences = vec![if supposed.is_hypothesis() {
        format!(
            "the claim of the entry {name} (status {status}){from} holds, and a loaded module has it. This is a \
             hypothesis"
        )
    } else {
        format!("a loaded module has the entry {name} (status {status})")
    }];
    if supposed.has_supposed_flags {
        let flags = "The file names no ACS flags yet; those that grouping asks for are supposed: SV, RR, CR, UF";
        sentences.push(flags.to_owned());
    }
    if supposed.faults > 0 {
        sentences.push(format!(
            "The entry is not finished: \"acsctl quirk check\" finds faults in its evidence or its texts ({}), \
             and no module is built with it",
            supposed.faults
        ));
    }
    let (functions, refusals) = counted(machine);
    if functions.is_empty() {
        let why = refusals.into_iter().next();
        let why = why.unwrap_or_else(|| "no function has its ids and its kind".to_owned());
        sentences.push(format!("It isolates no function here: {why}"));
    }
    Supposed {
        what: What::Entry,
        text: sentences.join(". "),
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
        ", and enables at boot the ACS controls that functions implement and that are off now"
            .to_owned()
    };
    let (what, why) = if is_off(machine) {
        (
            What::Iommu,
            "The machine uses none: there are no IOMMU groups, and no ACS control is on",
        )
    } else {
        (What::IommuUnseen, "The input has no IOMMU groups")
    };
    Some(Supposed {
        what,
        text: format!(
            "the IOMMU is switched on. {why}. With an IOMMU, the kernel makes groups{enabled}"
        ),
        functions,
    })
}

/// Whether the input, which has no groups, shows that the machine uses no IOMMU: of the functions that
/// implement ACS, none has a control enabled. A kernel with an IOMMU enables them at boot. A text must
/// have such a function; a host lists its groups if it has any.
fn is_off(machine: &HostView<'_>) -> bool {
    let required = machine.view.release.required.bits();
    let prediction = machine.prediction();
    // Where a quirk of the kernel answers, the registers may have another layout.
    let by_registers = machine
        .view
        .functions
        .iter()
        .filter(|seen| prediction.verdict(seen).kernel == KernelVerdict::NoOpinion);
    let enabled = by_registers.filter_map(|seen| {
        let acs = seen.function.acs?;
        let (implemented, enabled) = (acs.cap? & required, acs.ctl? & required);
        (implemented != 0).then_some(enabled)
    });
    let enabled: Vec<_> = enabled.collect();
    let is_host = machine.paths().is_some();
    (is_host || !enabled.is_empty()) && enabled.iter().all(|&enabled| enabled == 0)
}
