// SPDX-License-Identifier: GPL-2.0-only

//! Checks whether groups are coarser than the kernel would make them now, or finer than isolation
//! justifies.

use std::collections::BTreeSet;

use topology::{Bdf, Partition};

use super::Diagnosis;
use crate::host::{Decided, HostView, Predicted, coarser, finer};

const CHECK: &str = "groups";

pub(super) fn look(host: &HostView<'_>) -> Vec<Diagnosis> {
    if host.groups.is_empty() {
        return Vec::new();
    }
    let functions = host.topology.functions.iter();
    if functions.clone().any(|it| !(it.pcie_known && it.acs_known)) {
        let finding = "whether they are as they should be could not be looked at: that takes all of \
                       configuration space";
        return vec![Diagnosis::warn(CHECK, finding, "run it as root")];
    }
    let predicted = match host.predict() {
        Ok(predicted) => predicted,
        Err(error) => {
            let finding = format!("what they should be cannot be told: {error}");
            return vec![Diagnosis::warn(
                CHECK,
                finding,
                "use the acsctl of the same version as the module",
            )];
        }
    };
    let all: BTreeSet<Bdf> = functions.map(|it| it.bdf).collect();
    let torn = finer(&host.groups, &predicted.groups, &all);
    let mut found: Vec<_> = torn.iter().map(|group| too_fine(host, group)).collect();
    if !torn.is_empty() {
        found.extend(lost(host, &predicted));
    }
    found.extend(told(host, torn.is_empty()));
    found.extend(unsplit(host, &predicted, &all));
    if found.is_empty() {
        let finding = "are those that this kernel makes, with what is loaded";
        found.push(Diagnosis::pass(CHECK, finding));
    }
    found
}

/// Diagnoses functions that are in different groups although nothing isolates them.
fn too_fine(host: &HostView<'_>, group: &[Bdf]) -> Diagnosis {
    let list: Vec<_> = group.iter().map(ToString::to_string).collect();
    let finding = format!(
        "finer than anything justifies: nothing isolates these from each other, and they are in more than \
         one group: {}",
        list.join(" ")
    );
    let is_unmarked = |bdf: &&Bdf| {
        let header = host.header_type(**bdf);
        bdf.function() > 0 && header.is_some_and(|header| header & 0x80 == 0)
    };
    if host.topology.acs_override.is_some() {
        let remedy = "the kernel has the \"ACS override\" patch and is told to use it: one guest can reach \
                      another's memory. Boot without pcie_acs_override=";
        return Diagnosis::fail(CHECK, finding, remedy);
    }
    if !host.is_modelled() {
        let remedy = "what this kernel does is not known for sure: it may have a quirk that acsctl does not \
                      know, or an \"ACS override\" patch. Do not give them to different guests before you know";
        return Diagnosis::warn(CHECK, finding, remedy);
    }
    let remedy = if let Some(unmarked) = group.iter().find(is_unmarked) {
        format!(
            "{unmarked} was found on a rescan or plugged in, and has not the multi-function bit in its header, \
             so the kernel took it for a device of its own. Do not give them to different guests; a reboot \
             groups them rightly"
        )
    } else {
        let one = group.first().map(ToString::to_string).unwrap_or_default();
        format!(
            "an entry that has been withdrawn or unloaded since, or a kernel with a patch, has split them. Do \
             not give them to different guests; acsctl regroup {one}, or a reboot, groups them anew"
        )
    };
    Diagnosis::fail(CHECK, finding, remedy)
}

/// Diagnoses functions that an entry isolated when the kernel grouped them, but would not isolate
/// now. The kernel does not regroup them by itself.
fn lost(host: &HostView<'_>, predicted: &Predicted) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for module in host.loaded() {
        let decisions = module.record.iter().flat_map(|record| &record.decisions);
        for (bdf, decisions) in decisions {
            let mut was = decisions.first.iter().chain(&decisions.between);
            let was = was.find(|one| one.refused.is_none());
            let now = predicted.now.get(&(module.name(), *bdf));
            let (
                Some(Decided {
                    entry,
                    refused: None,
                }),
                Some(why),
            ) = (was, now.and_then(|now| now.refused.as_ref()))
            else {
                continue;
            };
            found.push(Diagnosis::fail(
                CHECK,
                format!(
                    "entry {entry} of {} isolated {bdf} when it was grouped, and does not any more: {why}",
                    module.name()
                ),
                format!(
                    "do not give it to another guest than the functions beside it; acsctl regroup {bdf}, or a \
                     reboot, groups them anew"
                ),
            ));
        }
    }
    found
}

/// Diagnoses `pcie_acs_override=` on the kernel's command line if it has no effect.
fn told(host: &HostView<'_>, has_no_effect: bool) -> Option<Diagnosis> {
    let value = host.topology.acs_override.as_ref()?;
    has_no_effect.then(|| {
        let finding =
            format!("pcie_acs_override={value} is on the kernel's command line, and has no effect");
        Diagnosis::warn(
            CHECK,
            finding,
            "take it away, lest a kernel with that patch acts on it",
        )
    })
}

/// Diagnoses functions that share a group although the kernel would split them now.
fn unsplit(host: &HostView<'_>, predicted: &Predicted, all: &BTreeSet<Bdf>) -> Vec<Diagnosis> {
    let together: Partition = coarser(&host.groups, &predicted.groups, all);
    let diagnose = |group: &Vec<Bdf>| {
        let list: Vec<_> = group.iter().map(ToString::to_string).collect();
        let granted = group
            .iter()
            .find_map(|bdf| Some((bdf, predicted.granted.get(bdf)?)));
        let list = list.join(" ");
        match granted {
            Some((bdf, (module, entry))) => Diagnosis::warn(
                CHECK,
                format!(
                    "not yet split, though {entry} of {module} isolates functions of it: {list}"
                ),
                format!("acsctl regroup {bdf}"),
            ),
            None => Diagnosis::warn(
                CHECK,
                format!("coarser than predicted: {list}"),
                "acsctl why says what is known; a device that was plugged in or regrouped by halves may be \
                 the reason, which a reboot ends",
            ),
        }
    };
    together.iter().map(diagnose).collect()
}
