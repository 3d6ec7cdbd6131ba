// SPDX-License-Identifier: GPL-2.0-only

//! The groups of a machine with a table: where the table splits groups, and where it must not
//! because of doubt.

mod common;

use acsctl::{
    host::HostView,
    predict::report::{Basis, Report},
};
use grouping::{predict::Prediction, proposed, view};
use quirk_data::{
    built,
    edition::Edition,
    entry::{Entry, Ids},
    folder::{self, Scope},
    limits::Limits,
};
use rules::{entry::Kind, limits::Class, table::Table};
use topology::{Acs, Bdf, Function, Hex, Partition, Removable, Topology};

use common::{
    accepted,
    facts::{adapter, bdf, sound},
    machines, root,
};

/// The machine of [`adapter`], with a changed function.
fn with(at: &str, change: impl FnOnce(&mut Function)) -> Topology {
    let mut machine = adapter();
    let mut functions = machine.functions.iter_mut();
    let function = functions.find(|one| one.bdf == bdf(at));
    change(function.expect("it is there"));
    machine
}

/// The groups of a machine without and with a table. The kernel's quirks come from these entries.
fn predicted(machine: &Topology, entries: &[Entry], table: &Table) -> (Partition, Partition) {
    let view = view(machine);
    let verdicts = quirk_data::handlers::newest(entries);
    let prediction = Prediction::of(machine, &view, &verdicts);
    let sound = "the topology is sound";
    (
        prediction.without_table().expect(sound),
        prediction.with_table(table).expect(sound),
    )
}

/// The groups of a machine without and with the table of the accepted entries.
fn by_accepted(machine: &Topology) -> (Partition, Partition) {
    let entries = folder::check(&accepted(), Scope::now(None)).expect("they have no fault");
    let validated = Edition::Validated.select(&entries, None);
    predicted(machine, &entries, &built::table(&validated))
}

#[track_caller]
fn assert_together(machine: &Topology) {
    let (without, with) = by_accepted(machine);
    assert_eq!(with, without);
    let together = |group: &Vec<Bdf>| group.contains(&bdf("0000:01:00.0")) && group.len() > 1;
    assert!(with.iter().any(together), "the control: {with:?}");
}

#[test]
fn an_entry_splits_its_device() {
    let (without, with) = by_accepted(&adapter());
    let group = |members: &[&str]| -> Vec<Bdf> { members.iter().map(|one| bdf(one)).collect() };
    let port = group(&["0000:00:10.0"]);
    assert_eq!(
        without,
        [port.clone(), group(&["0000:01:00.0", "0000:01:00.1"])]
    );
    assert_eq!(
        with,
        [port, group(&["0000:01:00.0"]), group(&["0000:01:00.1"])]
    );
}

/// The proposed series takes functions without an ACS capability for isolated. A statement against that is named, and
/// changes no group. Controls: a statement on another class, and the rules of today, by which they are together.
#[test]
fn statements_against_predicted_groups_are_named() {
    let machine = adapter();
    let mut entries = sound();
    let report = |entries: &[Entry], is_proposed: bool| {
        let host = HostView::of(&machine, entries, None);
        let (groups, under) = if is_proposed {
            let prediction = host.prediction();
            let groups = proposed::partition(&host.view, |seen| prediction.verdict(seen).kernel);
            (groups, Basis::proposed(&host))
        } else {
            let grouping = host.grouping(&[]).expect("the topology is sound");
            (grouping.partition(&host.view), Basis::kernel(&host))
        };
        Report::of(&host, groups, Vec::new(), under)
    };
    let other = report(&entries, true);
    assert_eq!(other.against, []);
    let at = |name: &str| entries.iter().position(|one| one.name == name);
    let loops = at("acme/loops").expect("it is accepted");
    entries[loops].devices[0].limits.class = Some(Class::Subclass(0x0200));
    let found = report(&entries, true);
    assert_eq!(found.groups, other.groups);
    let functions = ["0000:01:00.0", "0000:01:00.1"].map(bdf);
    assert_eq!(found.against.len(), 1);
    assert_eq!(found.against[0].functions, functions);
    for text in [
        "\n  0000:01:00.0 0000:01:00.1: each may reach its siblings or",
        "as B. Reporter, of no relation to Acme stated on 2025-06-30, hearsay:",
        "https://example.org/report (acme/loops)\n",
    ] {
        assert!(found.text().contains(text), "{}", found.text());
    }
    let today = report(&entries, false);
    assert_ne!(today.groups, found.groups);
    assert_eq!(today.against, []);
    assert!(!today.text().contains("B. Reporter"), "{}", today.text());

    // Of a port: what is below it is apart from it.
    entries[loops].kinds = vec![Kind::RootPort];
    let port = machine.functions[0].vendor.value();
    let ids = &mut entries[loops].devices[0];
    ids.limits = Limits::default();
    ids.ids[0].vendor = port;
    let found = report(&entries, false);
    assert_eq!(found.against.len(), 1, "{}", found.text());
    assert_eq!(found.against[0].functions, [bdf("0000:00:10.0")]);
}

#[test]
fn in_doubt_the_device_stays_together() {
    let of_no_vendor = with("0000:01:00.1", |one| one.device = Some(Hex::id(0x0121)));
    assert_together(&of_no_vendor);
    assert_together(&with("0000:01:00.1", |one| one.device = None));
    assert_together(&with("0000:01:00.1", |one| one.unreadable = true));
    assert_together(&with("0000:01:00.1", |one| one.pcie_type = None));
    // A capability that may exist, and one that exists but isolates nothing.
    assert_together(&with("0000:01:00.1", |one| one.acs_known = false));
    let peer_to_peer = Acs {
        cap: Some(0x1f),
        ctl: Some(0),
        dword8: None,
    };
    assert_together(&with("0000:01:00.1", |one| one.acs = Some(peer_to_peer)));
    // The next device that is plugged in there may report false ids.
    assert_together(&with("0000:00:10.0", |one| {
        one.removable = Some(Removable::Removable);
    }));
}

/// A port that forwards requests sideways joins the functions that an entry split.
#[test]
fn a_port_without_acs_above_joins_all() {
    let machine = with("0000:00:10.0", |port| port.acs = None);
    let (without, with) = by_accepted(&machine);
    assert_eq!(with, without);
    assert_eq!(with.len(), 1);
}

/// The shipped entries do not change a machine that has none of their devices.
#[test]
fn a_recorded_machine_without_the_ids_of_a_table_keeps_its_groups() {
    let entries = folder::load(&root().join("quirks"), Scope::now(None)).expect("it has no fault");
    let folders = ["tests/topologies", "../shared/data/topologies"];
    let machines: Vec<_> = folders
        .iter()
        .flat_map(|folder| machines(&root().join(folder)))
        .collect();
    assert!(machines.len() >= 8);
    for edition in [Edition::Validated, Edition::Candidate] {
        let shipped = edition.select(&entries, None);
        let table = built::table(&shipped);
        for machine in &machines {
            let has = |function: &Function| {
                let vendor = function.vendor.value();
                let mut ids = shipped.iter().flat_map(|entry| entry.ids());
                ids.any(|ids| {
                    function
                        .devices()
                        .any(|device| ids.contains(vendor, device))
                })
            };
            let (without, with) = predicted(machine, &entries, &table);
            if !machine.functions.iter().any(has) {
                assert_eq!(with, without, "{:?}", machine.id);
            }
        }
    }
}

/// The control of the previous test: on a kernel without quirks, a table of the mainline entries
/// splits recorded machines.
#[test]
fn a_table_with_the_ids_of_a_recorded_machine_splits_it() {
    let entries = folder::load(&root().join("quirks"), Scope::now(None)).expect("it has no fault");
    let ids_alone = |entry: &&Entry| {
        entry.mainline.is_some() && entry.requires.is_empty() && !entry.ids().any(Ids::is_any)
    };
    let alone: Vec<_> = entries.iter().filter(ids_alone).collect();
    let table = built::before_mainline(&alone);
    let machines = machines(&root().join("tests/topologies"));
    let changed = machines.iter().filter(|machine| {
        let (without, with) = predicted(machine, &[], &table);
        without != with
    });
    assert!(changed.count() > 0);
    // On kernels with these quirks, the entries make no claim.
    let silent = built::table(&alone);
    for machine in &machines {
        let (without, with) = predicted(machine, &[], &silent);
        assert_eq!(with, without, "{:?}", machine.id);
    }
}
