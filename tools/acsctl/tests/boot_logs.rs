// SPDX-License-Identifier: GPL-2.0-only

//! Machines of which a boot log was published, which does not tell who has an ACS capability: what is
//! predicted of them, one by one. They are not part of the project; where they are not, nothing is
//! checked.
//!
//! That some choice of who has ACS leads to the groups of each is shown in `verdict_replay.rs`.

mod common;

use std::{collections::BTreeMap, fs};

use acsctl::host::HostView;
use quirk_data::{
    folder::{self, Scope},
    quirk::Quirk,
    source,
};
use serde_json::Value;
use topology::{Acs, Bdf, Partition, Topology};

use common::{machines, root};

/// What comes of a machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Class {
    /// All groups are as recorded, with no more than the log tells.
    Exact,
    /// They are with what public reports say of the same devices: who has an ACS capability.
    WithReports,
    /// They are not, and each group that differs holds, or is below, a function of which neither the
    /// log nor the reports say whether it has one.
    NotSeen,
    /// A group differs of which all is told: where others have an ACS capability, firmware has hidden
    /// it.
    Hidden,
}

/// What public reports say: by ids and type, whether such a function has an ACS capability. Those of
/// which reports disagree are not in it.
fn reports() -> Option<BTreeMap<String, bool>> {
    let file = root().join("../shared/data/acs-capability-by-device.json");
    let text = fs::read_to_string(file).ok()?;
    let whole: Value = serde_json::from_str(&text).expect("it is JSON");
    let devices = whole["devices"].as_object()?.iter();
    let agreed = devices.filter_map(|(name, one)| {
        let (with, without) = (one["seen_with"].as_u64()?, one["seen_without"].as_u64()?);
        (with == 0 || without == 0).then(|| (name.clone(), with > 0))
    });
    Some(agreed.collect())
}

/// The machine with what the reports say.
fn told(machine: &Topology, reports: &BTreeMap<String, bool>) -> Topology {
    let mut machine = machine.clone();
    for function in &mut machine.functions {
        let (Some(device), Some(kind)) = (function.device, &function.pcie_type) else {
            continue;
        };
        let name = format!("{}:{device} {kind}", function.vendor);
        if let Some(&has) = reports.get(&name).filter(|_| !function.acs_known) {
            function.acs_known = true;
            function.acs = has.then_some(Acs {
                cap: None,
                ctl: None,
                dword8: None,
            });
        }
    }
    machine
}

fn predicted(machine: &Topology, quirks: &[Quirk]) -> Partition {
    let machine = HostView::of(machine, quirks, None);
    let grouping = machine.grouping(&[]).expect("it is sound");
    grouping.partition(&machine.view)
}

fn class(machine: &Topology, quirks: &[Quirk], reports: &BTreeMap<String, bool>) -> Class {
    let recorded = topology::recorded(machine);
    if predicted(machine, quirks) == recorded {
        return Class::Exact;
    }
    let told = told(machine, reports);
    let found = predicted(&told, quirks);
    if found == recorded {
        return Class::WithReports;
    }
    let seen = HostView::of(&told, quirks, None);
    let is_open = |bdf: &Bdf| {
        let at = seen.position(*bdf).expect("it is there");
        let first = &seen.view.functions[at];
        let mut path = std::iter::successors(Some(first), |one| seen.view.above(one));
        path.any(|one| one.function.pcie_type.is_some() && !one.function.acs_known)
    };
    let differs = found.iter().filter(|group| !recorded.contains(group));
    let explained = |group: &Vec<Bdf>| group.iter().any(is_open);
    if differs.clone().all(explained) {
        Class::NotSeen
    } else {
        Class::Hidden
    }
}

#[test]
fn every_machine_of_a_boot_log_is_classified() {
    let machines = machines(&root().join("../shared/data/topologies/boot-log"));
    let Some(reports) = reports().filter(|_| !machines.is_empty()) else {
        return;
    };
    let quirks = folder::check_all(source::built_in(), Scope::now(None)).expect("it has no fault");
    let mut classes: BTreeMap<Class, Vec<String>> = BTreeMap::new();
    for machine in &machines {
        let id = machine.id.clone().unwrap_or_default();
        classes
            .entry(class(machine, &quirks, &reports))
            .or_default()
            .push(id);
    }
    for (class, machines) in &classes {
        println!(
            "{class:?}, machines {}: {}",
            machines.len(),
            machines.join(" ")
        );
    }
    // Root ports 1022:1483 of an AMD server, and 1022:15db of a desktop. Their kernels have put the
    // functions of one slot together, which they do not with the capability that others show.
    let hidden = [
        "dell-inc-poweredge-r6515-10427e",
        "lenovo-90j00078us-4d4413",
    ];
    assert_eq!(classes[&Class::Hidden], hidden);
}
