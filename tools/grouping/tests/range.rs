// SPDX-License-Identifier: GPL-2.0-only

//! The limits of the groups where one fact is missing, each with a control. `tests/random` hides facts of random machines.

mod common;

use grouping::{Range, handlers::Handlers, predict::Prediction, view};
use rules::pcie::PcieType::{DownstreamPort, Endpoint, RcEndpoint, RootPort, UpstreamPort};
use topology::{Bdf, Function, Hex, Topology};

use common::{bdf, express, function, machine, port};

fn range(topology: &Topology) -> Option<Range> {
    let view = view(topology);
    let handlers = Handlers::default();
    let prediction = Prediction::of(topology, &view, &handlers);
    Range::of(&prediction, &[], &[]).expect("it is sound")
}

/// Whether two functions certainly share a group, and whether they may.
fn pair(topology: &Topology, one: &str, two: &str) -> (bool, bool) {
    let range = range(topology).expect("a fact is missing");
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
