// SPDX-License-Identifier: GPL-2.0-only

//! Groups that would become finer than the kernel makes them at boot, without an entry to justify
//! it. Such groups would be a security hole: two guests could get functions that can reach each
//! other.

use crate::{
    function::Function,
    machine::Model,
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{Ends, Groups, Load, ReaddAt, Run, Says, Unload},
    },
    scenarios::hardware::{ACS, emulated, first, second, two},
};

pub(super) const ALL: &[Scenario] = &[UNMARKED, ALIASES];

const ETHERNET: u32 = 0x02_0000;

pub(super) const STRANGERS: &[Model] = &[
    emulated(0x1234, 0x0bad, ETHERNET),
    Model::Unmarked(Function::new(0x1234, 0x0bad, ETHERNET)),
];
const COVERED: &[Model] = &[
    emulated(0x1077, 0x8030, ETHERNET),
    Model::Unmarked(Function::new(0x1077, 0x8030, ETHERNET)),
];
const STRANGERS_TOGETHER: Expected = &[&["01:00.0", "01:00.1"]];
const STRANGERS_APART: Expected = &[&["01:00.0"], &["01:00.1"]];
const COVERED_TOGETHER: Expected = &[&["02:00.0", "02:00.1"]];
const COVERED_APART: Expected = &[&["02:00.0"], &["02:00.1"]];

/// Functions above 0 without the multi-function bit in their header.
const UNMARKED: Scenario = Scenario {
    name: "regroup-trap",
    machine: two(&[first(STRANGERS), second(COVERED)]),
    steps: &[
        Groups(STRANGERS_TOGETHER),
        Groups(COVERED_TOGETHER),
        Says("acsctl regroup 01:00.0", "nothing to do"),
        // The control: a remove and rescan by hand splits them, without any module.
        ReaddAt("01:00"),
        Groups(STRANGERS_APART),
        Ends(
            1,
            "acsctl doctor",
            "0000:01:00.1 was added by a rescan or a hot-plug, and its header lacks the multi-function bit",
        ),
        Ends(
            1,
            "acsctl regroup 01:00.0",
            "the header of 0000:01:00.1 lacks the multi-function bit",
        ),
        Groups(STRANGERS_APART),
        Run(
            "test -e /sys/bus/pci/devices/0000:01:00.1 && test ! -e /run/acsctl/regroup-0000:01:00.0.json",
        ),
        // An entry vouches for these functions, so the groups are those of a boot with the entry.
        Load("acs_quirks_test"),
        Says("acsctl regroup 02:00.0", "regrouped, as predicted"),
        Groups(COVERED_APART),
        // Without the entry, only a reboot reverts them. The regroup changes nothing.
        Unload("acs_quirks_test"),
        Ends(
            1,
            "acsctl regroup 02:00.0",
            "the header of 0000:02:00.1 lacks the multi-function bit",
        ),
        Run("test -e /sys/bus/pci/devices/0000:02:00.1"),
    ],
    limit: LIMIT,
};

/// Two functions with ACS, and a third that uses the requester IDs of both according to a quirk of
/// the kernel (`quirk_pex_vca_alias()`).
pub(super) const ALIASED: &[Model] = &[
    Model::Emulated(Function::new(0x1234, 0x0bad, ETHERNET).with_acs(ACS)),
    Model::Emulated(Function::new(0x1234, 0x0bad, ETHERNET).with_acs(ACS)),
    emulated(0x8086, 0x2954, ETHERNET),
];

/// At boot, the kernel sees that the aliases of the third function tie the first two together. On a
/// rescan, it groups the two before it finds the third. A regroup changes nothing in that: it gives back the
/// groups that were there before, and says what is wrong with them. `regroup-withheld` has the case in which
/// only the regroup would make such groups.
const ALIASES: Scenario = Scenario {
    name: "regroup-aliases",
    machine: two(&[first(ALIASED), second(COVERED)]),
    steps: &[
        Groups(&[&["01:00.0", "01:00.1", "01:00.2"]]),
        Says("acsctl regroup 01:00.0", "nothing to do"),
        ReaddAt("01:00"),
        Groups(&[&["01:00.0", "01:00.2"], &["01:00.1"]]),
        Ends(
            1,
            "acsctl regroup 01:00.0",
            "they were so before the regroup: acsctl doctor shows why",
        ),
        Groups(&[&["01:00.0", "01:00.2"], &["01:00.1"]]),
        Run("test $(cat /sys/bus/pci/drivers_autoprobe) = 1"),
    ],
    limit: LIMIT,
};
