// SPDX-License-Identifier: GPL-2.0-only

//! The assumptions of a prediction, where it differs from the kernel's groups, and possible causes.

use std::collections::{BTreeMap, BTreeSet};

use grouping::Seen;
use rules::release::Release;
use topology::{Bdf, Partition};

use super::report::Assumed;
use crate::host::HostView;

/// What the prediction assumes about the machine.
pub(crate) fn assumed(machine: &HostView<'_>) -> Vec<Assumed> {
    let mut all: BTreeMap<String, BTreeSet<Bdf>> = BTreeMap::new();
    if machine.kernel.is_none() {
        let what = "the kernel's version is not known: it has every known quirk";
        all.entry(what.to_owned()).or_default();
    }
    if let Some(kernel) = machine.kernel.filter(|&kernel| !is_modelled(kernel)) {
        let what = format!(
            "the kernel makes groups as Linux 7.2 and 7.3 do; {kernel} has the quirks of that \
             mainline release, and none that its distribution added"
        );
        all.entry(what).or_default();
    }
    for what in &machine.modules.unread {
        all.entry(what.clone()).or_default();
    }
    for (bdf, assumption) in &machine.view.assumptions {
        all.entry(assumption.to_string()).or_default().insert(*bdf);
    }
    let prediction = machine.prediction();
    for seen in &machine.view.functions {
        if prediction.verdict(seen).assumed {
            let what = "the kernel's quirk has set up the port, which acsctl cannot check";
            let functions = all.entry(what.to_owned()).or_default();
            functions.insert(seen.function.bdf);
        }
    }
    let assumed = |(what, functions): (String, BTreeSet<Bdf>)| Assumed {
        text: what,
        functions: functions.into_iter().collect(),
    };
    all.into_iter().map(assumed).collect()
}

/// Whether the grouping model follows a kernel of this series.
fn is_modelled(kernel: Release) -> bool {
    matches!(kernel.to_string().as_str(), "7.2" | "7.3")
}

/// The parts in which two partitions differ. No function of one part shares a group with a function
/// of another part, in either partition.
pub(super) fn pieces(predicted: &Partition, actual: &Partition) -> Vec<(Partition, Partition)> {
    let groups_of = |groups: &Partition| -> BTreeMap<Bdf, usize> {
        let numbered = groups.iter().enumerate();
        let members =
            numbered.flat_map(|(index, group)| group.iter().map(move |&bdf| (bdf, index)));
        members.collect()
    };
    let (in_predicted, in_actual) = (groups_of(predicted), groups_of(actual));
    let same: BTreeSet<_> = actual.iter().collect();
    let mut taken = BTreeSet::new();
    let mut pieces = Vec::new();
    for group in predicted.iter().filter(|group| !same.contains(group)) {
        let mut left: Vec<Bdf> = group.clone();
        let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
        while let Some(bdf) = left.pop() {
            if !taken.insert(bdf) {
                continue;
            }
            for (group_of, groups, found) in [
                (&in_predicted, predicted, &mut ours),
                (&in_actual, actual, &mut theirs),
            ] {
                if let Some(&index) = group_of.get(&bdf) {
                    if found.insert(index) {
                        left.extend(&groups[index]);
                    }
                }
            }
        }
        let take = |groups: &Partition, found: BTreeSet<usize>| -> Partition {
            found
                .into_iter()
                .map(|index| groups[index].clone())
                .collect()
        };
        if !ours.is_empty() {
            pieces.push((take(predicted, ours), take(actual, theirs)));
        }
    }
    pieces
}

/// Possible causes of a difference between the predicted and the kernel's groups.
pub(super) fn causes(
    machine: &HostView<'_>,
    assumed: &[Assumed],
    predicted: &Partition,
    actual: &Partition,
) -> Vec<String> {
    let members: BTreeSet<Bdf> = predicted.iter().flatten().copied().collect();
    // The bridges above the members take part in the decision too.
    let mut deciding = members.clone();
    for seen in &machine.view.functions {
        if members.contains(&seen.function.bdf) {
            let next = |seen: &&Seen<'_>| machine.view.above(seen);
            let above = std::iter::successors(machine.view.above(seen), next);
            deciding.extend(above.map(|seen| seen.function.bdf));
        }
    }
    let mut causes = Vec::new();
    let touched = |one: &&Assumed| one.functions.iter().any(|bdf| deciding.contains(bdf));
    causes.extend(
        assumed
            .iter()
            .filter(touched)
            .map(|one| format!("an assumption is wrong: {}", one.text)),
    );
    let mut regrouped = machine.topology.regrouped.iter();
    if regrouped.any(|bdf| members.contains(bdf)) {
        causes.push("functions were removed and rescanned after boot".to_owned());
    }
    if actual.len() > predicted.len() {
        match &machine.topology.acs_override {
            Some(value) => causes.push(format!(
                "pcie_acs_override={value} is on the kernel command line: a kernel with that patch \
                 splits groups that nothing isolates"
            )),
            None => causes.push(
                "the kernel has a quirk that is not in the quirk database, for example one that \
                 its distribution added, or a patch that splits groups"
                    .to_owned(),
            ),
        }
        causes.push(
            "functions were added one by one after boot (rescan, hot-plug), and the kernel took \
             each for a single-function device at that moment; such groups protect nothing"
                .to_owned(),
        );
    } else {
        causes.push(
            "the kernel made the groups before a module or a setting took effect; regroup the \
             device"
                .to_owned(),
        );
        causes.push(
            "a function sends requests with another function's requester ID, as the firmware's \
             tables say (AMD: IVRS)"
                .to_owned(),
        );
    }
    causes
}
