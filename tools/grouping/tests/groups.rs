// SPDX-License-Identifier: GPL-2.0-only

//! The rules of the grouping, one by one. Each has a control: the same machine with one property
//! changed and with other groups.

mod common;

use std::collections::BTreeSet;

use grouping::model::{
    self, DevfnSet, Fault, Function, Interface, Scratch, Search as _, release::Release,
};
use rules::pcie::PcieType::{
    DownstreamPort, LegacyEndpoint, PciBridge, PcieBridge, RootPort, UpstreamPort,
};

use common::{
    groups_in_c,
    machine::{Change as _, Machine, bridge, devfn, endpoint, port, shared},
};

/// Checks the groups of a machine: one number for each function, -1 for none. The transcribed
/// kernel code must give the same groups.
#[track_caller]
fn check(functions: &[Function], expected: &[i64]) {
    let machine = Machine(functions.to_vec());
    let numbers = |groups: Vec<Option<u32>>| -> Vec<i64> {
        groups
            .into_iter()
            .map(|it| it.map_or(-1, i64::from))
            .collect()
    };
    assert_eq!(numbers(groups_in_c::groups(functions)), expected, "in C");
    assert_eq!(numbers(machine.groups()), expected);
}

#[track_caller]
fn refused(functions: &[Function], expected: Fault) {
    assert_eq!(Machine(functions.to_vec()).try_groups(), Err(expected));
}

/// An isolated root port at 00:01.0 that leads to bus 1.
fn isolated_port() -> Function {
    port(0, devfn(1, 0), RootPort, true)
}

fn open_port() -> Function {
    port(0, devfn(1, 0), RootPort, false)
}

#[test]
fn nothing_has_no_groups() {
    check(&[], &[]);
}

#[test]
fn functions_of_one_slot_share_unless_one_is_isolated() {
    let alone = endpoint(0, devfn(2, 2));
    check(
        &[
            shared(0, devfn(2, 0)),
            shared(0, devfn(2, 1)),
            shared(0, devfn(2, 2)),
        ],
        &[0, 0, 0],
    );
    check(
        &[shared(0, devfn(2, 0)), shared(0, devfn(2, 1)), alone],
        &[0, 0, 1],
    );
    check(&[shared(0, devfn(2, 0)), shared(0, devfn(3, 0))], &[0, 1]);
}

#[test]
fn a_slot_without_function_0_is_a_slot() {
    check(&[shared(0, devfn(2, 3)), shared(0, devfn(2, 5))], &[0, 0]);
    check(&[shared(0, devfn(2, 3)), shared(0, devfn(3, 5))], &[0, 1]);
}

/// The kernel compares device numbers even if all functions of the bus are one device.
#[test]
fn under_ari_eight_functions_make_a_slot() {
    check(&[shared(1, 7), shared(1, 8), shared(1, 9)], &[0, 1, 1]);
}

/// A function without the multi-function bit that is not isolated, such as a conventional function,
/// searches for no sibling. Its siblings still find it.
#[test]
fn who_is_not_multifunction_does_not_look() {
    let single = Function {
        multifunction: false,
        ..shared(0, devfn(2, 1))
    };
    check(&[shared(0, devfn(2, 0)), single], &[0, 1]);
    check(&[single, shared(0, devfn(2, 2))], &[0, 0]);
}

#[test]
fn functions_below_an_isolated_port_are_on_their_own() {
    let two = |port: Function| {
        [
            port,
            endpoint(1, devfn(0, 0)).behind(0),
            endpoint(1, devfn(1, 0)).behind(0),
        ]
    };
    check(&two(isolated_port()), &[0, 1, 2]);
    check(&two(open_port()), &[0, 0, 0]);
}

#[test]
fn isolation_must_hold_up_to_the_root() {
    let chain = |top: bool, bottom: bool| {
        [
            port(0, devfn(1, 0), RootPort, top),
            port(1, 0, UpstreamPort, true).behind(0),
            port(2, devfn(0, 0), DownstreamPort, bottom).behind(1),
            port(2, devfn(1, 0), DownstreamPort, true).behind(1),
            endpoint(3, 0).behind(2),
            endpoint(4, 0).behind(3),
        ]
    };
    check(&chain(true, true), &[0, 1, 2, 3, 4, 5]);
    check(&chain(true, false), &[0, 1, 2, 3, 2, 4]);
    check(&chain(false, true), &[0, 0, 0, 0, 0, 0]);
}

/// Ports of one device that are not isolated share a group, and so does everything below them.
#[test]
fn what_is_below_ports_of_one_device_shares_with_them() {
    let ports = |isolated: bool| {
        let first = Function {
            multifunction: true,
            ..port(0, devfn(1, 0), RootPort, false)
        };
        let second = Function {
            multifunction: true,
            ..port(0, devfn(1, 1), RootPort, isolated)
        };
        [
            first,
            second,
            endpoint(1, 0).behind(0),
            endpoint(2, 0).behind(1),
        ]
    };
    check(&ports(false), &[0, 0, 0, 0]);
    check(&ports(true), &[0, 1, 0, 2]);
}

#[test]
fn behind_a_bridge_to_conventional_pci_all_is_one() {
    for interface in [Interface::Express(PciBridge), Interface::Conventional] {
        let machine = |above: Function| {
            [
                isolated_port(),
                above.behind(0),
                endpoint(2, devfn(0, 0)).behind(1),
                endpoint(2, devfn(1, 0)).behind(1),
            ]
        };
        check(&machine(bridge(1, 0, interface, false)), &[0, 1, 1, 1]);
        check(&machine(port(1, 0, DownstreamPort, true)), &[0, 1, 2, 3]);
    }
}

#[test]
fn a_reverse_bridge_is_an_alias_of_what_is_below() {
    let machine = |kind| {
        [
            bridge(0, devfn(4, 0), Interface::Express(kind), true),
            endpoint(1, 0).behind(0),
        ]
    };
    check(&machine(PcieBridge), &[0, 0]);
    check(&machine(RootPort), &[0, 1]);
    check(&machine(LegacyEndpoint), &[0, 1]);
    let reserved = bridge(0, devfn(4, 0), Interface::Reserved, true);
    check(&[reserved, endpoint(1, 0).behind(0)], &[0, 1]);
}

/// The bridge counts as isolated here, so that only its alias matters.
#[test]
fn a_bridge_that_keeps_requester_ids_is_no_alias() {
    let machine = |keeps: bool| {
        let above = bridge(1, 0, Interface::Express(PciBridge), true);
        let above = Function {
            keeps_requester_ids: keeps,
            ..above
        };
        [isolated_port(), above.behind(0), endpoint(2, 0).behind(1)]
    };
    check(&machine(false), &[0, 1, 1]);
    check(&machine(true), &[0, 1, 2]);
    // The kernel does not test the flag for a conventional bridge.
    let mut conventional = machine(true);
    conventional[1].interface = Interface::Conventional;
    check(&conventional, &[0, 1, 1]);
}

/// Aliases above a bridge with the IOMMU do not count.
#[test]
fn a_translation_root_ends_the_way_of_aliases() {
    let machine = |root: bool| {
        let middle = port(1, 0, DownstreamPort, true).behind(0);
        let middle = Function {
            translation_root: root,
            ..middle
        };
        [
            bridge(0, devfn(4, 0), Interface::Conventional, true),
            middle,
            endpoint(2, 0).behind(1),
        ]
    };
    check(&machine(false), &[0, 0, 0]);
    check(&machine(true), &[0, 0, 1]);
}

#[test]
fn an_alias_joins_in_either_direction() {
    let (first, second) = (endpoint(0, devfn(3, 0)), endpoint(0, devfn(5, 1)));
    check(&[first, second], &[0, 1]);
    check(&[first.with_aliases(&[devfn(5, 1)]), second], &[0, 0]);
    check(&[first, second.with_aliases(&[devfn(3, 0)])], &[0, 0]);
    check(&[first.with_aliases(&[devfn(5, 0)]), second], &[0, 1]);
    // Aliases are numbers of one bus.
    check(
        &[first.with_aliases(&[devfn(5, 1)]), endpoint(1, devfn(5, 1))],
        &[0, 1],
    );
    check(&[first.with_aliases(&[devfn(3, 0)]), second], &[0, 1]);
}

/// A number without a function joins no functions, even if two functions have it as an alias: the
/// kernel compares functions, not numbers.
#[test]
fn a_common_alias_that_nobody_has_joins_nobody() {
    let ghost = devfn(3, 7);
    let one = endpoint(0, devfn(3, 0)).with_aliases(&[ghost]);
    let two = endpoint(0, devfn(4, 0)).with_aliases(&[ghost]);
    check(&[one, two], &[0, 1]);
    check(&[one, endpoint(0, ghost), two], &[0, 0, 0]);
}

/// From an alias that is not isolated, the search continues with such functions of its device number.
#[test]
fn an_alias_brings_its_slot() {
    let machine = |mate: bool, middle: bool| {
        let in_slot = |number, isolated| Function {
            isolated,
            ..shared(0, devfn(5, number))
        };
        [
            in_slot(0, mate),
            in_slot(1, middle).left_out(),
            endpoint(0, devfn(6, 0)).with_aliases(&[devfn(5, 1)]),
        ]
    };
    check(&machine(false, false), &[0, -1, 0]);
    check(&machine(true, false), &[0, -1, 1]);
    check(&machine(false, true), &[0, -1, 1]);
}

/// A function joins the first group that the search finds, and the groups stay apart. The two
/// functions without the multi-function bit do not search.
#[test]
fn groups_do_not_merge() {
    let single = |function| Function {
        multifunction: false,
        ..shared(0, devfn(2, function))
    };
    check(&[single(0), single(1), shared(0, devfn(2, 2))], &[0, 1, 0]);
    check(&[shared(0, devfn(2, 0)), single(1), single(2)], &[0, 1, 2]);
}

/// All functions exist when the first one is grouped, so the search passes through functions that
/// are grouped later.
#[test]
fn aliases_of_aliases_join_before_those_between_have_come() {
    let (one, two) = (endpoint(0, devfn(1, 0)), endpoint(0, devfn(2, 0)));
    let both = endpoint(0, devfn(3, 0)).with_aliases(&[devfn(1, 0), devfn(2, 0)]);
    check(&[one, two, both], &[0, 0, 0]);
    check(&[one, two, endpoint(0, devfn(3, 0))], &[0, 1, 2]);
}

#[test]
fn aliases_in_a_circle_end() {
    let circle = |left_out: bool| {
        let one = shared(0, devfn(1, 0)).with_aliases(&[devfn(2, 0)]);
        let two = shared(0, devfn(2, 0)).with_aliases(&[devfn(1, 0), devfn(3, 0)]);
        let three = shared(0, devfn(3, 0)).with_aliases(&[devfn(1, 0)]);
        if left_out {
            [one.left_out(), two.left_out(), three.left_out()]
        } else {
            [one, two, three]
        }
    };
    check(&circle(false), &[0, 0, 0]);
    check(&circle(true), &[-1, -1, -1]);
}

/// Every function of a full bus is an alias of every other one.
#[test]
fn a_bus_full_of_aliases() {
    let all = |takes_part: bool| -> Vec<_> {
        let numbers = (0..=u8::MAX).map(|number| Function {
            dma_aliases: DevfnSet::ALL,
            takes_part: takes_part || number == u8::MAX,
            ..shared(9, number)
        });
        numbers.collect()
    };
    check(&all(true), &[0; 256]);
    let mut expected = [-1; 256];
    expected[255] = 0;
    check(&all(false), &expected);
}

#[test]
fn who_is_left_out_has_no_group_and_hands_none_on() {
    let first = shared(0, devfn(2, 0));
    check(
        &[
            first.left_out(),
            shared(0, devfn(2, 1)),
            shared(0, devfn(2, 2)),
        ],
        &[-1, 0, 0],
    );
    let below = |port: Function| {
        [
            port,
            endpoint(1, devfn(0, 0)).behind(0),
            endpoint(1, devfn(1, 0)).behind(0),
        ]
    };
    check(&below(open_port().left_out()), &[-1, 0, 1]);
    check(&below(open_port()), &[0, 0, 0]);
}

/// Behind a bridge in no group, the search continues with the functions on the bridge's bus.
#[test]
fn the_search_goes_on_from_the_bridge() {
    let machine = |isolated: bool| {
        let other = Function {
            isolated,
            ..shared(0, devfn(1, 1))
        };
        let bridge = Function {
            multifunction: true,
            ..open_port()
        };
        [bridge.left_out(), other, endpoint(1, 0).behind(0)]
    };
    check(&machine(false), &[-1, 0, 0]);
    check(&machine(true), &[-1, 0, 1]);
}

/// The functions behind a VMD are in the group of the VMD.
#[test]
fn another_function_stands_for_it() {
    let volume = endpoint(0, devfn(0xe, 0));
    let behind = |dma_device: Option<u32>| {
        let port = Function {
            domain: 0x10000,
            dma_device,
            ..port(0xe0, 0, RootPort, true)
        };
        let disk = Function {
            domain: 0x10000,
            dma_device,
            ..endpoint(0xe1, 0)
        };
        [volume, port, disk.behind(1)]
    };
    check(&behind(Some(0)), &[0, 0, 0]);
    check(&behind(None), &[0, 1, 2]);
}

/// A virtual function comes last and has no multi-function bit, so no search finds it.
#[test]
fn virtual_functions_are_on_their_own() {
    let physical = shared(1, 0).behind(0);
    let single = Function {
        multifunction: false,
        isolated: true,
        ..shared(1, 1)
    };
    check(&[isolated_port(), physical, single.behind(0)], &[0, 1, 2]);
    check(
        &[isolated_port(), physical, shared(1, 1).behind(0)],
        &[0, 1, 1],
    );
    // On a bus without a bridge of its own they are below the same port.
    let elsewhere = endpoint(2, 0).behind(0);
    check(&[isolated_port(), physical, elsewhere], &[0, 1, 2]);
    check(&[open_port(), physical, elsewhere], &[0, 0, 0]);
}

#[test]
fn depth_costs_nothing() {
    let deep = |isolated: bool| -> Vec<_> {
        let ports = (0..255_u8).map(|bus| Function {
            above: bus.checked_sub(1).map(u32::from),
            ..port(bus, 0, DownstreamPort, isolated)
        });
        ports.chain([endpoint(255, 0).behind(254)]).collect()
    };
    check(&deep(false), &[0; 256]);
    check(&deep(true), &(0..256).collect::<Vec<_>>());
}

#[test]
fn what_no_machine_has_is_refused() {
    let first = endpoint(0, devfn(1, 0));
    refused(
        &[first, first],
        Fault::SameAddress {
            function: 0,
            other: 1,
        },
    );
    refused(&[first.behind(0)], Fault::Order { function: 0 });
    refused(&[first.behind(7)], Fault::Order { function: 0 });
    let later = Function {
        dma_device: Some(1),
        ..first
    };
    refused(&[later, endpoint(0, 0)], Fault::Order { function: 0 });
    let two = [open_port(), endpoint(1, 0).behind(0), endpoint(1, 1)];
    refused(
        &two,
        Fault::SameBus {
            function: 1,
            other: 2,
        },
    );
    // The same address in another domain is another function.
    check(&[first, Function { domain: 1, ..first }], &[0, 1]);
}

#[test]
fn slices_of_different_lengths_are_refused() {
    let functions = [endpoint(0, 0), endpoint(0, 8)];
    for lengths in [
        [1, 2, 2],
        [3, 2, 2],
        [2, 1, 2],
        [2, 3, 2],
        [2, 2, 1],
        [2, 2, 3],
    ] {
        let [work, order, groups] = lengths;
        let mut work = vec![Scratch::default(); work];
        let (mut order, mut groups) = (vec![0; order], vec![None; groups]);
        let release = Release::LINUX_7_3;
        let found = model::assign(&release, &functions, &mut work, &mut order, &mut groups);
        assert_eq!(found, Err(Fault::Sizes), "{lengths:?}");
    }
}

#[test]
fn a_fault_says_what_is_wrong() {
    for (fault, text) in [
        (
            Fault::Sizes,
            "too many functions, or slices of different lengths",
        ),
        (
            Fault::Order { function: 3 },
            "function 3 comes before one that it is behind",
        ),
        (
            Fault::SameAddress {
                function: 1,
                other: 2,
            },
            "functions 1 and 2 have the same address",
        ),
        (
            Fault::SameBus {
                function: 1,
                other: 2,
            },
            "functions 1 and 2 are on one bus below different bridges",
        ),
    ] {
        assert_eq!(fault.to_string(), text);
    }
}

/// `assign` returns the number of groups.
#[test]
fn groups_are_counted() {
    let functions = [
        endpoint(0, 0),
        endpoint(0, 8).left_out(),
        shared(0, 16),
        shared(0, 17),
    ];
    let mut work = [Scratch::default(); 4];
    let (mut order, mut groups) = ([0; 4], [None; 4]);
    let release = Release::LINUX_7_3;
    let count = model::assign(&release, &functions, &mut work, &mut order, &mut groups);
    assert_eq!(count, Ok(2));
    assert_eq!(groups, [Some(0), None, Some(1), Some(1)]);
}

/// Compared with the set of the standard library.
#[test]
fn a_set_of_numbers_is_one() {
    assert!(DevfnSet::EMPTY.is_empty());
    assert!(!DevfnSet::ALL.is_empty());
    let numbers = [0, 1, 63, 64, 127, 128, 192, 255];
    for chosen in 0..1_u16 << numbers.len() {
        let is_chosen = |(at, _): &(usize, u8)| (chosen >> at) & 1 == 1;
        let chosen = numbers.into_iter().enumerate().filter(is_chosen);
        let expected: BTreeSet<u8> = chosen.map(|(_, number)| number).collect();
        let found: DevfnSet = expected.iter().copied().collect();
        assert_eq!(found.is_empty(), expected.is_empty(), "{expected:?}");
        let contained = (0..=u8::MAX).filter(|&number| found.contains(number));
        assert!(contained.eq(expected.iter().copied()), "{expected:?}");
        for from in [0, 1, 2, 63, 64, 65, 128, 255, 256] {
            let first = expected.iter().find(|&&number| u16::from(number) >= from);
            assert_eq!(
                found.first_from(from),
                first.copied(),
                "{from} {expected:?}"
            );
        }
        let rest: BTreeSet<u8> = (0..=u8::MAX).filter(|it| !expected.contains(it)).collect();
        let rest: DevfnSet = rest.into_iter().collect();
        assert_eq!(DevfnSet::ALL.without(&found), rest, "{expected:?}");
    }
}
