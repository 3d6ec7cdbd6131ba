// SPDX-License-Identifier: GPL-2.0-only

//! Machines made by hand, grouped by the kernel and by the model, without a hook and with each
//! edition. Each machine has a control, which differs only in one property and in its groups.

use crate::{
    hardware::{
        DOWNSTREAM_PORT,
        EVENT_COLLECTOR,
        ISOLATING,
        LEGACY_ENDPOINT,
        PCIE_BRIDGE,
        PCI_BRIDGE,
        RC_ENDPOINT,
        ROOT_PORT,
        UPSTREAM_PORT, //
    },
    synthetic::description::{
        Function,
        Traits, //
    }, //
};

/// A machine, and its groups.
pub(crate) struct Topology {
    pub(crate) what: &'static str,
    pub(crate) functions: &'static [Function],
    /// The group of each function. Groups are numbered in the order in which they appear; see
    /// `groups.rs`.
    pub(crate) groups: &'static [i32],
    /// The groups with the test edition, if they differ.
    pub(crate) with_test: Option<&'static [i32]>,
}

const fn same(
    what: &'static str,
    functions: &'static [Function],
    groups: &'static [i32],
) -> Topology {
    Topology {
        what,
        functions,
        groups,
        with_test: None,
    }
}

const fn other(
    what: &'static str,
    functions: &'static [Function],
    groups: &'static [i32],
    with_test: &'static [i32],
) -> Topology {
    Topology {
        what,
        functions,
        groups,
        with_test: Some(with_test),
    }
}

/// No quirk and no entry matches these ids.
const PLAIN: (u16, u16) = (0x1234, 0x0001);
/// Ids of the adapter: network, Fibre Channel over Ethernet, iSCSI.
const NETWORK: (u16, u16) = (0x1077, 0x8030);
const STORAGE: (u16, u16) = (0x1077, 0x8031);
const ISCSI: (u16, u16) = (0x1077, 0x8032);

/// A function of the adapter at 82:00.
const fn adapter(number: u8, ids: (u16, u16)) -> Function {
    Function::mate(0x82, 0, number, ids)
}

const PORT_82: Function = Function::root_port(0x80, 2, 0x82);
const OPEN_82: Function = Function::port(0x80, 2, ROOT_PORT, 0x82, 0x82);
const PORT: Function = Function::root_port(0, 1, 1);
const OPEN: Function = Function::port(0, 1, ROOT_PORT, 1, 1);

const fn single(bus: u8, slot: u8) -> Function {
    Function::endpoint(bus, slot, 0, PLAIN)
}

const fn mate(bus: u8, slot: u8, number: u8) -> Function {
    Function::mate(bus, slot, number, PLAIN)
}

/// A port without ACS that is a function of a multi-function device.
const fn mate_port(bus: u8, slot: u8, number: u8, kind: u8, secondary: u8) -> Function {
    mate(bus, slot, number)
        .kind(kind)
        .bridge(secondary, secondary)
}

/// The six-function adapter, and properties that prevent the claim of its entry.
pub(crate) const ADAPTER: &[Topology] = &[
    other(
        "the adapter",
        &[
            PORT_82,
            adapter(0, NETWORK),
            adapter(1, NETWORK),
            adapter(2, STORAGE),
            adapter(3, STORAGE),
            adapter(4, ISCSI),
            adapter(5, ISCSI),
        ],
        &[0, 1, 1, 1, 1, 1, 1],
        &[0, 1, 2, 3, 4, 5, 6],
    ),
    same(
        "below a port that does not isolate",
        &[OPEN_82, adapter(0, NETWORK), adapter(1, NETWORK)],
        &[0, 0, 0],
    ),
    same(
        "below a port that faces outside",
        &[
            PORT_82.with(Traits::EXTERNAL_FACING),
            adapter(0, NETWORK),
            adapter(1, NETWORK),
        ],
        &[0, 1, 1],
    ),
    same(
        "with a function that the entry does not cover",
        &[
            PORT_82,
            adapter(0, NETWORK),
            adapter(1, NETWORK),
            adapter(2, PLAIN),
        ],
        &[0, 1, 1, 1],
    ),
    same(
        "with such a function that was removed and is still in its slot",
        &[
            PORT_82,
            adapter(0, NETWORK),
            adapter(1, NETWORK),
            adapter(2, PLAIN).with(Traits::REMOVED),
        ],
        &[0, 1, 1, -2],
    ),
    other(
        "with one of its own that was removed",
        &[
            PORT_82,
            adapter(0, NETWORK),
            adapter(1, NETWORK),
            adapter(2, STORAGE).with(Traits::REMOVED),
        ],
        &[0, 1, 1, -2],
        &[0, 1, 2, -2],
    ),
    other(
        "with a stranger in another slot",
        &[adapter(0, NETWORK), adapter(1, NETWORK), single(0x82, 1)],
        &[0, 0, 1],
        &[0, 1, 2],
    ),
    // The kernel treats every function above 0 as one of several, regardless of its header.
    other(
        "with the multi-function bit in function 0 alone",
        &[
            PORT_82,
            adapter(0, NETWORK),
            Function::endpoint(0x82, 0, 1, NETWORK),
            Function::endpoint(0x82, 0, 2, NETWORK),
        ],
        &[0, 1, 1, 1],
        &[0, 1, 2, 3],
    ),
    same(
        "with an ACS capability in which nothing is on",
        &[
            PORT_82,
            adapter(0, NETWORK).acs(ISOLATING, 0),
            adapter(1, NETWORK).acs(ISOLATING, 0),
        ],
        &[0, 1, 1],
    ),
    same(
        "with an ACS capability in which all is on",
        &[
            PORT_82,
            adapter(0, NETWORK).isolating(),
            adapter(1, NETWORK).isolating(),
        ],
        &[0, 1, 2],
    ),
    // An isolated function does not split the others.
    same(
        "with an ACS capability in one function",
        &[
            PORT_82,
            adapter(0, NETWORK),
            adapter(1, NETWORK).isolating(),
            adapter(2, NETWORK),
        ],
        &[0, 1, 2, 1],
    ),
    same(
        "as conventional functions",
        &[
            PORT_82,
            adapter(0, NETWORK).conventional(),
            adapter(1, NETWORK).conventional(),
        ],
        &[0, 1, 1],
    ),
    same(
        "as integrated endpoints, which its entry is not for",
        &[
            adapter(0, NETWORK).kind(RC_ENDPOINT),
            adapter(1, NETWORK).kind(RC_ENDPOINT),
        ],
        &[0, 0],
    ),
    other(
        "as legacy endpoints",
        &[
            PORT_82,
            adapter(0, NETWORK).kind(LEGACY_ENDPOINT),
            adapter(1, NETWORK).kind(LEGACY_ENDPOINT),
        ],
        &[0, 1, 1],
        &[0, 1, 2],
    ),
    same(
        "with an event collector",
        &[
            PORT_82,
            adapter(0, NETWORK),
            adapter(1, NETWORK),
            adapter(2, NETWORK).kind(EVENT_COLLECTOR),
        ],
        &[0, 1, 1, 1],
    ),
    other(
        "numbered by ARI, beyond the first eight",
        &[
            PORT_82.with(Traits::ARI_FORWARDING),
            adapter(0, NETWORK).ari(1),
            adapter(1, NETWORK).ari(8),
            Function::mate(0x82, 1, 0, NETWORK).ari(9),
            Function::mate(0x82, 1, 1, NETWORK).ari(0),
        ],
        &[0, 1, 1, 2, 2],
        &[0, 1, 2, 3, 4],
    ),
    same(
        "numbered by ARI, with a stranger beyond the first eight",
        &[
            PORT_82.with(Traits::ARI_FORWARDING),
            adapter(0, NETWORK).ari(1),
            adapter(1, NETWORK).ari(8),
            Function::mate(0x82, 1, 0, PLAIN).ari(0),
        ],
        &[0, 1, 1, 2],
    ),
    same(
        "behind a bridge to conventional PCI: it counts as the bridge, whatever is claimed",
        &[
            Function::port(0x80, 2, ROOT_PORT, 0x81, 0x82).isolating(),
            Function::port(0x81, 0, PCI_BRIDGE, 0x82, 0x82),
            adapter(0, NETWORK),
            adapter(1, NETWORK),
        ],
        &[0, 1, 1, 1],
    ),
];

/// The kernel's search on the path from a function to the root.
pub(crate) const UPWARD: &[Topology] = &[
    same("a function alone", &[single(0, 1)], &[0]),
    same("below an isolating port", &[PORT, single(1, 0)], &[0, 1]),
    same("below one that is not", &[OPEN, single(1, 0)], &[0, 0]),
    same(
        "a switch",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 4).isolating(),
            Function::port(1, 0, UPSTREAM_PORT, 2, 4),
            Function::port(2, 0, DOWNSTREAM_PORT, 3, 3).isolating(),
            Function::port(2, 1, DOWNSTREAM_PORT, 4, 4).isolating(),
            single(3, 0),
            single(4, 0),
        ],
        &[0, 1, 2, 3, 4, 5],
    ),
    same(
        "a switch of which one port does not isolate",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 4).isolating(),
            Function::port(1, 0, UPSTREAM_PORT, 2, 4),
            Function::port(2, 0, DOWNSTREAM_PORT, 3, 3),
            Function::port(2, 1, DOWNSTREAM_PORT, 4, 4).isolating(),
            single(3, 0),
            single(4, 0),
        ],
        &[0, 1, 2, 3, 2, 4],
    ),
    same(
        "a switch below a port that does not isolate",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 3),
            Function::port(1, 0, UPSTREAM_PORT, 2, 3),
            Function::port(2, 0, DOWNSTREAM_PORT, 3, 3).isolating(),
            single(3, 0),
        ],
        &[0, 0, 0, 0],
    ),
    other(
        "switch ports of one slot that an entry covers",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 4).isolating(),
            Function::port(1, 0, UPSTREAM_PORT, 2, 4),
            mate_port(2, 0, 0, DOWNSTREAM_PORT, 3).ids((0x104c, 0x8233)),
            mate_port(2, 0, 1, DOWNSTREAM_PORT, 4).ids((0x104c, 0x8233)),
            single(3, 0),
            single(4, 0),
        ],
        &[0, 1, 2, 2, 2, 2],
        &[0, 1, 2, 3, 4, 5],
    ),
    other(
        "root ports of one slot that an entry covers",
        &[
            mate_port(0, 1, 0, ROOT_PORT, 1).ids((0x8086, 0x3420)),
            mate_port(0, 1, 1, ROOT_PORT, 2).ids((0x8086, 0x3420)),
            single(1, 0),
            single(2, 0),
        ],
        &[0, 0, 0, 0],
        &[0, 1, 2, 3],
    ),
    same(
        "root ports of one slot, of which one isolates",
        &[
            mate_port(0, 1, 0, ROOT_PORT, 1),
            mate_port(0, 1, 1, ROOT_PORT, 2).isolating(),
            single(1, 0),
            single(2, 0),
        ],
        &[0, 1, 0, 2],
    ),
    // The kernel corrects impossible port types, and gets these wrong.
    same(
        "a switch whose ports claim to be each other",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 3).isolating(),
            Function::port(1, 0, DOWNSTREAM_PORT, 2, 3).isolating(),
            Function::port(2, 0, UPSTREAM_PORT, 3, 3),
            single(3, 0),
        ],
        &[0, 1, 2, 3],
    ),
    same(
        "a port that takes no part: what is below has no group to join",
        &[OPEN.left_out(), mate(1, 0, 0), mate(1, 0, 1)],
        &[-1, 0, 1],
    ),
    same(
        "ports of one slot, of which one takes no part",
        &[
            mate_port(0, 1, 0, ROOT_PORT, 1).left_out(),
            mate_port(0, 1, 1, ROOT_PORT, 2),
            single(1, 0),
        ],
        &[-1, 0, 0],
    ),
    same(
        "a bridge to conventional PCI",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 2).isolating(),
            Function::port(1, 0, PCI_BRIDGE, 2, 2),
            single(2, 0).conventional(),
            single(2, 1).conventional(),
        ],
        &[0, 1, 1, 1],
    ),
    same(
        "such a bridge that takes no part",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 2).isolating(),
            Function::port(1, 0, PCI_BRIDGE, 2, 2).left_out(),
            single(2, 0).conventional(),
            single(2, 1).conventional(),
        ],
        &[0, -1, 1, 2],
    ),
    same(
        "such a bridge that keeps requester ids and takes no part",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 2).isolating(),
            Function::port(1, 0, PCI_BRIDGE, 2, 2)
                .ids((0x1a03, 0x1150))
                .left_out(),
            single(2, 0).conventional(),
            single(2, 1).conventional(),
        ],
        &[0, -1, 1, 2],
    ),
    same(
        "a bridge of conventional PCI",
        &[
            Function::port(0, 1, Function::CONVENTIONAL, 1, 1),
            single(1, 0).conventional(),
            single(1, 1).conventional(),
        ],
        &[0, 0, 0],
    ),
    same(
        "a bridge without a capability below a port, which takes the number of its bus",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 2).isolating(),
            Function::port(1, 0, Function::CONVENTIONAL, 2, 2).ids((0x1b21, 0x1080)),
            single(2, 0).conventional(),
            single(2, 1).conventional(),
        ],
        &[0, 1, 1, 1],
    ),
    same(
        "the same, which takes no part",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 2).isolating(),
            Function::port(1, 0, Function::CONVENTIONAL, 2, 2)
                .ids((0x1b21, 0x1080))
                .left_out(),
            single(2, 0).conventional(),
            single(2, 1).conventional(),
        ],
        &[0, -1, 1, 2],
    ),
    same(
        "a bridge from conventional PCI",
        &[
            Function::port(0, 1, Function::CONVENTIONAL, 1, 2),
            Function::port(1, 0, PCIE_BRIDGE, 2, 2),
            single(2, 0),
        ],
        &[0, 0, 0],
    ),
    same(
        "such a bridge at a root bus, which takes no part",
        &[
            Function::port(0, 1, PCIE_BRIDGE, 1, 1).left_out(),
            single(1, 0),
        ],
        &[-1, 0],
    ),
    same(
        "a port at which the IOMMU is, below a bridge of conventional PCI",
        &[
            Function::port(0, 1, Function::CONVENTIONAL, 1, 2).isolating(),
            Function::port(1, 0, ROOT_PORT, 2, 2)
                .isolating()
                .ids((0x14e4, 0x9084)),
            single(2, 0),
        ],
        &[0, 0, 0],
    ),
    same(
        "a reserved type",
        &[mate(0, 1, 0).kind(0xf), mate(0, 1, 1).kind(0xf)],
        &[0, 1],
    ),
    same(
        "below a port of a reserved type",
        &[Function::port(0, 1, 0xe, 1, 1), single(1, 0)],
        &[0, 1],
    ),
    same(
        "what is behind a VMD is the VMD's",
        &[
            single(0, 14).left_out(),
            single(0, 15),
            Function::root_port(0, 0, 1).domain(1).behind(1),
            single(1, 0).domain(1).behind(1),
        ],
        &[-1, 0, 0, 0],
    ),
    same(
        "the same without a VMD",
        &[
            single(0, 15),
            Function::root_port(0, 0, 1).domain(1),
            single(1, 0).domain(1),
        ],
        &[0, 1, 2],
    ),
];

/// The kernel's search among the functions of one bus.
pub(crate) const ACROSS: &[Topology] = &[
    same(
        "one slot",
        &[PORT, mate(1, 0, 0), mate(1, 0, 1), mate(1, 0, 7)],
        &[0, 1, 1, 1],
    ),
    same("two slots", &[mate(0, 0, 0), mate(0, 1, 0)], &[0, 1]),
    same(
        "one slot, all isolated",
        &[PORT, mate(1, 0, 0).isolating(), mate(1, 0, 1).isolating()],
        &[0, 1, 2],
    ),
    // A flag missing in the capability counts as enabled, except for Egress Control.
    same(
        "capabilities that have nothing",
        &[PORT, mate(1, 0, 0).acs(0, 0), mate(1, 0, 1).acs(0, 0)],
        &[0, 1, 2],
    ),
    same(
        "one flag is off",
        &[
            PORT,
            mate(1, 0, 0).acs(ISOLATING, 0x19),
            mate(1, 0, 1).acs(ISOLATING, 0x19),
        ],
        &[0, 1, 1],
    ),
    same(
        "a switch whose source validation does not count",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 3).isolating(),
            Function::port(1, 0, UPSTREAM_PORT, 2, 3),
            Function::port(2, 0, DOWNSTREAM_PORT, 3, 3)
                .acs(ISOLATING, 0x1c)
                .ids((0x111d, 0x80b5)),
            single(3, 0),
        ],
        &[0, 1, 2, 3],
    ),
    same(
        "the same of another switch",
        &[
            Function::port(0, 1, ROOT_PORT, 1, 3).isolating(),
            Function::port(1, 0, UPSTREAM_PORT, 2, 3),
            Function::port(2, 0, DOWNSTREAM_PORT, 3, 3).acs(ISOLATING, 0x1c),
            single(3, 0),
        ],
        &[0, 1, 2, 2],
    ),
    same(
        "function 0 sends all requests",
        &[
            PORT,
            mate(1, 0, 0).isolating().ids((0x1180, 0xe832)),
            mate(1, 0, 1).isolating().ids((0x1180, 0xe832)),
        ],
        &[0, 1, 1],
    ),
    same(
        "function 1 sends all requests",
        &[
            PORT,
            mate(1, 0, 0).isolating().ids((0x1b4b, 0x9120)),
            mate(1, 0, 1).isolating(),
            mate(1, 0, 2).isolating(),
        ],
        &[0, 1, 1, 2],
    ),
    same(
        "function 1 sends all requests and is not there",
        &[
            PORT,
            mate(1, 0, 0).isolating().ids((0x1b4b, 0x9120)),
            mate(1, 0, 2).isolating().ids((0x1b4b, 0x9120)),
        ],
        &[0, 1, 2],
    ),
    same(
        "a hidden function in another slot",
        &[
            single(0, 0)
                .kind(RC_ENDPOINT)
                .ids((0x9005, 0x0285))
                .subsystem(0x9005, 0x02bb),
            single(0, 1).kind(RC_ENDPOINT),
            single(0, 2).kind(RC_ENDPOINT),
        ],
        &[0, 0, 1],
    ),
    same(
        "the same of another subsystem",
        &[
            single(0, 0)
                .kind(RC_ENDPOINT)
                .ids((0x9005, 0x0285))
                .subsystem(0x9005, 0x02bd),
            single(0, 1).kind(RC_ENDPOINT),
        ],
        &[0, 1],
    ),
    same(
        "three hidden functions",
        &[
            single(0, 0x00).ids((0x8086, 0x2260)),
            single(0, 0x10),
            single(0, 0x11),
            single(0, 0x12).multi(),
            mate(0, 0x12, 3).isolating(),
            single(0, 0x13),
        ],
        &[0, 0, 0, 1, 0, 2],
    ),
    same(
        "five functions of each slot",
        &[
            single(0, 0).ids((0x8086, 0x2954)),
            mate(0, 9, 0).isolating(),
            mate(0, 9, 4).isolating(),
            mate(0, 9, 5).isolating(),
        ],
        &[0, 0, 0, 1],
    ),
    same(
        "all functions of the bus",
        &[
            single(0, 3).ids((0x10b5, 0x87b0)),
            single(0, 1),
            single(0, 0x1f),
        ],
        &[0, 0, 0],
    ),
    // Two functions are aliases of a third one that takes no part in the grouping: the kernel's
    // search passes through it.
    same(
        "through one that takes no part",
        &[
            single(0, 1),
            single(0, 2).ids((0x10b5, 0x87b0)).left_out(),
            single(0, 3),
        ],
        &[0, -1, 0],
    ),
    same(
        "an alias brings its slot",
        &[
            mate(0, 1, 0).left_out(),
            mate(0, 1, 1),
            single(0, 0)
                .kind(RC_ENDPOINT)
                .ids((0x9005, 0x0285))
                .subsystem(0x9005, 0x02bb),
        ],
        &[-1, 0, 0],
    ),
    same(
        "an alias does not bring one that isolates",
        &[
            mate(0, 1, 0).left_out(),
            mate(0, 1, 1).isolating(),
            single(0, 0)
                .kind(RC_ENDPOINT)
                .ids((0x9005, 0x0285))
                .subsystem(0x9005, 0x02bb),
        ],
        &[-1, 0, 1],
    ),
    // Function 1 joins the first group that the search finds, and groups do not merge.
    same(
        "groups do not merge",
        &[
            mate(0, 1, 0),
            Function::endpoint(0, 1, 1, PLAIN)
                .isolating()
                .ids((0x1180, 0xe832)),
            mate(0, 1, 2),
        ],
        &[0, 0, 0],
    ),
    same(
        "the same slot in two domains",
        &[mate(0, 1, 0), mate(0, 1, 0).domain(1)],
        &[0, 1],
    ),
    same(
        "a slot that has lost its function 0",
        &[
            mate(0, 1, 0).with(Traits::REMOVED),
            mate(0, 1, 3),
            mate(0, 1, 5),
        ],
        &[-2, 0, 0],
    ),
];

mod suites {
    use kernel::prelude::*;

    use super::{
        Topology,
        ACROSS,
        ADAPTER,
        UPWARD, //
    };
    use crate::{
        edition,
        groups::check,
        TEST_EDITION, //
    };

    fn check_all(topologies: &[Topology]) -> Result {
        for topology in topologies {
            let expected = match topology.with_test {
                Some(groups) if edition() == TEST_EDITION => groups,
                _ => topology.groups,
            };
            check(topology.what, topology.functions, expected)?;
        }
        Ok(())
    }

    #[kunit_tests(acs_quirks_grouping_topologies)]
    mod suite {
        use super::*;

        #[test]
        fn the_adapter() -> Result {
            check_all(ADAPTER)
        }

        #[test]
        fn on_the_way_to_the_root() -> Result {
            check_all(UPWARD)
        }

        #[test]
        fn among_the_functions_of_a_bus() -> Result {
            check_all(ACROSS)
        }
    }
}
