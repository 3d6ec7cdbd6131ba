// SPDX-License-Identifier: GPL-2.0-only

//! The limits of the groups where one fact is missing, each with a control. `tests/random` hides facts of random machines.

mod common;

use grouping::{
    Range,
    handlers::{Handlers, Ids, Requirement},
    predict::Prediction,
    view,
};
use rules::{
    acs::AcsFlags,
    entry::Kinds,
    pcie::PcieType::{DownstreamPort, Endpoint, PciBridge, RcEndpoint, RootPort, UpstreamPort},
    table::Table,
};
use topology::{Bdf, Function, Hex, Topology};

use common::{
    adapter::{ACS, ADAPTER, IDS, ONE, ZERO, adapter, handler},
    bdf, express, function, machine, port,
};

/// The limits for a machine whose kernel has these quirks, or is one of several, with modules that have these tables.
fn range_with(handlers: &Handlers, topologies: &[&Topology], tables: &[Table]) -> Option<Range> {
    let views: Vec<_> = topologies.iter().copied().map(view).collect();
    let all = topologies.iter().zip(&views);
    let all: Vec<_> = all
        .map(|(topology, view)| Prediction::of(topology, view, handlers))
        .collect();
    Range::of(&all[0], &all[1..], tables).expect("it is sound")
}

fn range(topology: &Topology) -> Option<Range> {
    range_with(&Handlers::default(), &[topology], &[])
}

/// Whether two functions certainly share a group, and whether they may.
fn pair(topology: &Topology, one: &str, two: &str) -> (bool, bool) {
    pair_in(range(topology), one, two)
}

fn pair_in(range: Option<Range>, one: &str, two: &str) -> (bool, bool) {
    let range = range.expect("a fact is missing");
    let has_both = |set: &Vec<Bdf>| set.contains(&bdf(one)) && set.contains(&bdf(two));
    (
        range.together.iter().any(has_both),
        range.apart.iter().any(has_both),
    )
}

/// Two cards below a switch whose downstream ports have ACS.
fn switch() -> Vec<Function> {
    vec![
        port("0000:00:01.0", RootPort, 1, true),
        port("0000:01:00.0", UpstreamPort, 2, false),
        port("0000:02:00.0", DownstreamPort, 3, true),
        port("0000:02:01.0", DownstreamPort, 4, true),
        express("0000:03:00.0", Endpoint),
        express("0000:04:00.0", Endpoint),
    ]
}

#[test]
fn the_multi_function_bit_of_a_switch_can_join_all_below() {
    let (one, two) = ("0000:03:00.0", "0000:04:00.0");
    let topology = machine(switch());
    assert_eq!(pair(&topology, one, two), (false, true));
    let unknown = range(&topology).expect("a fact is missing").unknown;
    assert_eq!(
        unknown,
        [bdf("0000:01:00.0")].into(),
        "the bits of the others do not matter"
    );
    for bit in [false, true] {
        let mut topology = machine(switch());
        topology.functions[1].multifunction = Some(bit);
        assert_eq!(range(&topology), None, "{bit}");
    }
}

/// Two functions of one device below a port in no group. Without ACS of that port, each gets a group of its own.
#[test]
fn less_isolation_below_a_bridge_in_no_group_gives_more_groups() {
    let (one, two) = ("0000:01:00.0", "0000:01:00.1");
    let with = |acs_known: bool, acs: bool| {
        let in_group = |group, function| Function {
            iommu_group: group,
            ..function
        };
        machine(vec![
            Function {
                acs_known,
                ..port("0000:00:01.0", RootPort, 1, acs)
            },
            in_group(Some(0), function("0000:00:1f.0")),
            Function {
                group_known: false,
                multifunction: Some(true),
                ..express(one, Endpoint)
            },
            Function {
                group_known: false,
                ..express(two, Endpoint)
            },
        ])
    };
    assert_eq!(pair(&with(false, false), one, two), (false, true));
    for acs in [false, true] {
        let known = with(true, acs);
        assert_eq!(range(&known), None);
        let view = view(&known);
        let groups = Prediction::of(&known, &view, &Handlers::default())
            .without_table()
            .expect("it is sound");
        let share = groups
            .iter()
            .any(|set| set.contains(&bdf(one)) && set.contains(&bdf(two)));
        assert_eq!(share, acs, "the control");
    }
    // The control: a port that is in a group.
    let mut grouped = with(false, false);
    grouped.functions[0].group_known = false;
    assert_eq!(pair(&grouped, one, two), (true, true));
    // Two such ports: each may be as it is whatever the other one is.
    let mut both = with(false, false);
    let [port, _, zero, one_more] = &both.functions[..] else {
        unreachable!("the machine has four functions");
    };
    let at = |address, function: &Function| Function {
        bdf: bdf(address),
        ..function.clone()
    };
    let second = [
        Function {
            secondary: Some(2),
            ..at("0000:00:02.0", port)
        },
        at("0000:02:00.0", zero),
        at("0000:02:00.1", one_more),
    ];
    both.functions.extend(second);
    for (one, two) in [(one, two), ("0000:02:00.0", "0000:02:00.1")] {
        assert_eq!(pair(&both, one, two), (false, true), "{one}");
    }
}

/// A port below a conventional bridge in no group. Nothing shows whether the IOMMU translates at the port. Only if it
/// does, the kernel looks at the port, and not at the bridge alone.
#[test]
fn a_bridge_below_one_in_no_group_may_be_passed_by() {
    let (upper, card) = ("0000:01:02.0", "0000:02:00.0");
    let with = |device| {
        let unshown = |function| Function {
            group_known: false,
            ..function
        };
        let conventional = Function {
            pcie_type: None,
            ..port("0000:00:00.0", RootPort, 1, false)
        };
        machine(vec![
            conventional,
            Function {
                iommu_group: Some(0),
                ..function("0000:00:1f.0")
            },
            unshown(Function {
                vendor: Hex::id(0x14e4),
                device,
                multifunction: Some(false),
                ..port(upper, RootPort, 2, false)
            }),
            unshown(express(card, Endpoint)),
        ])
    };
    assert_eq!(pair(&with(None), upper, card), (false, true));
    assert_eq!(range(&with(Some(Hex::id(0x16d7)))), None, "the control");
    let mut one_of = with(None);
    one_of.functions[2].device_candidates = [0x9000, 0x16d7].map(Hex::id).to_vec();
    assert_eq!(pair(&one_of, upper, card), (false, true));
    one_of.functions[2].device_candidates = [0x9000, 0x9084].map(Hex::id).to_vec();
    assert_eq!(range(&one_of), None, "both are");
}

/// Two VMDs: the functions of a domain are together, and with one of the VMDs.
#[test]
fn what_is_behind_one_of_two_vmds_may_be_with_either() {
    let volume = |at| Function {
        vendor: Hex::id(0x8086),
        device: Some(Hex::id(0x201d)),
        ..express(at, RcEndpoint)
    };
    let (one, two) = ("0000:00:0e.0", "0000:80:0e.0");
    let (disk, other) = ("10000:e1:00.0", "10000:e2:00.0");
    let mut topology = machine(vec![
        volume(one),
        volume(two),
        express("0000:00:1f.0", RcEndpoint),
        express(disk, Endpoint),
        express(other, Endpoint),
    ]);
    assert_eq!(pair(&topology, disk, other), (true, true));
    for volume in [one, two] {
        assert_eq!(pair(&topology, disk, volume), (false, true), "{volume}");
    }
    assert_eq!(pair(&topology, disk, "0000:00:1f.0"), (false, false));
    let found = range(&topology).expect("a fact is missing");
    assert_eq!(found.unknown, [one, two, disk, other].map(bdf).into());
    for sets in [found.together, found.apart] {
        assert_eq!(
            sets.concat().len(),
            topology.functions.len(),
            "nobody is lost: {sets:?}"
        );
    }
    topology.vmd.insert(bdf(disk).domain, bdf(two));
    assert_eq!(range(&topology), None);
}

/// A VMD has one domain, so another one is missing.
#[test]
fn a_second_domain_has_another_vmd() {
    let volume = Function {
        vendor: Hex::id(0x8086),
        device: Some(Hex::id(0x201d)),
        ..express("0000:00:0e.0", RcEndpoint)
    };
    let (disk, other) = ("10000:e1:00.0", "10001:e1:00.0");
    let mut topology = machine(vec![volume, express(disk, Endpoint)]);
    assert_eq!(range(&topology), None);
    topology.functions.push(express(other, Endpoint));
    assert_eq!(pair(&topology, disk, other), (false, true));
    assert_eq!(pair(&topology, disk, "0000:00:0e.0"), (false, true));
}

#[test]
fn the_bit_of_a_physical_function_does_not_matter_to_its_virtual_ones() {
    let (physical, own) = ("0000:00:02.0", "0000:00:02.1");
    let with = |bit, pcie_known| {
        machine(vec![
            Function {
                multifunction: bit,
                ..express(physical, RcEndpoint)
            },
            Function {
                physfn: Some(bdf(physical)),
                pcie_known,
                ..express(own, RcEndpoint)
            },
        ])
    };
    for bit in [None, Some(true), Some(false)] {
        assert_eq!(
            pair(&with(bit, false), physical, own),
            (false, false),
            "{bit:?}"
        );
        assert_eq!(range(&with(bit, true)), None, "{bit:?}");
    }
}

/// The adapter with both functions changed.
fn changed(change: impl Fn(&mut Function)) -> Topology {
    let mut topology = adapter();
    topology.functions[1..].iter_mut().for_each(change);
    topology
}

/// The function with an id that no quirk lists, and alone.
fn stranger(function: Function) -> Function {
    Function {
        device: Some(Hex::id(1)),
        multifunction: Some(false),
        ..function
    }
}

/// ASPEED's AST1150 and the next id.
const AST1150: Ids = Ids {
    vendor: 0x1a03,
    first: 0x1150,
    last: 0x1151,
};

/// A quirk of the kernel that isolates the functions with these ids.
fn isolating(ids: Ids, kinds: Option<Kinds>, requires: Vec<Requirement>) -> Handlers {
    handler(ids, kinds, requires, AcsFlags::GROUPING)
}

/// An entry counts for the whole device, so it may count for nobody where the ACS capability of one function is not known.
#[test]
fn a_module_grants_or_may_grant() {
    let unknown = |is: bool| {
        let mut topology = adapter();
        topology.functions[2].acs_known = !is;
        // A fact that is missing elsewhere.
        topology.functions.push(Function {
            acs_known: false,
            ..port("0000:00:02.0", RootPort, 2, false)
        });
        topology.functions.push(express("0000:02:00.0", Endpoint));
        topology
    };
    let with = |topology: &Topology, tables| {
        let found = range_with(&Handlers::default(), &[topology], tables);
        pair_in(found, ZERO, ONE)
    };
    assert_eq!(with(&unknown(false), &[]), (true, true));
    assert_eq!(with(&unknown(false), &[ADAPTER]), (false, false));
    assert_eq!(with(&unknown(true), &[ADAPTER]), (false, true));
}

/// Each quirk answers for a function with a property, which is missing.
#[test]
fn a_quirk_of_the_kernel_answers_or_does_not() {
    let of = |handlers: &Handlers, topology: &Topology, one, two| {
        pair_in(range_with(handlers, &[topology], &[]), one, two)
    };
    // The type, which a text without capabilities does not show.
    let by_type = isolating(IDS, Some(Kinds::MF_ENDPOINT), Vec::new());
    let typeless = changed(|function| function.pcie_known = false);
    assert_eq!(of(&by_type, &typeless, ZERO, ONE), (false, true));
    assert_eq!(range_with(&by_type, &[&adapter()], &[]), None);
    // The ACS capability.
    let without_acs = isolating(IDS, None, vec![Requirement::NoAcsCapability]);
    let unread = changed(|function| function.acs_known = false);
    assert_eq!(of(&without_acs, &unread, ZERO, ONE), (false, true));
    // The multi-function bit of a bridge.
    let by_bit = isolating(IDS, None, vec![Requirement::Multifunction]);
    let below = |bit| {
        machine(vec![
            stranger(port("0000:00:01.0", RootPort, 1, true)),
            stranger(port(ZERO, UpstreamPort, 2, false)),
            Function {
                multifunction: bit,
                ..port("0000:02:00.0", DownstreamPort, 3, false)
            },
            stranger(express("0000:03:00.0", Endpoint)),
        ])
    };
    assert_eq!(
        of(&by_bit, &below(None), "0000:02:00.0", "0000:03:00.0"),
        (false, true)
    );
    for bit in [false, true] {
        assert_eq!(range_with(&by_bit, &[&below(Some(bit))], &[]), None);
    }
}

/// The AST1150 keeps the requester IDs of what is below it, for Linux 7.0 and later. That shows if a quirk isolates it.
#[test]
fn a_bridge_that_may_keep_requester_ids() {
    let (bridge, card) = ("0000:01:00.0", "0000:02:00.0");
    let on = |kernel: &str, devices: &[u16]| Topology {
        kernel: Some(kernel.to_owned()),
        ..machine(vec![
            port("0000:00:01.0", RootPort, 1, true),
            Function {
                vendor: Hex::id(AST1150.vendor),
                device: match devices {
                    [device] => Some(Hex::id(*device)),
                    _ => None,
                },
                device_candidates: devices.iter().copied().map(Hex::id).collect(),
                multifunction: Some(false),
                ..port(bridge, PciBridge, 2, false)
            },
            function(card),
        ])
    };
    let isolated = isolating(AST1150, None, Vec::new());
    let (old, new) = (on("6.12.1", &[0x1150]), on("7.3.1", &[0x1150]));
    for topologies in [[&old, &new], [&new, &old]] {
        let found = range_with(&isolated, &topologies, &[]);
        let by_kernel = found.as_ref().map(|range| range.by_kernel.clone());
        assert_eq!(by_kernel, Some([bdf(bridge)].into()));
        assert_eq!(pair_in(found, bridge, card), (false, true));
        assert_eq!(
            range_with(&isolated, &[topologies[0], topologies[0]], &[]),
            None
        );
    }
    // A device of this vendor that may be another one.
    for devices in [&[][..], &[0x1150, 0x1151]] {
        let found = range_with(&isolated, &[&on("7.3.1", devices)], &[]);
        assert_eq!(pair_in(found, bridge, card), (false, true), "{devices:x?}");
        let found = range_with(&Handlers::default(), &[&on("7.3.1", devices)], &[]);
        assert_eq!(pair_in(found, bridge, card), (true, true), "not isolated");
    }
}

#[test]
fn a_quirk_differs_by_kernel() {
    let topology = adapter();
    let view = view(&topology);
    let (none, some) = (Handlers::default(), isolating(IDS, None, Vec::new()));
    let of = |handlers| Prediction::of(&topology, &view, handlers);
    let among = |one, other| Range::of(&of(one), &[of(other)], &[]).expect("it is sound");
    for (one, other) in [(&none, &some), (&some, &none)] {
        let found = among(one, other);
        let by_kernel = found.as_ref().map(|range| range.by_kernel.clone());
        assert_eq!(by_kernel, Some([bdf(ZERO), bdf(ONE)].into()));
        assert_eq!(pair_in(found, ZERO, ONE), (false, true));
        assert_eq!(among(one, one), None, "the control");
    }
}

/// Both functions have ACS, so they share a group only if one sends as the other.
#[test]
fn a_function_of_an_unknown_device_may_send_as_another() {
    let with = |vendor, device: Option<u16>, subsystem_is_known: bool| {
        let mut topology = changed(|function| function.acs = Some(ACS));
        let zero = &mut topology.functions[1];
        zero.vendor = Hex::id(vendor);
        zero.device = device.map(Hex::id);
        zero.subsystem = subsystem_is_known.then_some(topology::Subsystem {
            vendor: 0,
            device: 0,
        });
        topology
    };
    // Some controllers of this vendor send as function 1.
    assert_eq!(pair(&with(0x1b4b, None, true), ZERO, ONE), (false, true));
    assert_eq!(range(&with(0x1b4b, Some(1), true)), None);
    // No device of this vendor sends as another one, and of an unknown vendor any may.
    assert_eq!(range(&with(0x15b3, None, true)), None);
    assert_eq!(
        pair(&with(topology::UNKNOWN_VENDOR, None, true), ZERO, ONE),
        (false, true)
    );
    // 9005:0285 with some subsystems sends as function 01.0.
    let adaptec = |subsystem| {
        let mut topology = with(0x9005, Some(0x0285), subsystem);
        topology.functions[2].bdf = bdf("0000:01:01.0");
        topology
    };
    assert_eq!(pair(&adaptec(false), ZERO, "0000:01:01.0"), (false, true));
    assert_eq!(range(&adaptec(true)), None);
}

/// A bridge whose type is missing: conventional, it sends for everything below it. As a port with ACS, it does not.
#[test]
fn a_bridge_of_an_unknown_type_may_send_for_what_is_below() {
    let (one, two) = ("0000:03:00.0", "0000:04:00.0");
    let typeless = |bridge: usize| {
        let mut topology = machine(switch());
        topology.functions[1].multifunction = Some(false);
        topology.functions[bridge].pcie_known = false;
        topology
    };
    for bridge in [0, 1] {
        assert_eq!(pair(&typeless(bridge), one, two), (false, true), "{bridge}");
    }
    // Below it, the kernel corrects the type of a switch port by what it takes it for.
    assert_eq!(pair(&typeless(0), "0000:01:00.0", one), (false, true));
    let mut known = typeless(0);
    known.functions[0].pcie_known = true;
    assert_eq!(range(&known), None, "the control");
}

/// The same, where a quirk isolates the bridge whatever it is.
#[test]
fn an_isolated_bridge_of_an_unknown_type_may_send_for_what_is_below() {
    let quirk = isolating(IDS, None, Vec::new());
    let mut topology = machine(switch());
    topology.functions[1].pcie_known = false;
    let found = range_with(&quirk, &[&topology], &[]);
    assert_eq!(
        pair_in(found, "0000:03:00.0", "0000:04:00.0"),
        (false, true)
    );
    assert_eq!(
        range_with(&quirk, &[&machine(switch())], &[]),
        None,
        "the control"
    );
    // Below a root port, a downstream port is an endpoint for the kernel, which is isolated.
    let below = |pcie_known| {
        let topology = machine(vec![
            Function {
                pcie_known,
                ..port("0000:00:01.0", UpstreamPort, 1, false)
            },
            stranger(port(ZERO, DownstreamPort, 2, false)),
            stranger(express("0000:02:00.0", Endpoint)),
        ]);
        range_with(&quirk, &[&topology], &[])
    };
    assert_eq!(pair_in(below(false), ZERO, "0000:02:00.0"), (false, true));
    assert_eq!(below(true), None);
}

/// What is missing about a bridge in no group leaves the groups elsewhere as certain as they are.
#[test]
fn a_bridge_in_no_group_leaves_other_groups_certain() {
    let in_group = |group, function| Function {
        iommu_group: Some(group),
        ..function
    };
    let mut functions = changed(|function| function.iommu_group = Some(0)).functions;
    functions[0] = in_group(1, functions[0].clone());
    functions.extend([
        Function {
            acs_known: false,
            ..port("0000:00:02.0", RootPort, 2, false)
        },
        in_group(2, express("0000:02:00.0", Endpoint)),
    ]);
    let topology = machine(functions);
    assert_eq!(pair(&topology, ZERO, ONE), (true, true));
    assert_eq!(pair(&topology, ZERO, "0000:02:00.0"), (false, false));
}
