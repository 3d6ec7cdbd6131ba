// SPDX-License-Identifier: GPL-2.0-only

//! An entry splits a device.

use super::hardware::{ADAPTER_MACHINE, ONE_GROUP, SIX_GROUPS, device, first, pair, second, two};
use crate::{
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{Counted, Groups, Load, Logged, LoggedTimes, Readd, Refuses, Run, Says, Unload},
    },
};

pub(super) const ALL: &[Scenario] = &[SPLIT, WITHDRAWN, WITHDRAWN_TWICE, INTEGRATED];
/// Tests for IOMMUs behind which QEMU refuses emulated functions.
pub(super) const STOCK: &[Scenario] = &[CARDS.on(Iommu::SmmuV3)];

/// The main case: the split needs both the entry and the rescan, and ends with the module.
const SPLIT: Scenario = Scenario {
    name: "split",
    machine: ADAPTER_MACHINE,
    steps: &[
        Groups(ONE_GROUP),
        Readd,
        Groups(ONE_GROUP),
        // `acs_quirks` has no entry for the device.
        Load("acs_quirks"),
        Readd,
        Groups(ONE_GROUP),
        Unload("acs_quirks"),
        // `acs_quirks_test` has an entry for the device.
        Load("acs_quirks_test"),
        Says(
            "cat /sys/kernel/debug/acs_quirks_test/hook",
            "state: effective",
        ),
        Groups(ONE_GROUP),
        Readd,
        Groups(SIX_GROUPS),
        Counted(1, "granted"),
        LoggedTimes(6, "isolated by entry 1 (test/adapter)"),
        // The module logs each function once per discovery, and not once per question.
        Run(
            "acsctl groups >/dev/null; for n in 1 2 3; do cat /sys/kernel/debug/acs_quirks_test/hook; done",
        ),
        LoggedTimes(6, "isolated by entry 1 (test/adapter)"),
        Readd,
        Groups(SIX_GROUPS),
        LoggedTimes(12, "isolated by entry 1 (test/adapter)"),
        Unload("acs_quirks_test"),
        Groups(SIX_GROUPS),
        Readd,
        Groups(ONE_GROUP),
    ],
    limit: LIMIT,
};

/// A withdrawn entry makes no claim. The other entries do.
const WITHDRAWN: Scenario = Scenario {
    name: "withdrawn",
    machine: ADAPTER_MACHINE,
    steps: &[
        Load("acs_quirks_test withdraw=3,1"),
        Readd,
        Groups(ONE_GROUP),
        Counted(1, "withdrawn"),
        Says("cat /sys/module/acs_quirks_test/parameters/withdraw", "1,3"),
        Unload("acs_quirks_test"),
        Load("acs_quirks_test withdraw=all"),
        Readd,
        Groups(ONE_GROUP),
        Unload("acs_quirks_test"),
        Load("acs_quirks_test withdraw=3"),
        Readd,
        Groups(SIX_GROUPS),
    ],
    limit: LIMIT,
};

/// Values of `withdraw` from several places add up: two files of options, the kernel's command line
/// (modprobe adds it to the options) and the arguments. The control has only one of the values,
/// which leaves the adapter's entry in effect.
const WITHDRAWN_TWICE: Scenario = Scenario {
    name: "withdrawn-twice",
    machine: ADAPTER_MACHINE,
    steps: &[
        Run(
            "mkdir -p /etc/modprobe.d; echo 'options acs_quirks_test withdraw=3' >/etc/modprobe.d/b.conf",
        ),
        Load("acs_quirks_test"),
        Logged("withdrawn 1, hook"),
        Readd,
        Groups(SIX_GROUPS),
        Unload("acs_quirks_test"),
        Run("echo 'options acs_quirks_test withdraw=1' >/etc/modprobe.d/a.conf"),
        Load("acs_quirks_test"),
        Logged("withdrawn 2, hook"),
        Says("cat /sys/module/acs_quirks_test/parameters/withdraw", "1,3"),
        Readd,
        Groups(ONE_GROUP),
        Unload("acs_quirks_test"),
        Run("rm /etc/modprobe.d/a.conf"),
        Load("acs_quirks_test withdraw=1 withdraw=4"),
        Logged("withdrawn 3, hook"),
        Readd,
        Groups(ONE_GROUP),
        Unload("acs_quirks_test"),
        // One invalid value is enough for a refusal, at any position.
        Refuses(
            "acs_quirks_test withdraw=1 withdraw=none",
            "\"none\" is not an entry number",
        ),
        Refuses(
            "acs_quirks_test withdraw=none withdraw=1",
            "\"none\" is not an entry number",
        ),
        // A retired number withdraws nothing, and is not an error.
        Load("acs_quirks_test withdraw=9"),
        LoggedTimes(2, "withdrawn 1, hook"),
        Readd,
        Groups(SIX_GROUPS),
    ],
    limit: LIMIT,
};

/// Endpoints that are integrated into the root complex.
const INTEGRATED: Scenario = Scenario {
    name: "integrated",
    machine: GuestHardware {
        bridges: &[],
        devices: &[device("pcie.0", "00:15", &pair(0x1234, 0x0a05))],
        ..ADAPTER_MACHINE
    },
    steps: &[
        Groups(&[&["00:15.0", "00:15.1"]]),
        Load("acs_quirks_test withdraw=10"),
        Readd,
        Groups(&[&["00:15.0", "00:15.1"]]),
        Unload("acs_quirks_test"),
        Load("acs_quirks_test"),
        Readd,
        Groups(&[&["00:15.0"], &["00:15.1"]]),
        Counted(10, "granted"),
    ],
    limit: LIMIT,
};

/// A network card that QEMU emulates, with an entry, and a USB controller without one.
const NETWORK: Model = Model::Stock("e1000e,romfile=");
const USB: Model = Model::Stock("qemu-xhci");
const CARDS_TOGETHER: Expected = &[&["01:00.0", "01:00.1", "01:00.2"], &["02:00.0", "02:00.1"]];

/// Devices that QEMU emulates: those with an entry split, and the others never do.
const CARDS: Scenario = Scenario {
    name: "split-cards",
    machine: two(&[first(&[NETWORK, NETWORK, NETWORK]), second(&[USB, USB])]),
    steps: &[
        Groups(CARDS_TOGETHER),
        Load("acs_quirks"),
        Readd,
        Groups(CARDS_TOGETHER),
        Unload("acs_quirks"),
        Load("acs_quirks_test withdraw=2"),
        Readd,
        Groups(CARDS_TOGETHER),
        Unload("acs_quirks_test"),
        Load("acs_quirks_test"),
        Readd,
        Groups(&[
            &["01:00.0"],
            &["01:00.1"],
            &["01:00.2"],
            &["02:00.0", "02:00.1"],
        ]),
        Counted(2, "granted"),
        Unload("acs_quirks_test"),
        Readd,
        Groups(CARDS_TOGETHER),
    ],
    limit: LIMIT,
};
