// SPDX-License-Identifier: GPL-2.0-only

//! The step by which each function came to its group. `tests/random` compares the steps with the
//! kernel's on random functions.

mod common;

use grouping::model::{DevfnSet, Function, Interface, Reason, Tie, Way};
use rules::pcie::PcieType::{PciBridge, RootPort};

use common::machine::{Change as _, Machine, bridge, devfn, endpoint, port, shared};

#[track_caller]
fn check(functions: &[Function], expected: &[Reason]) {
    let traced = Machine(functions.to_vec()).traced().expect("it is sound");
    let reasons: Vec<_> = traced.into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(reasons, expected);
}

const fn slot(from: u32, other: u32) -> Reason {
    Reason::Neighbour {
        counts: from,
        from,
        other,
        tie: Tie::Slot,
    }
}

#[test]
fn siblings_join_the_first_of_their_slot() {
    let functions = [0, 1, 2].map(|number| shared(0, devfn(2, number)));
    check(&functions, &[Reason::First, slot(1, 0), slot(2, 0)]);
}

#[test]
fn what_is_behind_an_open_port_joins_it() {
    let functions = [
        port(0, devfn(1, 0), RootPort, false),
        endpoint(1, 0).behind(0),
    ];
    let joined = Reason::Bridge {
        bridge: 0,
        way: Way::Path,
    };
    check(&functions, &[Reason::First, joined]);
    let [_, below] = functions;
    let isolated = port(0, devfn(1, 0), RootPort, true);
    check(&[isolated, below], &[Reason::First, Reason::First]);
}

#[test]
fn what_is_behind_a_conventional_bridge_joins_it() {
    let isolated = port(0, devfn(1, 0), RootPort, true);
    let to_pci = bridge(1, 0, Interface::Express(PciBridge), false).behind(0);
    let joined = Reason::Bridge {
        bridge: 1,
        way: Way::Alias,
    };
    check(
        &[isolated, to_pci, endpoint(2, 0).behind(1)],
        &[Reason::First, Reason::First, joined],
    );
}

#[test]
fn an_alias_joins_whose_number_it_has() {
    let mut alias = endpoint(0, devfn(2, 0));
    alias.dma_aliases = DevfnSet::from_iter([devfn(3, 0)]);
    let joined = Reason::Neighbour {
        counts: 1,
        from: 1,
        other: 0,
        tie: Tie::Alias,
    };
    check(&[alias, endpoint(0, devfn(3, 0))], &[Reason::First, joined]);
}

#[test]
fn what_is_left_out_has_no_reason_and_what_stands_for_others_has_theirs() {
    let vmd = endpoint(0, devfn(14, 0));
    let behind = Function {
        domain: 0x10000,
        dma_device: Some(0),
        ..endpoint(0, 0)
    };
    let left_out = Function {
        takes_part: false,
        ..endpoint(0, devfn(15, 0))
    };
    check(
        &[vmd, left_out, behind],
        &[Reason::First, Reason::NoGroup, Reason::DmaDevice(0)],
    );
}
