// SPDX-License-Identifier: GPL-2.0-only

//! Predicts the groups of machines whose boot logs were published, one by one. A boot log does not
//! tell which functions have an ACS capability. The logs are not part of the project; without them,
//! this test checks nothing.
//!
//! That some choice of who has ACS leads to the groups of each is shown in `verdict_replay.rs`.

mod common;

use std::{collections::BTreeMap, fs};

use acsctl::host::HostView;
use quirk_data::{
    entry::Entry,
    folder::{self, Scope},
    source,
};
use serde_json::Value;
use topology::{Acs, Bdf, Partition, Topology};

use common::{machines, root};

/// How the prediction of a machine compares with its recorded groups.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Class {
    /// All groups are as recorded, by the log alone.
    Exact,
    /// All groups are as recorded, with the ACS capabilities that public reports show for the same
    /// devices.
    WithReports,
    /// Groups differ. Each one contains, or is below, a function for which neither the log nor the
    /// reports show whether it has an ACS capability.
    NotSeen,
    /// A group differs although every function is known. The firmware hides a capability that other
    /// machines show.
    Hidden,
}

/// Whether functions have an ACS capability by public reports, by ids and type. Devices with
/// contradictory reports are left out.
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

/// The machine, completed from the reports.
fn with_reports(machine: &Topology, reports: &BTreeMap<String, bool>) -> Topology {
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

fn predicted(machine: &Topology, entries: &[Entry]) -> Partition {
    let machine = HostView::of(machine, entries, None);
    let grouping = machine.grouping(&[]).expect("it is sound");
    grouping.partition(&machine.view)
}

fn class(machine: &Topology, entries: &[Entry], reports: &BTreeMap<String, bool>) -> Class {
    let recorded = topology::recorded(machine);
    if predicted(machine, entries) == recorded {
        return Class::Exact;
    }
    let reported = with_reports(machine, reports);
    let found = predicted(&reported, entries);
    if found == recorded {
        return Class::WithReports;
    }
    let seen = HostView::of(&reported, entries, None);
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
    let entries = folder::check_all(source::built_in(), Scope::now(None)).expect("it has no fault");
    let mut classes: BTreeMap<Class, Vec<String>> = BTreeMap::new();
    for machine in &machines {
        let id = machine.id.clone().unwrap_or_default();
        classes
            .entry(class(machine, &entries, &reports))
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
    // Root ports 1022:1483 of an AMD server, and 1022:15db of a desktop. Their kernels put the
    // functions of one slot into one group. With the capability that other machines show, they
    // would not.
    let hidden = [
        "dell-inc-poweredge-r6515-10427e",
        "lenovo-90j00078us-4d4413",
    ];
    assert_eq!(classes[&Class::Hidden], hidden);
}
