// SPDX-License-Identifier: GPL-2.0-only

//! Checks whether groups are coarser than the kernel would make them now, or finer than isolation
//! justifies.

use std::{collections::BTreeSet, fmt::Write as _};

use grouping::model::release::Verified;
use topology::{Bdf, Partition};

use super::Diagnosis;
use crate::{
    host::{Decided, HostView, Predicted, coarser, finer},
    predict::difference::enables_acs_late,
};

const CHECK: &str = "groups";

pub(super) fn check(host: &HostView<'_>) -> Vec<Diagnosis> {
    if host.groups.is_empty() {
        return Vec::new();
    }
    let functions = host.topology.functions.iter();
    if !host.shows_capabilities() {
        let finding = "not checked: the check needs all of configuration space";
        return vec![Diagnosis::warn(CHECK, finding, "run acsctl doctor as root")];
    }
    let computed = host
        .predict()
        .and_then(|predicted| Ok((predicted, host.torn()?)));
    let (predicted, torn) = match computed {
        Ok(computed) => computed,
        Err(error) => {
            let finding = format!("cannot compute the expected groups: {error}");
            return vec![Diagnosis::warn(
                CHECK,
                finding,
                "use the acsctl of the same version as the module",
            )];
        }
    };
    let all: BTreeSet<Bdf> = functions.map(|function| function.bdf).collect();
    let mut found: Vec<_> = torn.iter().map(|group| too_fine(host, group)).collect();
    if !torn.is_empty() {
        found.extend(lost(host, &predicted));
    }
    found.extend(idle_override(host, torn.is_empty()));
    found.extend(unsplit(host, &predicted, &all));
    if found.is_empty() {
        let mut finding = "as predicted for this kernel and the loaded modules".to_owned();
        let taken = finer(&host.groups, &predicted.groups, &all);
        if !taken.is_empty() {
            let taken: Vec<_> = taken.iter().flatten().map(ToString::to_string).collect();
            finding += "; with quirks that mainline has since a later release: ";
            finding += &taken.join(" ");
        }
        found.push(Diagnosis::pass(CHECK, finding));
    }
    found
}

/// Diagnoses functions that are in different groups although nothing isolates them.
fn too_fine(host: &HostView<'_>, group: &[Bdf]) -> Diagnosis {
    let list: Vec<_> = group.iter().map(ToString::to_string).collect();
    let finding = format!(
        "finer than isolation justifies: nothing isolates these functions from each other, but \
         they are in more than one group: {}",
        list.join(" ")
    );
    let is_unmarked = |bdf: &&Bdf| {
        let header = host.header_type(**bdf);
        bdf.function() > 0 && header.is_some_and(|header| header & 0x80 == 0)
    };
    if host.topology.acs_override.is_some() {
        let remedy = "the kernel has the \"ACS override\" patch, and its command line enables it: \
                      one guest can reach another's memory. Boot without pcie_acs_override=";
        return Diagnosis::fail(CHECK, finding, remedy);
    }
    let known = match host.verified() {
        Verified::Kernel => None,
        Verified::Source => Some("knows only from its source how this kernel makes groups"),
        Verified::No => Some("does not know how this kernel makes groups"),
    };
    if let Some(known) = known {
        let remedy = format!(
            "acsctl {known}: it may have a quirk that acsctl does not know, or an \"ACS override\" patch. Do not \
             pass these functions through to different guests until you know why they are split"
        );
        return Diagnosis::warn(CHECK, finding, remedy);
    }
    let remedy = if let Some(unmarked) = group.iter().find(is_unmarked) {
        format!(
            "{unmarked} was added by a rescan or a hot-plug, and its header lacks the \
             multi-function bit, so the kernel took it for a single-function device. Do not pass \
             these functions through to different guests; reboot to group them correctly"
        )
    } else {
        let one = group.first().map(ToString::to_string).unwrap_or_default();
        format!(
            "an entry that is now withdrawn or unloaded split them, or a kernel patch did. Do not \
             pass these functions through to different guests; run acsctl regroup {one}, or reboot"
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
            let was = was.find(|decided| decided.refused.is_none());
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
                    "entry {entry} of {} isolated {bdf} when the kernel grouped it, but no longer \
                     does: {why}",
                    module.name()
                ),
                format!(
                    "do not pass {bdf} and other functions of its device through to different \
                     guests; run acsctl regroup {bdf}, or reboot"
                ),
            ));
        }
    }
    found
}

/// Diagnoses `pcie_acs_override=` on the kernel's command line if it has no effect.
fn idle_override(host: &HostView<'_>, has_no_effect: bool) -> Option<Diagnosis> {
    let value = host.topology.acs_override.as_ref()?;
    has_no_effect.then(|| {
        let finding =
            format!("pcie_acs_override={value} is on the kernel command line but has no effect");
        Diagnosis::warn(
            CHECK,
            finding,
            "remove it: a kernel with the \"ACS override\" patch would act on it",
        )
    })
}

/// Diagnoses a group that the kernel made when functions did not count as isolated yet. A reboot may make the
/// same group again, so no remedy names it.
fn made_before(host: &HostView<'_>, predicted: &Predicted, group: &[Bdf], list: &str) -> Diagnosis {
    let Some(endpoint) = host
        .regroupable(predicted)
        .into_iter()
        .find(|bdf| group.contains(bdf))
    else {
        let finding = format!("as predicted, except for ports that share a group: {list}");
        return Diagnosis::pass(CHECK, finding);
    };
    let mut finding = format!(
        "coarser than the kernel would make it now: {list}. The kernel made the group when these functions did \
         not count as isolated yet, for example because ACS was switched on later"
    );
    if enables_acs_late(host) {
        // Writing to a string cannot fail.
        let _ = write!(
            finding,
            ". {} has a known fault: it switches ACS on after it has made the groups \
             (https://bugzilla.kernel.org/show_bug.cgi?id=221234); a newer update of its series may be \
             without it",
            host.kernel_name()
        );
    }
    let remedy = format!("acsctl regroup {endpoint}, or acsctl regroup --all, at each boot");
    Diagnosis::warn(CHECK, finding, remedy)
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
                    "not yet split, although {entry} of {module} isolates functions of this group: \
                     {list}"
                ),
                format!("acsctl regroup {bdf}"),
            ),
            None => made_before(host, predicted, group, &list),
        }
    };
    together.iter().map(diagnose).collect()
}
