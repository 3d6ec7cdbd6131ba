// SPDX-License-Identifier: GPL-2.0-only

//! Plans for a group of its own. Each step of a plan is applied to the machine by the test, without
//! the code of the plan, and the groups are computed again.

mod common;

use acsctl::{
    host::HostView,
    why::{Outcome, Plan, plan},
};
use quirk_data::{
    edition::Edition,
    entry::{Entry, Status},
};
use serde_json::Value;
use topology::{Acs, Bdf, Hex, Topology, names::Names};

use common::{
    command::{acme, acsctl, alone, assert_fails, machine, printed},
    facts::{adapter, bdf, function, own, recorded, sound},
    machines, root, scratch,
};

/// The adapter, with a root port whose ACS controls are off.
fn adapter_below_port_that_is_off() -> Topology {
    let mut machine = adapter();
    set_acs(&mut machine, 0x11);
    for one in &mut machine.functions {
        one.iommu_group = Some(0);
    }
    machine
}

fn set_acs(machine: &mut Topology, ctl: u16) {
    function(machine, "0000:00:10.0").acs = Some(Acs {
        cap: Some(0x1d),
        ctl: Some(ctl),
        dword8: None,
    });
}

fn ask(machine: &Topology, entries: &[Entry], at: &str) -> Plan {
    let machine = HostView::of(machine, entries, None);
    plan(&machine, bdf(at), &Names::default()).expect("the function is there")
}

fn json(plan: &Plan) -> Value {
    serde_json::from_str(&plan.json().expect("it has a JSON form")).expect("it is JSON")
}

fn list(of: &Value, key: &str) -> Vec<Value> {
    of[key].as_array().cloned().unwrap_or_default()
}

/// The kinds of the steps of each alternative.
fn kinds(plan: &Plan) -> Vec<Vec<String>> {
    let alternatives = list(&json(plan), "alternatives");
    let kinds = alternatives.iter().map(|one| {
        let steps = list(one, "steps");
        let kinds = steps.iter().map(|step| step["what"].as_str());
        kinds
            .map(|kind| kind.expect("it is text").to_owned())
            .collect()
    });
    kinds.collect()
}

/// The text in one line, without colours.
fn line(plan: &Plan) -> String {
    let text = anstream::adapter::strip_str(&plan.text_of(100)).to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_says(plan: &Plan, parts: &[&str]) {
    let line = line(plan);
    for part in parts {
        assert!(line.contains(part), "\"{part}\" is not in:\n{line}");
    }
}

/// Whether the computed group of a function has no other function than bridges.
fn is_alone(machine: &Topology, entries: &[Entry], loaded: Option<Edition>, at: &str) -> bool {
    let host = HostView::of(machine, entries, loaded);
    let grouping = host.grouping(host.running()).expect("it is possible");
    let groups = grouping.partition(&host.view);
    let own = groups.iter().find(|group| group.contains(&bdf(at)));
    let is_endpoint = |other: &&Bdf| {
        let mut functions = machine.functions.iter();
        let found = functions.find(|one| one.bdf == **other);
        found.is_some_and(|one| one.header == topology::Header::Endpoint)
    };
    own.expect("it has a group")
        .iter()
        .filter(is_endpoint)
        .count()
        == 1
}

#[test]
fn an_entry_of_the_module_comes_first() {
    let at = "0000:01:00.0";
    let plan = ask(&adapter(), &sound(), at);
    assert_eq!(plan.outcome(), Outcome::Possible);
    assert_eq!(kinds(&plan), [["module", "regroup"]]);
    assert_says(
        &plan,
        &[
            "What would give it a group of its own, cheapest first 1. All of these steps:",
            "Load the module acs_quirks: modprobe acs_quirks. It has what this kernel lacks: acme/nic.",
            "\"acsctl regroup 0000:01:00.0\" has the kernel group the device again",
        ],
    );
    let step = &json(&plan)["alternatives"][0]["steps"][0];
    assert_eq!(step["entries"], serde_json::json!(["acme/nic"]));
    assert_eq!(
        step["functions"],
        serde_json::json!(["0000:01:00.0", "0000:01:00.1"])
    );
    assert!(is_alone(&adapter(), &sound(), Some(Edition::Validated), at));
    assert!(!is_alone(&adapter(), &sound(), None, at));
    // The control: an entry that does not cover the whole device grants nothing.
    let mut foreign = adapter();
    function(&mut foreign, "0000:01:00.1").device = Some(Hex::id(0x0121));
    let plan = ask(&foreign, &sound(), at);
    assert_eq!(plan.outcome(), Outcome::Nothing);
    assert_says(
        &plan,
        &["the entry does not cover 00.1", "What does not isolate"],
    );
}

#[test]
fn a_module_without_evidence_isolates_nothing() {
    let at = "0000:01:00.0";
    let mut entries = sound();
    let mut all = entries.iter_mut();
    let nic = all.find(|entry| entry.name == "acme/nic");
    nic.expect("it is accepted").status = Status::Candidate;
    let topology = adapter();
    let loaded = Some(Edition::Candidate);
    assert!(is_alone(&topology, &entries, loaded, at), "the control");
    let machine = HostView::of(&topology, &entries, loaded);
    let plan_of =
        |machine: &HostView<'_>| plan(machine, bdf(at), &Names::default()).expect("it is there");
    let plan = plan_of(&machine);
    assert_eq!(plan.outcome(), Outcome::NeedsStatement);
    assert_eq!(kinds(&plan), [["statement"]]);
    assert_says(
        &plan,
        &["A candidate entry exists, acme/nic, and its evidence does not suffice"],
    );
    // The module has made its groups.
    let mut topology = adapter();
    function(&mut topology, "0000:01:00.1").iommu_group = Some(2);
    let machine = HostView::of(&topology, &entries, loaded);
    let plan = plan_of(&machine);
    assert_eq!(plan.outcome(), Outcome::OwnGroup);
    assert_says(
        &plan,
        &["No vendor vouches for this group", "with 0000:01:00.1."],
    );
}

#[test]
fn a_group_from_before_acs_needs_a_regroup_alone() {
    let at = "0000:03:00.0";
    let mut machine = recorded("lenovo-2325kz5-dc5a79");
    assert_eq!(ask(&machine, &own(), at).outcome(), Outcome::OwnGroup);
    for function in &mut machine.functions {
        function.iommu_group = function.iommu_group.map(|_| 0);
    }
    let plan = ask(&machine, &own(), at);
    assert_eq!(plan.outcome(), Outcome::Possible);
    assert_eq!(kinds(&plan), [["regroup"]]);
    assert_says(
        &plan,
        &["1. \"acsctl regroup 0000:03:00.0\" has the kernel"],
    );
    // The control: a group that the kernel would make again.
    let plan = ask(&machine, &own(), "0000:04:00.0");
    assert_eq!(plan.outcome(), Outcome::NeedsStatement);
    assert_eq!(kinds(&plan), [["statement"]]);
}

/// The quirk for the root ports came with Linux 3.15.
#[test]
fn the_first_kernel_with_the_quirk_is_named() {
    let at = "0000:03:00.0";
    let in_kernel = |kernel: &str| {
        let mut machine = recorded("lenovo-2325kz5-dc5a79");
        machine.kernel = Some(kernel.to_owned());
        machine
    };
    for (kernel, isolates) in [("3.14.79", false), ("3.15.0", true)] {
        assert_eq!(is_alone(&in_kernel(kernel), &own(), None, at), isolates);
    }
    let plan = ask(&in_kernel("3.10.108"), &own(), at);
    assert_eq!(plan.outcome(), Outcome::Possible);
    assert_eq!(kinds(&plan)[0], ["kernel"]);
    assert_says(
        &plan,
        &["1. Use Linux 3.15 or newer: it has a quirk for 8086:1e"],
    );
    let entries = own();
    let entries: Vec<_> = entries
        .into_iter()
        .filter(|entry| entry.name != json(&plan)["alternatives"][0]["steps"][0]["entries"][0])
        .collect();
    let plan = ask(&in_kernel("3.10.108"), &entries, at);
    assert!(
        !kinds(&plan).concat().contains(&"kernel".to_owned()),
        "the control"
    );
}

#[test]
fn acs_that_is_off_and_the_module_combine() {
    let at = "0000:01:00.0";
    let mut off = adapter_below_port_that_is_off();
    // Another device that shares the way to the root.
    let mut other = off.functions[0].clone();
    other.bdf = bdf("0000:00:10.1");
    (other.secondary, other.subordinate) = (Some(2), Some(2));
    let mut card = off.functions[1].clone();
    (card.bdf, card.multifunction) = (bdf("0000:02:00.0"), Some(false));
    off.functions.extend([other, card]);
    for port in ["0000:00:10.0", "0000:00:10.1"] {
        function(&mut off, port).multifunction = Some(true);
    }
    let plan = ask(&off, &sound(), at);
    let all = kinds(&plan);
    assert_eq!(plan.outcome(), Outcome::Possible, "{all:?}");
    assert_eq!(all[0], ["kernel-setting", "module", "regroup"]);
    assert_says(
        &plan,
        &["Remove pci=disable_acs_redir= and pci=config_acs= from the kernel command line"],
    );
    // Neither step alone suffices.
    let mut on = off.clone();
    for port in ["0000:00:10.0", "0000:00:10.1"] {
        function(&mut on, port).acs = Some(Acs {
            cap: Some(0x1d),
            ctl: Some(0x1d),
            dword8: None,
        });
    }
    for (machine, loaded, expected) in [
        (&off, None, false),
        (&off, Some(Edition::Validated), false),
        (&on, None, false),
        (&on, Some(Edition::Validated), true),
    ] {
        assert_eq!(is_alone(machine, &sound(), loaded, at), expected);
    }
}

#[test]
fn without_groups_the_iommu_comes_first() {
    let mut machine = adapter();
    for function in &mut machine.functions {
        function.iommu_group = None;
    }
    let plan = ask(&machine, &sound(), "0000:01:00.0");
    assert_eq!(kinds(&plan), [["kernel-setting", "module", "regroup"]]);
    assert_says(&plan, &["Enable the IOMMU in the firmware setup"]);
    // A function that needs nothing else.
    machine.functions.truncate(2);
    function(&mut machine, "0000:01:00.0").multifunction = Some(false);
    let plan = ask(&machine, &sound(), "0000:01:00.0");
    assert_eq!(kinds(&plan), [["kernel-setting"]]);
}

/// The port of the card has no ACS capability here, and has one on other machines.
#[test]
fn hidden_acs_is_a_firmware_setting() {
    let at = "0000:01:00.0";
    let below = |device| {
        let mut machine = adapter();
        let port = function(&mut machine, "0000:00:10.0");
        port.acs = None;
        port.vendor = Hex::id(0x1022);
        port.device = Some(Hex::id(device));
        for one in &mut machine.functions {
            one.iommu_group = Some(0);
        }
        machine
    };
    let plan = ask(&below(0x1483), &sound(), at);
    assert_eq!(kinds(&plan)[0], ["firmware-setting", "module", "regroup"]);
    assert_says(
        &plan,
        &["It is not known whether this firmware has such a setting"],
    );
    let mut shown = below(0x1483);
    set_acs(&mut shown, 0x1d);
    assert!(is_alone(&shown, &sound(), Some(Edition::Validated), at));
    let plan = ask(&below(0x7777), &sound(), at);
    assert_eq!(plan.outcome(), Outcome::NeedsStatement, "the control");
    assert_eq!(kinds(&plan), [["module", "statement", "regroup"]]);
}

const ON: Acs = Acs {
    cap: Some(0x1d),
    ctl: Some(0x1d),
    dword8: None,
};

/// A card at 01:00 and one at 02:00, below two ports of one chip without ACS; below other ports, an
/// empty slot, and a third card at 04:00.
fn slots() -> Topology {
    let mut machine = adapter();
    let port = machine.functions[0].clone();
    let card = machine.functions[1].clone();
    machine.functions.clear();
    for (at, bus, acs) in [
        ("0000:00:10.0", 1, None),
        ("0000:00:10.1", 2, None),
        ("0000:00:11.0", 3, Some(ON)),
        ("0000:00:12.0", 4, Some(ON)),
    ] {
        let mut port = port.clone();
        (port.bdf, port.acs, port.device) = (bdf(at), acs, Some(Hex::id(0x7777)));
        (port.secondary, port.subordinate) = (Some(bus), Some(bus));
        port.multifunction = Some(acs.is_none());
        machine.functions.push(port);
    }
    for at in ["0000:01:00.0", "0000:02:00.0", "0000:04:00.0"] {
        let mut card = card.clone();
        (card.bdf, card.multifunction) = (bdf(at), Some(false));
        machine.functions.push(card);
    }
    machine
}

/// The test moves the card by its address, and the plan by the bus numbers of the ports.
#[test]
fn a_card_moves_to_a_slot_where_it_is_alone() {
    let at = "0000:01:00.0";
    let mut machine = slots();
    let plan = ask(&machine, &own(), at);
    assert_eq!(kinds(&plan), [["slot"], ["statement"]]);
    assert_says(
        &plan,
        &["below one of these ports: 0000:00:11.0 (empty now) or 0000:00:12.0 (occupied now)"],
    );
    let moved = |to: &str| {
        let mut machine = slots();
        machine
            .functions
            .retain(|one| one.bdf == bdf(at) || one.bdf != bdf(to));
        function(&mut machine, at).bdf = bdf(to);
        is_alone(&machine, &own(), None, to)
    };
    assert!(moved("0000:03:00.0") && moved("0000:04:00.0"));
    assert!(!moved("0000:01:00.0"), "the control");
    // A soldered device does not move.
    function(&mut machine, "0000:00:10.0").slot = Some(false);
    assert_eq!(kinds(&ask(&machine, &own(), at)), [["statement"]]);
    // No slot below a port without ACS, or without a slot.
    let mut machine = slots();
    function(&mut machine, "0000:00:11.0").acs = None;
    function(&mut machine, "0000:00:12.0").slot = Some(false);
    assert_eq!(kinds(&ask(&machine, &own(), at)), [["statement"]]);
}

#[test]
fn a_card_of_two_functions_needs_a_slot_and_an_entry() {
    let mut machine = slots();
    for at in ["0000:01:00.0", "0000:01:00.1"] {
        let mut card = adapter().functions[1].clone();
        card.bdf = bdf(at);
        machine.functions.retain(|one| one.bdf != bdf(at));
        machine.functions.push(card);
    }
    let plan = ask(&machine, &sound(), "0000:01:00.0");
    assert_eq!(plan.outcome(), Outcome::Possible);
    assert_eq!(
        kinds(&plan),
        [
            ["slot", "module", "regroup"],
            ["module", "statement", "regroup"]
        ]
    );
    // The control: without the entry, each way needs a statement about the card.
    let plan = ask(&machine, &own(), "0000:01:00.0");
    assert_eq!(plan.outcome(), Outcome::NeedsStatement);
    assert_eq!(
        kinds(&plan),
        [["slot", "statement"], ["statement", "statement"]]
    );
}

/// A kernel goes on to grant what mainline has merged, also when the statement is withdrawn.
#[test]
fn no_plan_relies_on_a_withdrawn_quirk() {
    let at = "0000:03:00.0";
    let mut machine = recorded("lenovo-2325kz5-dc5a79");
    let withdrawn = |machine: &Topology| {
        let mut entries = own();
        for entry in &mut entries {
            if entry.name.starts_with("intel/") && entry.status == Status::Mainline {
                entry.status = Status::Withdrawn;
            }
        }
        ask(machine, &entries, at)
    };
    let warning = "by a quirk whose entry is rejected or withdrawn (intel/";
    let plan = withdrawn(&machine);
    assert_eq!(plan.outcome(), Outcome::OwnGroup);
    assert_says(&plan, &[warning]);
    for function in &mut machine.functions {
        function.iommu_group = function.iommu_group.map(|_| 0);
    }
    let plan = withdrawn(&machine);
    assert_eq!(plan.outcome(), Outcome::Nothing);
    assert_says(&plan, &[warning]);
    let plan = ask(&machine, &own(), at);
    assert_eq!(kinds(&plan), [["regroup"]], "the control");
    machine.kernel = Some("3.10.108".to_owned());
    assert!(
        !kinds(&withdrawn(&machine))
            .concat()
            .contains(&"kernel".to_owned())
    );
}

#[test]
fn two_bridges_in_the_way_need_two_statements() {
    let plan = ask(
        &recorded("gigabyte-technology-co-ltd-x570-aorus-master-ffd0c3"),
        &own(),
        "0000:07:00.1",
    );
    assert_eq!(plan.outcome(), Outcome::NeedsStatement);
    assert_eq!(kinds(&plan), [["statement", "statement"]]);
    assert_says(
        &plan,
        &[
            "0000:02:08.0 [1022:57a4]: A statement by vendor 1022",
            "acsctl quirk new 0000:02:08.0 drafts an entry",
            "0000:07:00.0 0000:07:00.1 0000:07:00.3 [1022:1485 1022:149c]: A statement",
            "splits no group of this machine as long as 0000:02:08.0 above them is not isolated",
            "What does not isolate The patch behind pcie_acs_override= would split this group, and isolates nothing",
            "A guest that controls 0000:07:00.1 may then send requests to 0000:07:00.0 0000:07:00.3",
        ],
    );
}

/// Nothing separates what has one requester ID, and the patch does not either.
#[test]
fn where_nothing_helps_the_reason_is_given() {
    let machine = recorded("acer-predator-helios-neo-16-2f04d2");
    let plan = ask(&machine, &own(), "10000:e1:00.0");
    assert_eq!(plan.outcome(), Outcome::Nothing);
    assert_eq!(kinds(&plan), [[""; 0]; 0]);
    assert_says(
        &plan,
        &[
            "0000:00:0e.0 issues the requests of the functions behind it",
            "acsctl cannot compute the groups after this: - Disable VMD",
        ],
    );
    assert!(!line(&plan).contains("pcie_acs_override"));
}

/// A kernel with the patch has split what nothing isolates.
#[test]
fn a_group_from_the_override_patch_is_not_its_own() {
    let mut machine = recorded("gigabyte-technology-co-ltd-x570-aorus-master-ffd0c3");
    for (number, function) in (0..).zip(&mut machine.functions) {
        function.iommu_group = function.iommu_group.map(|_| number);
    }
    machine.acs_override = Some("downstream,multifunction".to_owned());
    let plan = ask(&machine, &own(), "0000:07:00.1");
    assert_eq!(plan.outcome(), Outcome::NeedsStatement);
    assert_says(
        &plan,
        &[
            "pcie_acs_override=downstream,multifunction is on the kernel command line",
            "What does not isolate",
        ],
    );
}

#[test]
fn nothing_is_claimed_about_what_was_not_seen() {
    let at = "0000:01:00.0";
    let mut machine = adapter();
    function(&mut machine, "0000:01:00.1").acs_known = false;
    let plan = ask(&machine, &sound(), at);
    assert_eq!(plan.outcome(), Outcome::NotKnown);
    assert!(kinds(&plan).is_empty());
    assert_says(
        &plan,
        &["were not seen, of 0000:01:00.1", "Read the machine as root"],
    );
    // Registers of the port, which count as on.
    let mut machine = adapter();
    function(&mut machine, "0000:00:10.0").acs = Some(Acs {
        cap: None,
        ctl: None,
        dword8: None,
    });
    assert_eq!(ask(&machine, &sound(), at).outcome(), Outcome::NotKnown);
    // Not even the type.
    let mut machine = adapter();
    let one = function(&mut machine, at);
    (one.pcie_known, one.pcie_type, one.acs_known) = (false, None, false);
    let plan = ask(&machine, &sound(), at);
    assert_eq!(plan.outcome(), Outcome::NotKnown);
    assert_says(&plan, &["The reason is not known", "run this as root"]);
}

#[test]
fn the_exit_status_tells_the_outcome() {
    let run = |machine: &str, at: &str| acsctl(&["plan", "--topology", machine, at]);
    let lenovo = machine("lenovo-2325kz5-dc5a79");
    let text = printed(&run(&lenovo, "03:00.0"));
    assert!(text.contains("It has a group of its own."), "{text}");
    // It shares its group with bridges alone.
    let text = printed(&run(
        &machine("gigabyte-technology-co-ltd-x570-aorus-master-ffd0c3"),
        "08:00.0",
    ));
    assert!(text.contains("Nothing has to change."), "{text}");
    assert_fails(
        &run(&alone(&scratch("plan-alone")), "00:01.0"),
        1,
        "too little is known to plan",
    );
    assert_fails(
        &run(&lenovo, "04:00.0"),
        1,
        "0000:04:00.0: only a vendor's statement",
    );
    assert_fails(&run(&lenovo, "00:1c.0"), 1, "it stays with the host");
    let acer = machine("acer-predator-helios-neo-16-2f04d2");
    assert_fails(
        &run(&acer, "10000:e1:00.0"),
        1,
        "nothing that acsctl can compute",
    );
    assert_fails(&run(&acme(), "99:00.0"), 1, "there is no such function");
    assert_fails(&run("/nowhere", "99:00.0"), 2, "/nowhere");
    let blind = acsctl(&[
        "plan",
        "--topology",
        &acme(),
        "--quirks",
        "/nowhere",
        "01:00.0",
    ]);
    assert_fails(&blind, 2, "/nowhere");
}

/// On every function of every recorded machine: a plan has an own group only where `why` says so, no
/// step is superfluous by its kind, and the cheapest alternative comes first.
#[test]
fn every_function_of_every_machine_has_a_plan() {
    let entries = own();
    let cost = |kinds: &[String]| {
        let order = [
            "regroup",
            "module",
            "kernel-setting",
            "kernel",
            "firmware-setting",
            "slot",
            "statement",
        ];
        let cost = |kind: &String| order.iter().position(|one| one == kind);
        let costs = kinds
            .iter()
            .map(|kind| cost(kind).expect("plans have such steps"));
        let mut costs: Vec<_> = costs.collect();
        costs.sort_unstable_by(|one, two| two.cmp(one));
        costs
    };
    let (mut planned, mut with) = (0, 0);
    for (folder, step) in [
        ("tests/topologies", 1),
        // Further machines, if they are present.
        ("../shared/data/topologies", 7),
        ("../shared/data/topologies/boot-log", 19),
    ] {
        for topology in machines(&root().join(folder)) {
            for function in topology.functions.iter().step_by(step) {
                let at = function.bdf.to_string();
                let plan = ask(&topology, &entries, &at);
                let json = json(&plan);
                let id = topology.id.as_deref().unwrap_or_default();
                let others = list(&json["why"], "others");
                let is_shared = others.iter().any(|one| one["host_only"] == false);
                if plan.outcome() == Outcome::OwnGroup {
                    assert!(!is_shared, "{id} {at}");
                }
                let kinds = kinds(&plan);
                let has_plan =
                    matches!(plan.outcome(), Outcome::Possible | Outcome::NeedsStatement);
                assert_eq!(kinds.is_empty(), !has_plan, "{id} {at}");
                let has_reason = matches!(plan.outcome(), Outcome::Nothing | Outcome::NotKnown);
                assert_eq!(list(&json, "reasons").is_empty(), !has_reason, "{id} {at}");
                assert!(
                    kinds.is_sorted_by_key(|one| cost(one)),
                    "{id} {at}: {kinds:?}"
                );
                for step in list(&json, "alternatives")
                    .iter()
                    .flat_map(|one| list(one, "steps"))
                {
                    let text = step["text"].as_str().expect("it is text");
                    assert!(
                        !text.is_empty() && !text.contains("acs_override"),
                        "{id} {at}: {text}"
                    );
                }
                planned += 1;
                with += usize::from(!kinds.is_empty());
            }
        }
    }
    println!("functions: {planned}, with alternatives: {with}");
    assert!(planned > 200 && with > 10);
}

/// What was not seen of the port behind a VMD changes nothing about the VMD.
#[test]
fn disabling_a_vmd_is_named_where_registers_were_not_seen() {
    let mut machine = recorded("acer-predator-helios-neo-16-2f04d2");
    let port = machine
        .functions
        .iter_mut()
        .find(|one| one.bdf == bdf("10000:e0:06.0"));
    let acs = &mut port.expect("it is there").acs;
    *acs = acs.map(|_| Acs {
        cap: None,
        ctl: None,
        dword8: None,
    });
    let plan = ask(&machine, &own(), "10000:e1:00.0");
    assert_eq!(plan.outcome(), Outcome::NotKnown);
    assert_says(&plan, &["were not seen, of 10000:e0:06.0", "- Disable VMD"]);
}
