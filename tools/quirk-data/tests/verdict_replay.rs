// SPDX-License-Identifier: GPL-2.0-only

//! Recorded machines: the groups that the model predicts with the mainline entries are those that
//! the machine's kernel made.

mod common;
mod handlers;

use grouping::handlers::Handlers;
use rules::decision::KernelVerdict;
use topology::{Acs, Partition, Port, Topology};

use common::{machines, root};
use handlers::entries;

fn predicted(verdicts: &Handlers, machine: &Topology) -> Partition {
    let view = grouping::view(machine);
    let verdict = |seen: &grouping::Seen<'_>| verdicts.of_seen(seen, view.release.required).kernel;
    grouping::partition(&view, verdict).expect("the topology is sound")
}

fn without_quirks(machine: &Topology) -> Partition {
    let view = grouping::view(machine);
    grouping::partition(&view, |_| KernelVerdict::NoOpinion).expect("it is sound")
}

/// The number of groups of the first partition that the second lacks.
fn missing(one: &Partition, other: &Partition) -> usize {
    one.iter().filter(|group| !other.contains(group)).count()
}

/// The differences, for people.
fn difference(found: &Partition, recorded: &Partition) -> String {
    let mut lines = Vec::new();
    for (what, one, other) in [
        ("predicted", found, recorded),
        ("recorded", recorded, found),
    ] {
        for group in one.iter().filter(|group| !other.contains(group)) {
            let members: Vec<_> = group.iter().map(ToString::to_string).collect();
            lines.push(format!("  {what}: {}", members.join(" ")));
        }
    }
    lines.join("\n")
}

#[test]
fn every_recorded_machine_is_exact() {
    let entries = entries();
    let verdicts = quirk_data::handlers::newest(&entries);
    let machines = machines(&root().join("tests/topologies"));
    assert_eq!(machines.len(), 8);
    let mut by_quirks = 0;
    for machine in &machines {
        let (found, recorded) = (predicted(&verdicts, machine), topology::recorded(machine));
        let id = machine.id.as_deref().unwrap_or_default();
        assert!(
            found == recorded,
            "{id}:\n{}",
            difference(&found, &recorded)
        );
        by_quirks += usize::from(without_quirks(machine) != recorded);
    }
    assert!(
        by_quirks > 0,
        "the control: without quirks, some come out wrong"
    );
}

/// Further machines, if the folder exists.
#[test]
fn every_machine_shown_by_lspci_is_exact() {
    let entries = entries();
    let verdicts = quirk_data::handlers::newest(&entries);
    let machines = machines(&root().join("../shared/data/topologies"));
    let (mut exact, mut groups, mut equal, mut plain) = (0, 0, 0, 0);
    for machine in &machines {
        let (found, recorded) = (predicted(&verdicts, machine), topology::recorded(machine));
        groups += recorded.len();
        equal += recorded.len() - missing(&recorded, &found);
        exact += usize::from(found == recorded);
        plain += usize::from(without_quirks(machine) == recorded);
        if found != recorded {
            let id = machine.id.as_deref().unwrap_or_default();
            println!("{id}:\n{}", difference(&found, &recorded));
        }
    }
    println!(
        "lspci: {exact} of {} machines exact, {equal} of {groups} groups; without quirks {plain}",
        machines.len()
    );
    assert_eq!(exact, machines.len());
}

/// Machines whose recording does not show which functions have ACS: at least one assignment gives
/// the recorded groups. A failed search does not prove that none exists.
#[test]
fn some_choice_of_acs_explains_each_machine_of_a_boot_log() {
    let entries = entries();
    let verdicts = quirk_data::handlers::newest(&entries);
    let mut machines = machines(&root().join("../shared/data/topologies/boot-log"));
    let (total, mut exact) = (machines.len(), 0);
    for machine in &mut machines {
        let recorded = topology::recorded(machine);
        let wrong = |machine: &Topology| {
            let found = predicted(&verdicts, machine);
            missing(&found, &recorded) + missing(&recorded, &found)
        };
        let best = [ports_only, nobody, everybody].iter().any(|begin| {
            begin(machine);
            choose(machine, wrong) == 0
        });
        exact += usize::from(best);
        if !best {
            let id = machine.id.as_deref().unwrap_or_default();
            println!(
                "{id}:\n{}",
                difference(&predicted(&verdicts, machine), &recorded)
            );
        }
    }
    println!("boot logs: {exact} of {total} machines explained");
    assert_eq!(exact, total);
}

fn set(machine: &mut Topology, at: usize, has_acs: bool) {
    let on = Acs {
        cap: None,
        ctl: None,
        dword8: None,
    };
    machine.functions[at].acs_known = true;
    machine.functions[at].acs = has_acs.then_some(on);
}

fn nobody(machine: &mut Topology) {
    (0..machine.functions.len()).for_each(|at| set(machine, at, false));
}

fn everybody(machine: &mut Topology) {
    (0..machine.functions.len()).for_each(|at| set(machine, at, true));
}

fn ports_only(machine: &mut Topology) {
    for at in 0..machine.functions.len() {
        let kind = machine.functions[at]
            .pcie_type
            .as_ref()
            .map(ToString::to_string);
        let is_port = kind.is_some_and(|kind| kind.ends_with(" Port"));
        set(machine, at, is_port);
    }
}

/// Changes the assignment of one function at a time while that reduces the number of wrong groups;
/// returns the remaining number.
fn choose(machine: &mut Topology, wrong: impl Fn(&Topology) -> usize) -> usize {
    let mut least = wrong(machine);
    loop {
        let mut best = None;
        for at in 0..machine.functions.len() {
            if least == 0 || !matches!(machine.functions[at].pcie_type, Some(Port::Known(_))) {
                continue;
            }
            let had = machine.functions[at].acs.is_some();
            set(machine, at, !had);
            let now = wrong(machine);
            set(machine, at, had);
            if now < least {
                least = now;
                best = Some((at, !had));
            }
        }
        let Some((at, has_acs)) = best else {
            return least;
        };
        set(machine, at, has_acs);
    }
}
