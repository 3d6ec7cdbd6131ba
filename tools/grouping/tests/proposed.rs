// SPDX-License-Identifier: GPL-2.0-only

//! The examples of the proposed series, one by one, each with a control.

mod common;

use grouping::{
    model,
    proposed::{Function, groups, partition},
    view,
};
use rules::{
    decision::KernelVerdict,
    pcie::PcieType::{DownstreamPort, PciBridge, RcEndpoint, RootPort, UpstreamPort},
};
use topology::Acs;

use common::{
    bdf, express,
    machine::{Change as _, bridge, devfn, endpoint, port},
};

/// A function with an ACS capability, enabled or not.
fn acs(facts: model::Function, isolated: bool) -> Function {
    Function {
        facts: model::Function { isolated, ..facts },
        has_acs: true,
        is_virtual: false,
        is_hidden_bridge: false,
    }
}

/// A function without an ACS capability.
fn plain(facts: model::Function) -> Function {
    Function {
        has_acs: false,
        ..acs(facts, false)
    }
}

#[track_caller]
fn check(functions: &[Function], expected: &[u32]) {
    let found: Vec<_> = groups(functions).into_iter().flatten().collect();
    assert_eq!(found, expected);
}

/// Root port, upstream port, two downstream ports and an endpoint below each.
fn switch(first: bool, second: bool) -> Vec<Function> {
    vec![
        acs(port(0, devfn(1, 0), RootPort, false), true),
        plain(port(1, 0, UpstreamPort, false).behind(0)),
        acs(port(2, devfn(0, 0), DownstreamPort, false).behind(1), first),
        acs(
            port(2, devfn(3, 0), DownstreamPort, false).behind(1),
            second,
        ),
        plain(endpoint(3, 0).behind(2)),
        plain(endpoint(4, 0).behind(3)),
    ]
}

#[test]
fn the_ports_of_a_switch_share_a_group_unless_all_are_isolated() {
    check(&switch(true, true), &[0, 1, 2, 3, 4, 5]);
    for (first, second) in [(true, false), (false, true), (false, false)] {
        // Everything below the switch joins, not the upstream port.
        check(&switch(first, second), &[0, 1, 2, 2, 2, 2]);
    }
}

#[test]
fn a_device_that_the_series_does_not_know_on_the_bus_of_a_switch_joins_the_port_above() {
    let mut functions = switch(true, true);
    functions.insert(4, plain(endpoint(2, devfn(7, 0)).behind(1)));
    check(&functions, &[0, 1, 1, 1, 1, 1, 1]);
}

/// Functions of one device, with their ACS: `None` without the capability.
fn device(functions: &[Option<bool>]) -> Vec<Function> {
    let each = (0..).zip(functions).map(|(number, found)| {
        let facts = model::Function {
            multifunction: true,
            ..endpoint(0, devfn(0x1f, number))
        };
        found.map_or(plain(facts), |isolated| acs(facts, isolated))
    });
    each.collect()
}

#[test]
fn a_function_without_acs_does_not_loop_back() {
    check(&device(&[None, None, Some(true)]), &[0, 1, 2]);
    // One whose ACS is off reaches all, also those that are isolated.
    check(&device(&[Some(false), Some(true), None]), &[0, 0, 0]);
    check(&device(&[Some(true), None, Some(false)]), &[0, 0, 0]);
    check(&device(&[Some(true), Some(true)]), &[0, 1]);
}

/// A loop inside the device also leads to what is below its bridges.
#[test]
fn what_is_below_a_bridge_of_such_a_device_joins() {
    let with_port = |found: Option<bool>| {
        let mut functions = device(&[found, None]);
        functions[1].facts.interface = model::Interface::Express(RootPort);
        functions.push(plain(endpoint(1, 0).behind(1)));
        functions
    };
    check(&with_port(Some(false)), &[0, 0, 0]);
    check(&with_port(None), &[0, 1, 2]);
}

#[test]
fn a_root_port_without_acs_is_isolated_and_one_whose_acs_is_off_is_not() {
    let below = |root: Function| {
        let function = |number| model::Function {
            multifunction: true,
            ..endpoint(1, devfn(0, number)).behind(0)
        };
        vec![root, plain(function(0)), plain(function(1))]
    };
    let root = port(0, devfn(1, 0), RootPort, false);
    check(&below(plain(root)), &[0, 1, 2]);
    check(&below(acs(root, true)), &[0, 1, 2]);
    check(&below(acs(root, false)), &[0, 0, 0]);
}

/// The bridge itself is not in the group of what is below it.
#[test]
fn conventional_functions_share_a_group_without_the_bridge() {
    let below = |bridge: Function| {
        let function = |slot| {
            plain(model::Function {
                interface: model::Interface::Conventional,
                ..endpoint(1, devfn(slot, 0)).behind(0)
            })
        };
        vec![bridge, function(1), function(2)]
    };
    let express = plain(port(0, devfn(2, 0), PciBridge, false));
    check(&below(express), &[0, 1, 1]);
    let conventional = model::Interface::Conventional;
    let hidden = Function {
        is_hidden_bridge: true,
        ..plain(bridge(0, devfn(2, 0), conventional, false))
    };
    check(&below(hidden), &[0, 1, 1]);
    check(
        &below(plain(bridge(0, devfn(2, 0), conventional, false))),
        &[0, 0, 0],
    );
}

#[test]
fn aliases_share_a_group() {
    let first = plain(endpoint(0, devfn(1, 0)).with_aliases(&[devfn(2, 0)]));
    check(&[first, plain(endpoint(0, devfn(2, 0)))], &[0, 0]);
    check(&[first, plain(endpoint(0, devfn(3, 0)))], &[0, 1]);
}

/// In each order of the two functions.
#[track_caller]
fn check_pair(one: Function, other: Function, expected: &[u32]) {
    check(&[one, other], expected);
    check(&[other, one], expected);
}

#[test]
fn a_relation_holds_in_both_directions() {
    let other = plain(endpoint(0, devfn(2, 0)));
    let alias = plain(endpoint(0, devfn(1, 0)).with_aliases(&[devfn(2, 0)]));
    check_pair(alias, other, &[0, 0]);
    // A VMD, which comes first, sends the requests.
    let behind = |vmd| Function {
        facts: model::Function {
            dma_device: vmd,
            ..endpoint(0, devfn(1, 0))
        },
        ..other
    };
    check(&[other, behind(Some(0))], &[0, 0]);
    check_pair(behind(None), other, &[0, 1]);
}

#[test]
fn functions_of_a_slot_whose_bits_differ_are_one_device() {
    let with_bit = |function, multifunction| {
        plain(model::Function {
            multifunction,
            ..endpoint(0, devfn(1, function))
        })
    };
    let (marked, unmarked) = (with_bit(0, true), with_bit(1, false));
    check_pair(marked, unmarked, &[0, 0]);
    check_pair(with_bit(0, false), unmarked, &[0, 1]);
    // A virtual function is of no slot.
    let as_virtual = |function| Function {
        is_virtual: true,
        ..function
    };
    check_pair(as_virtual(marked), unmarked, &[0, 1]);
    check_pair(marked, as_virtual(unmarked), &[0, 1]);
    check_pair(marked, plain(endpoint(0, devfn(2, 0))), &[0, 1]);
}

/// The functions of a topology, by their addresses.
#[test]
fn a_topology_becomes_functions() {
    let (zero, one) = ("0000:00:1f.0", "0000:00:1f.1");
    let with = |found: Option<u16>, physical: Option<&str>| {
        let function = |at| topology::Function {
            multifunction: Some(true),
            ..express(at, RcEndpoint)
        };
        let off = topology::Function {
            acs: found.map(|control| Acs {
                cap: Some(0x1d),
                ctl: Some(control),
                dword8: None,
            }),
            ..function(zero)
        };
        let other = topology::Function {
            physfn: physical.map(bdf),
            ..function(one)
        };
        let topology = common::machine(vec![off, other]);
        partition(&view(&topology), |_| KernelVerdict::NoOpinion)
    };
    let (together, apart) = (
        vec![vec![bdf(zero), bdf(one)]],
        vec![vec![bdf(zero)], vec![bdf(one)]],
    );
    assert_eq!(with(Some(0), None), together);
    for control in [None, Some(0x1d)] {
        assert_eq!(with(control, None), apart);
    }
    assert_eq!(
        with(Some(0), Some(zero)),
        apart,
        "a virtual function is of no slot"
    );
}
