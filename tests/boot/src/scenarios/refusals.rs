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
            Counted, Decided, Groups, Inject, Load, Logged, LoggedTimes, NotCounted, Readd,
            ReaddAt, Run, Says, Silence, Unload,
        },
    },
};

pub(super) const ALL: &[Scenario] = &[
    NOT_COVERED,
    OTHER_ENTRY,
    ALIAS_LATER,
    NOT_ANSWERING,
    SOME_FLAGS,
    OWN_ACS,
    IN_TREE,
    CATCH_ALL,
    EXTERNAL_FACING,
    MAINLINE,
    FAILED_LINK,
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
        Groups(THREE_TOGETHER),
        Counted(1, "whole"),
        LoggedTimes(
            1,
            "01:00.0: acs_quirks: entry 1 (test/adapter) does not count: the entry does not cover 00.2 [1234:0bad]",
        ),
    ],
    limit: LIMIT,
};

/// Trust rule `whole`: an entry does not cover the ids of another one. The second device lacks such a function.
const OTHER_ENTRY: Scenario = Scenario {
    name: "other-entry",
    machine: two(&[
        first(&[ADAPTER, ADAPTER, emulated(0x1234, 0x0a02, ETHERNET)]),
        second(&pair(0x1077, 0x8030)),
    ]),
    steps: &[
        Load("acs_quirks_test"),
        Readd,
        Groups(THREE_TOGETHER),
        Logged(
            "01:00.0: acs_quirks: entry 1 (test/adapter) does not count: the entry does not cover 00.2 [1234:0a02]",
        ),
    ],
    limit: LIMIT,
};

/// A function that sends under the requester ID of function 0, according to an alias quirk of the kernel. It is the
/// last function, so the kernel has not run that quirk yet when it groups the others, and the ids decide. The second
/// device lacks such a function.
const ALIAS_LATER: Scenario = Scenario {
    name: "alias-later",
    machine: two(&[
        first(&[ADAPTER, ADAPTER, emulated(0x1180, 0xe832, ETHERNET)]),
        second(&pair(0x1077, 0x8030)),
    ]),
    steps: &[
        Load("acs_quirks_test"),
        Readd,
        Groups(THREE_TOGETHER),
        Logged(
            "01:00.0: acs_quirks: entry 1 (test/adapter) does not count: requests go in or out under the requester ID of another function (00.2)",
        ),
    ],
    limit: LIMIT,
};

const ETHERNET: u32 = 0x02_0000;
const ADAPTER: Model = emulated(0x1077, 0x8030, ETHERNET);
/// The three functions of 01:00 are in one group, 02:00 is split.
const THREE_TOGETHER: Expected = &[
    &["01:00.0", "01:00.1", "01:00.2"],
    &["02:00.0"],
    &["02:00.1"],
];

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
        Groups(THREE_TOGETHER),
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
        Decided(
            "0000:01:00.1 latest 5 refused whole: 00.0 of the same device has an ACS capability",
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

/// Trust rule `kernel-first`: an entry that mainline has merged makes no claim since that release. The kernel splits
/// the device itself. An entry that mainline lacks splits the second device, in the same kernel.
const MAINLINE: Scenario = Scenario {
    name: "mainline",
    machine: two(&[first(&pair(0x14e4, 0x16d7)), second(&pair(0x1077, 0x8030))]),
    steps: &[
        Groups(FIRST_SPLIT),
        Load("acs_quirks"),
        Readd,
        Groups(FIRST_SPLIT),
        Run("grep '^39 .* granted=0 .* mainline=[1-9]' /sys/kernel/debug/acs_quirks/counts"),
        Says(
            "cat /sys/kernel/debug/acs_quirks/decisions",
            "0000:01:00.0 latest 39 refused mainline: mainline decides on this entry since Linux 5.13",
        ),
        Unload("acs_quirks"),
        Load("acs_quirks_test"),
        Readd,
        Groups(APART),
        Counted(1, "granted"),
    ],
    limit: LIMIT,
};

const FIRST_SPLIT: Expected = &[&["01:00.0"], &["01:00.1"], &["02:00.0", "02:00.1"]];

/// Trust rule `closed`: an entry makes no claim about a function whose link has failed. After a fatal error of the port
/// above, the kernel cannot recover functions without a driver. They still answer. When one of them is added again, the
/// module decides on the other. The port of the second device reports no error.
const FAILED_LINK: Scenario = Scenario {
    name: "failed-link",
    machine: two(&[first(&pair(0x1077, 0x8030)), second(&pair(0x1077, 0x8030))]),
    steps: &[
        Load("acs_quirks_test"),
        Readd,
        Groups(APART),
        Inject("port1", "DLP"),
        Run(
            "n=0; until dmesg | grep 'device recovery failed' || [ $n = 50 ]; do usleep 100000; n=$((n+1)); done; \
             test $n -lt 50",
        ),
        ReaddAt("01:00.1"),
        ReaddAt("02:00.1"),
        Logged(
            "01:00.1: acs_quirks: entry 1 (test/adapter) does not count for 0000:01:00.0 any more: its link has failed or it is gone",
        ),
        Decided("0000:01:00.0 latest 1 refused gone: its link has failed or it is gone"),
        LoggedTimes(0, "does not count for 0000:02:00.0"),
        Decided("0000:02:00.0 latest 1 granted"),
        // A function that is added again is sound.
        Readd,
        Decided("0000:01:00.0 latest 1 granted"),
        Groups(APART),
    ],
    limit: LIMIT,
};
