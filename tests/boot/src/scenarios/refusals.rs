// SPDX-License-Identifier: GPL-2.0-only

//! Reasons for which an entry does not count. Each device that must stay together has a counterpart
//! that the same module splits.

use super::hardware::{ACS, WITH_STRANGER, emulated, external_facing, first, pair, second, two};
use crate::{
    function::Function,
    machine::{GuestHardware, Model},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{
            Counted, Groups, Load, Logged, LoggedTimes, NotCounted, Readd, ReaddAt, Run, Silence,
        },
    },
};

pub(super) const ALL: &[Scenario] = &[
    NOT_COVERED,
    NOT_ANSWERING,
    SOME_FLAGS,
    OWN_ACS,
    IN_TREE,
    CATCH_ALL,
    EXTERNAL_FACING,
];

/// Each device is in one group.
const BOTH_TOGETHER: Expected = &[&["01:00.0", "01:00.1"], &["02:00.0", "02:00.1"]];
/// 01:00 is in one group, 02:00 is split.
const SECOND_SPLIT: Expected = &[&["01:00.0", "01:00.1"], &["02:00.0"], &["02:00.1"]];

/// Trust rule `whole`: a function that the entry does not cover keeps the device together. It is
/// the last function, so that the kernel has not found it yet when it groups the others.
const NOT_COVERED: Scenario = Scenario {
    name: "not-covered",
    machine: WITH_STRANGER,
    steps: &[
        Groups(&[&["01:00.0", "01:00.1", "01:00.2"], &["02:00.0", "02:00.1"]]),
        Load("acs_quirks_test"),
        Readd,
        Groups(&[
            &["01:00.0", "01:00.1", "01:00.2"],
            &["02:00.0"],
            &["02:00.1"],
        ]),
        Counted(1, "whole"),
        LoggedTimes(
            1,
            "01:00.0: acs_quirks: entry 1 (test/adapter) does not count: the entry does not cover 00.2 [1234:0bad]",
        ),
    ],
    limit: LIMIT,
};

/// Trust rule `whole`: a function that the kernel has on record counts even while it does not
/// answer. The third function is not covered and stops answering before the others are rescanned.
/// The second device lacks such a function.
const NOT_ANSWERING: Scenario = Scenario {
    name: "not-answering",
    machine: WITH_STRANGER,
    steps: &[
        Load("acs_quirks_test"),
        Silence(0, 2),
        Run(
            "test $(head -c 2 /sys/bus/pci/devices/0000:01:00.2/config | hexdump -v -e '/2 \"%04x\"') = ffff",
        ),
        ReaddAt("01:00.[01]"),
        ReaddAt("02:00"),
        Groups(&[
            &["01:00.0", "01:00.1", "01:00.2"],
            &["02:00.0"],
            &["02:00.1"],
        ]),
        Logged(
            "01:00.0: acs_quirks: entry 1 (test/adapter) does not count: configuration space of 00.2 cannot be read",
        ),
    ],
    limit: LIMIT,
};

/// Trust rule `additive`: an entry that grants only some of the flags asked for grants nothing.
const SOME_FLAGS: Scenario = Scenario {
    name: "some-flags",
    machine: two(&[first(&pair(0x1234, 0x0a01)), second(&pair(0x1077, 0x8030))]),
    steps: &[
        Groups(BOTH_TOGETHER),
        Load("acs_quirks_test"),
        Readd,
        Groups(SECOND_SPLIT),
        Counted(3, "flags"),
        NotCounted(3, "granted"),
        LoggedTimes(
            1,
            "01:00.0: acs_quirks: entry 3 (test/some-flags) does not count: the entry does not grant all of SV RR CR UF",
        ),
    ],
    limit: LIMIT,
};

/// Trust rule `additive`: the registers of a function with an ACS capability decide, not an entry.
/// If ACS cannot be enabled, no other function beside it counts as isolated. The second device has
/// the same ids and no ACS capability.
const OWN_ACS: Scenario = Scenario {
    name: "own-acs",
    machine: two(&[
        first(&[STUCK_ACS, emulated(0x1234, 0x0a02, 0x02_0000)]),
        second(&pair(0x1234, 0x0a02)),
    ]),
    steps: &[
        Groups(BOTH_TOGETHER),
        Load("acs_quirks_test"),
        Readd,
        Groups(SECOND_SPLIT),
        Counted(5, "own-acs"),
        LoggedTimes(
            1,
            "01:00.1: acs_quirks: entry 5 (test/own-acs) does not count: 00.0 of the same device has an ACS capability",
        ),
    ],
    limit: LIMIT,
};

const STUCK_ACS: Model = Model::Emulated(
    Function::new(0x1234, 0x0a02, 0x02_0000)
        .with_acs(ACS)
        .stuck(),
);
const WORKING_ACS: Model = Model::Emulated(Function::new(0x1234, 0x0a02, 0x02_0000).with_acs(ACS));

/// Trust rule `kernel-first`: the module does not change the groups of devices that the kernel
/// itself considers isolated, by their ACS capability or by an in-tree quirk.
const IN_TREE: Scenario = Scenario {
    name: "in-tree",
    machine: two(&[first(&[WORKING_ACS, WORKING_ACS]), second(&[IGB_0, IGB_1])]),
    steps: &[
        Groups(APART),
        Readd,
        Groups(APART),
        Load("acs_quirks_test"),
        Readd,
        Groups(APART),
        Counted(5, "own-acs"),
        NotCounted(5, "granted"),
        Counted(4, "kernel-verdict"),
        NotCounted(4, "granted"),
    ],
    limit: LIMIT,
};

const APART: Expected = &[&["01:00.0"], &["01:00.1"], &["02:00.0"], &["02:00.1"]];
/// By default, the function's ARI capability names function 0 as the next.
const IGB_0: Model = Model::Stock("igb,romfile=,x-pcie-ari-nextfn-1=on");
const IGB_1: Model = Model::Stock("igb,romfile=");

/// Trust rule `kernel-first`: the 0 of an in-tree catch-all handler is final unless an entry
/// supersedes that handler for the id. The two devices differ only in the device id.
const CATCH_ALL: Scenario = Scenario {
    name: "catch-all",
    machine: two(&[first(&pair(0x8088, 0x0a04)), second(&pair(0x8088, 0x0a03))]),
    steps: &[
        Groups(BOTH_TOGETHER),
        Load("acs_quirks_test"),
        Readd,
        Groups(SECOND_SPLIT),
        Counted(8, "granted"),
        NotCounted(8, "kernel-verdict"),
    ],
    limit: LIMIT,
};

/// Trust rule `closed`: an entry makes no claim below a port that the firmware marks as
/// external-facing. The two devices differ only in the port.
const EXTERNAL_FACING: Scenario = Scenario {
    name: "external-facing",
    machine: GuestHardware {
        acpi: Some(external_facing!("S80")),
        ..two(&[first(&pair(0x1077, 0x8030)), second(&pair(0x1077, 0x8030))])
    },
    steps: &[
        Groups(BOTH_TOGETHER),
        Load("acs_quirks_test"),
        Readd,
        Groups(SECOND_SPLIT),
        Counted(1, "exposed"),
        Logged("01:00.0: acs_quirks: entry 1 (test/adapter) does not count: it is untrusted"),
    ],
    limit: LIMIT,
};
