// SPDX-License-Identifier: GPL-2.0-only

//! The assumptions of a prediction, where it differs from the kernel's groups, and possible causes.

use std::collections::{BTreeMap, BTreeSet};

use grouping::{
    Range, Seen,
    model::release::{self, COMPARED, READ, Release, Verified},
};
use rules::release::Release as KernelRelease;
use topology::{Bdf, Hex, Partition, Topology};

use super::{open::version_decides, report::Assumed};
use crate::host::HostView;

/// The assumptions of the prediction about the machine.
pub(crate) fn assumed(machine: &HostView<'_>) -> Vec<Assumed> {
    let mut all: BTreeMap<String, BTreeSet<Bdf>> = BTreeMap::new();
    for what in about_kernel(machine) {
        all.entry(what).or_default();
    }
    let is_amd = machine.view.functions.iter().any(|seen| seen.amd_iommu);
    if is_amd && machine.topology.iommu.is_none() {
        let what = "the machine has an AMD IOMMU that is switched on";
        all.entry(what.to_owned()).or_default();
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
    for seen in &machine.view.functions {
        if !machine.identifies(seen) {
            let what = "not known which device it is, taken as one without a quirk";
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

/// The assumptions of the grouping model about the machine's kernel.
fn about_kernel(machine: &HostView<'_>) -> Vec<String> {
    let Release {
        of: rules,
        group_when_added,
        ..
    } = machine.view.release;
    let Some(kernel) = machine.kernel else {
        return vec![format!(
            "the version of the kernel is not known: it makes groups as Linux {rules} does, and has \
             every quirk that is known"
        )];
    };
    let mut assumed = Vec::new();
    let list = |releases: &[KernelRelease]| {
        let names: Vec<_> = releases.iter().map(KernelRelease::to_string).collect();
        names.join(", ")
    };
    let quirks = format!(
        "{kernel} has the quirks that mainline had then, and none that its distribution has added"
    );
    match machine.verified() {
        Verified::Kernel => {}
        Verified::Source => assumed.push(format!(
            "groups are made by the rules of Linux {rules}, taken from its source; kernels of {} were \
             compared with the model. {quirks}",
            list(&COMPARED)
        )),
        Verified::No => {
            let read = READ.iter().rev().find(|read| !rules.is_before(**read));
            let by = match read.filter(|_| kernel == rules) {
                Some(read) => format!("{read}, with the known changes up to {kernel}"),
                None => rules.to_string(),
            };
            assumed.push(format!(
                "unverified: groups are made by the rules of Linux {by}, because neither a kernel nor the \
                 source of Linux {kernel} was compared with the model (kernels: {}; sources: {}). {quirks}",
                list(&COMPARED),
                list(&READ)
            ));
        }
    }
    if let Some(iommu) = by_firmware(machine.topology).filter(|_| !group_when_added) {
        assumed.push(format!(
            "each function gets its group when the kernel adds it; Linux {kernel} makes the group of \
             a function behind {iommu} when a driver binds"
        ));
    }
    if enables_acs_late(machine) {
        assumed.push(format!(
            "ACS was enabled before the groups were made; {} enables it afterwards, so functions may \
             share groups until they are removed and rescanned",
            machine.kernel_name()
        ));
    }
    assumed
}

/// Whether the machine's kernel is known to enable ACS only after it has made the groups.
pub(crate) fn enables_acs_late(machine: &HostView<'_>) -> bool {
    let update = machine.topology.kernel.as_deref().and_then(update);
    let release = machine.kernel.zip(update);
    release.is_some_and(|(series, update)| release::enables_acs_late(series, update))
}

/// The machine's IOMMU, if firmware tables describe it to `dma_configure()`.
fn by_firmware(topology: &Topology) -> Option<&'static str> {
    const VIRTIO_IOMMU: (u16, u16) = (0x1af4, 0x1057);
    if topology.iommu.as_deref() == Some("Arm SMMU") {
        return Some("an Arm SMMU");
    }
    let mut functions = topology.functions.iter();
    let has_virtio = functions.any(|function| {
        let device = function.device.map_or(0, Hex::value);
        (function.vendor.value(), device) == VIRTIO_IOMMU
    });
    has_virtio.then_some("virtio-iommu")
}

/// The stable update of a kernel version: 118 of `6.12.118+deb13-amd64`.
fn update(version: &str) -> Option<u16> {
    let part = version.split('.').nth(2)?;
    let digits = part.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
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

/// Possible causes of a difference between the predicted and the kernel's groups. `limits` gives those that the
/// missing facts leave, if facts are missing.
pub(super) fn causes<'a>(
    machine: &HostView<'_>,
    assumed: &[Assumed],
    predicted: &Partition,
    actual: &Partition,
    limits: impl FnOnce() -> Option<&'a Range>,
) -> Vec<String> {
    if machine.is_hypothetical() {
        return vec![
            "the kernel made its groups without what this answer supposes; ask again without --kernel and \
             --with for other causes"
                .to_owned(),
        ];
    }
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
    let lacks_facts = !causes.is_empty();
    let is_open = lacks_facts || machine.kernel.is_none();
    let range = is_open.then(limits).flatten();
    let differs = |range: &Range| -> Vec<Bdf> {
        let by_kernel = range.by_kernel.iter().copied();
        by_kernel.filter(|bdf| deciding.contains(bdf)).collect()
    };
    let by_kernel = range.map(differs).unwrap_or_default();
    if !by_kernel.is_empty() {
        causes.push(version_decides(&by_kernel));
    }
    if !causes.is_empty() && range.is_some_and(|range| is_within(range, &members, actual)) {
        if lacks_facts {
            causes.push(
                "the facts that the input does not show suffice as the cause; as root, lspci -D -vvvnn shows them"
                    .to_owned(),
            );
        }
        return causes;
    }
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
                 its distribution added, or it has the patch behind pcie_acs_override=, which splits groups \
                 that nothing isolates (see /proc/cmdline)"
                    .to_owned(),
            ),
        }
        causes.push(
            "functions were added one by one after boot (rescan, hot-plug), and the kernel took \
             each for a single-function device at that moment; such groups protect nothing"
                .to_owned(),
        );
    } else {
        if machine.kernel == Some(KernelRelease::new(5, 9))
            || machine.kernel == Some(KernelRelease::new(5, 10))
        {
            causes.push(
                "Linux 5.9, and the first updates of 5.10, did not set up the quirks of Intel's chipset ports, \
                 which then do not count as isolated; use a newer kernel"
                    .to_owned(),
            );
        }
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

/// Whether the kernel's groups of these functions lie within the limits.
fn is_within(range: &Range, members: &BTreeSet<Bdf>, actual: &Partition) -> bool {
    let is_part = |set: &[Bdf], sets: &Partition| {
        sets.iter()
            .any(|all| set.iter().all(|bdf| all.contains(bdf)))
    };
    let mut together = range.together.iter();
    together.all(|set| set.iter().all(|bdf| !members.contains(bdf)) || is_part(set, actual))
        && actual.iter().all(|group| is_part(group, &range.apart))
}

#[cfg(test)]
mod tests {
    use topology::Function;

    use super::*;

    /// The assumptions about the kernel of a machine with this IOMMU and this function.
    fn about(kernel: Option<&str>, iommu: Option<&str>, ids: (u16, u16)) -> String {
        let at = "0000:00:01.0".parse().expect("it is an address");
        let topology = Topology {
            kernel: kernel.map(str::to_owned),
            iommu: iommu.map(str::to_owned),
            functions: vec![Function::new(at, ids.0, ids.1)],
            ..Topology::default()
        };
        about_kernel(&HostView::of(&topology, &[], None)).join("\n")
    }

    #[test]
    fn a_kernel_of_a_compared_series_is_modelled() {
        for compared in COMPARED {
            let version = format!("{compared}.4+deb13-amd64");
            assert_eq!(about(Some(&version), None, (0, 0)), "");
        }
        let older = about(Some("5.10.0-46-amd64"), None, (0, 0));
        assert!(
            older.contains("the rules of Linux 5.10, taken from"),
            "{older}"
        );
        let newer = about(Some("99.1.2"), None, (0, 0));
        assert!(
            newer.contains(&format!("the rules of Linux {},", Release::NEWEST.of)),
            "{newer}"
        );
        let unknown = about(None, None, (0, 0));
        assert!(
            unknown.contains(&format!("as Linux {} does", Release::NEWEST.of)),
            "{unknown}"
        );
    }

    #[test]
    fn groups_that_are_made_at_driver_bind_are_named() {
        let smmu = (Some("Arm SMMU"), (0, 0));
        let virtio = (None, (0x1af4, 0x1057));
        for (iommu, ids) in [smmu, virtio] {
            let is_named = |kernel| about(Some(kernel), iommu, ids).contains("when a driver binds");
            assert!(is_named("6.12.118"), "{iommu:?}");
            assert!(!is_named("6.15.9"), "{iommu:?}");
            assert!(!is_named("7.3.4"), "{iommu:?}");
        }
        let other = about(Some("6.12.118"), Some("Intel VT-d"), (0x1af4, 0x1041));
        assert!(!other.contains("when a driver binds"), "{other}");
    }

    #[test]
    fn updates_that_enable_acs_late_are_named() {
        let is_named = |kernel| about(Some(kernel), None, (0, 0)).contains("ACS was enabled");
        assert!(is_named("6.12.75") && is_named("6.1.168-rt1"));
        for kernel in [
            "6.12.74",
            "6.12.118+deb13-amd64",
            "6.1.0-56-amd64",
            "6.12",
            "7.3.4",
        ] {
            assert!(!is_named(kernel), "{kernel}");
        }
    }
}
