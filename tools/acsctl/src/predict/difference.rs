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
        let what = "the version of the kernel was not seen: it has every quirk that is known";
        all.entry(what.to_owned()).or_default();
    }
    if let Some(kernel) = machine.kernel.filter(|&kernel| !is_modelled(kernel)) {
        let what = format!(
            "groups are made as Linux 7.2 and 7.3 make them; {kernel} has the quirks that mainline had \
             then, and none that its distribution has added"
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
            let what =
                "the kernel's quirk could set the port up, which cannot be seen from outside";
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
        let members = numbered.flat_map(|(at, group)| group.iter().map(move |&bdf| (bdf, at)));
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
            for (of, groups, found) in [
                (&in_predicted, predicted, &mut ours),
                (&in_actual, actual, &mut theirs),
            ] {
                if let Some(&at) = of.get(&bdf) {
                    if found.insert(at) {
                        left.extend(&groups[at]);
                    }
                }
            }
        }
        let take = |groups: &Partition, found: BTreeSet<usize>| -> Partition {
            found.into_iter().map(|at| groups[at].clone()).collect()
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
            .map(|one| format!("what was assumed: {}", one.text)),
    );
    let mut regrouped = machine.topology.regrouped.iter();
    if regrouped.any(|bdf| members.contains(bdf)) {
        causes.push("functions were removed and found again since the boot".to_owned());
    }
    if actual.len() > predicted.len() {
        match &machine.topology.acs_override {
            Some(value) => causes.push(format!(
                "the kernel was told pcie_acs_override={value}: with the patch for it, it splits groups \
                 that nothing isolates"
            )),
            None => causes.push(
                "the kernel has a quirk that is not in the data, as one that its distribution has \
                 added, or is patched to split groups"
                    .to_owned(),
            ),
        }
        causes.push(
            "functions were added one by one after the boot (rescan, hot-plug), and the kernel took \
             each for a device of one function at that moment; such groups protect nothing"
                .to_owned(),
        );
    } else {
        causes.push(
            "the groups were made before a module or a setting took effect; the functions have to be \
             removed and found again"
                .to_owned(),
        );
        causes.push(
            "a function sends requests under the number of another one, as the firmware's tables \
             have it (AMD: IVRS)"
                .to_owned(),
        );
    }
    causes
}
