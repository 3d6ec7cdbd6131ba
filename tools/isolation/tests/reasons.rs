// SPDX-License-Identifier: GPL-2.0-only

//! By which step each function came to its group: the step is one that the kernel takes for it, and
//! leads to a function that has the group.

mod common;

use common::machine::{Change as _, Machine, bridge, devfn, endpoint, port, shared};
use fastrand::Rng;
use isolation::{
    groups::{DevfnSet, Function, Interface, Reason, Tie, Way},
    pcie::PcieType::{PciBridge, PcieBridge, RootPort},
};

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

/// A machine of odd shape, each reason held against the facts.
fn hold(functions: &[Function], seed: u64, seen: &mut [usize; 5]) {
    let traced = Machine(functions.to_vec()).traced().expect("it is sound");
    let at = |index: u32| &functions[index as usize];
    let ancestors = |index: u32| std::iter::successors(at(index).above, |&next| at(next).above);
    for (index, &(group, reason)) in (0_u32..).zip(&traced) {
        let same = |other: u32| {
            assert!(other < index, "seed {seed}: {index} joined a later one");
            assert_eq!(traced[other as usize].0, group, "seed {seed}, {index}");
        };
        let case = match reason {
            Reason::NoGroup => {
                assert!(!at(index).takes_part && group.is_none());
                0
            }
            Reason::First => {
                let earlier = &traced[..index as usize];
                assert!(earlier.iter().all(|&(other, _)| other != group));
                1
            }
            Reason::DmaDevice(other) => {
                assert_eq!(at(index).dma_device, Some(other));
                same(other);
                2
            }
            Reason::Bridge { bridge, way } => {
                same(bridge);
                let from = at(index).dma_device.unwrap_or(index);
                assert!(ancestors(from).any(|above| above == bridge), "seed {seed}");
                let found = at(bridge);
                let holds = match way {
                    Way::Path => {
                        !found.isolated || ancestors(bridge).any(|above| !at(above).isolated)
                    }
                    Way::Alias => matches!(
                        found.interface,
                        Interface::Conventional | Interface::Express(PciBridge | PcieBridge)
                    ),
                };
                assert!(holds, "seed {seed}, {index}: {reason:?}");
                3
            }
            Reason::Neighbour {
                counts,
                from,
                other,
                tie,
            } => {
                same(other);
                let own = at(index).dma_device.unwrap_or(index);
                let counts_for_it = counts == own || ancestors(own).any(|above| above == counts);
                assert!(counts_for_it, "seed {seed}, {index}: {reason:?}");
                let (from, other) = (at(from), at(other));
                assert_eq!((from.domain, from.bus), (other.domain, other.bus));
                let holds = match tie {
                    Tie::Slot => {
                        from.slot() == other.slot()
                            && from.multifunction
                            && !from.isolated
                            && !other.isolated
                    }
                    Tie::Alias => {
                        let one_way = |one: &Function, two: &Function| {
                            one.dma_aliases.contains(two.devfn)
                                || one.dma_device.is_some_and(|it| at(it) == two)
                        };
                        one_way(from, other) || one_way(other, from)
                    }
                };
                assert!(holds, "seed {seed}, {index}: {reason:?}");
                4
            }
        };
        seen[case] += 1;
    }
}

#[test]
fn the_reasons_of_random_machines_hold() {
    let mut seen = [0; 5];
    for seed in 0..2000 {
        let machine = Machine::random(&mut Rng::with_seed(seed), 40);
        hold(&machine.0, seed, &mut seen);
    }
    println!("no group, first, DMA device, bridge, neighbour: {seen:?}");
    assert!(seen.iter().all(|&count| count > 100), "{seen:?}");
}
