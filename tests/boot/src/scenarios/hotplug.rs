// SPDX-License-Identifier: GPL-2.0-only

//! Packages that are plugged in and out while the kernel runs.

use std::time::Duration;

use super::hardware::{ADAPTER_MACHINE, PORT_1, emulated, first, pair};
use crate::{
    function::Function,
    machine::{Device, GuestHardware, Model},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{
            self, Counted, Ends, Gone, Groups, HotAdd, HotRemove, Kill, Load, Pull, Repeat, Revive,
            Run, Says, Unload,
        },
    },
};

pub(super) const ALL: &[Scenario] = &[ACPI, NATIVE, UNMARKED, HELD, TORN_OUT, RELOADED];

const PAIR: &[Model] = &pair(0x1077, 0x8030);
const TOGETHER: Expected = &[&["01:00.0", "01:00.1"]];
const APART: Expected = &[&["01:00.0"], &["01:00.1"]];

/// A machine with a slot for these functions.
const fn slot(functions: &'static [Device<'static>; 1]) -> GuestHardware<'static> {
    GuestHardware {
        bridges: &[PORT_1],
        devices: functions,
        ..ADAPTER_MACHINE
    }
}

/// The package, not yet plugged in.
const fn unplugged(functions: &'static [Model<'static>]) -> Device<'static> {
    Device {
        plugged: false,
        ..first(functions)
    }
}

/// Without the module, module first, device first, and without again. Where the module is first, no
/// rescan takes place.
const CYCLE: &[Step] = &[
    // QEMU does not wake a port that sleeps when a device is plugged in. Kernels let ports sleep on
    // machines whose firmware is not from before 2015.
    Run("echo on >/sys/bus/pci/devices/0000:00:10.0/power/control"),
    HotAdd(0),
    Groups(TOGETHER),
    HotRemove(0),
    Load("acs_quirks_test"),
    HotAdd(0),
    Groups(APART),
    HotRemove(0),
    Unload("acs_quirks_test"),
    HotAdd(0),
    Groups(TOGETHER),
    Load("acs_quirks_test"),
    Groups(TOGETHER),
    Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
    Groups(APART),
    HotRemove(0),
    HotAdd(0),
    Groups(APART),
    Unload("acs_quirks_test"),
    Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
    Groups(TOGETHER),
];

pub(super) const ACPI: Scenario = Scenario {
    name: "hotplug-acpi",
    machine: slot(&[unplugged(PAIR)]),
    steps: CYCLE,
    limit: LIMIT,
};

/// A port lets a user take back within five seconds what the button was pressed for.
const NATIVE: Scenario = Scenario {
    name: "hotplug-native",
    machine: GuestHardware {
        native_hotplug: true,
        ..slot(&[unplugged(PAIR)])
    },
    steps: CYCLE,
    limit: Duration::from_secs(240),
};

/// Functions above 0 without the multi-function bit in their header come apart when they are plugged in,
/// with no module at all. The tools say so; and no entry is needed for what they say.
const UNMARKED: Scenario = Scenario {
    name: "hotplug-trap",
    machine: slot(&[unplugged(&[
        emulated(0x1234, 0x0bad, 0x02_0000),
        Model::Unmarked(Function::new(0x1234, 0x0bad, 0x02_0000)),
    ])]),
    steps: &[
        HotAdd(0),
        Groups(APART),
        Ends(
            1,
            "acsctl doctor",
            "0000:01:00.1 was found on a rescan or plugged in, and has not the multi-function bit",
        ),
        Ends(
            1,
            "acsctl regroup 01:00.0",
            "has not the multi-function bit",
        ),
        HotRemove(0),
        // The module changes nothing about it.
        Load("acs_quirks_test"),
        HotAdd(0),
        Groups(APART),
        Ends(
            1,
            "acsctl regroup 01:00.0",
            "has not the multi-function bit",
        ),
    ],
    limit: LIMIT,
};

/// Pulled out while VFIO holds a function: the kernel waits for the holder. A regroup meanwhile says who
/// that is, and does not wait along; when the function is free again, everything goes on.
const HELD: Scenario = Scenario {
    name: "hotplug-held",
    machine: slot(&[unplugged(PAIR)]),
    steps: &[
        HotAdd(0),
        Load("acs_quirks_test"),
        Run("to-vfio 01:00.0 01:00.1 && hold 01:00.1"),
        Pull(0),
        Run("sleep 1; test -e /sys/bus/pci/devices/0000:01:00.1"),
        Ends(
            1,
            "acsctl regroup 01:00.0",
            " is held by hold-vfio (process ",
        ),
        Run("release 01:00.1"),
        Gone(0),
        HotAdd(0),
        Groups(APART),
    ],
    limit: LIMIT,
};

/// Torn out: the function's emulator is killed, and the kernel learns of it by reading ones. No claim is
/// made for what is not there; plugged in anew, it is as before.
const TORN_OUT: Scenario = Scenario {
    name: "torn-out",
    machine: slot(&[unplugged(PAIR)]),
    steps: &[
        Load("acs_quirks_test"),
        HotAdd(0),
        Groups(APART),
        Kill(0, 1),
        Run(
            "test $(head -c 2 /sys/bus/pci/devices/0000:01:00.1/config | hexdump -v -e '/2 \"%04x\"') = ffff",
        ),
        // The other one, found anew, has a neighbour that does not answer.
        Run("echo 1 >/sys/bus/pci/devices/0000:01:00.0/remove; echo 1 >/sys/bus/pci/rescan"),
        Groups(TOGETHER),
        Counted(1, "unreadable"),
        Says("acsctl regroup 01:00.0", "nothing to do"),
        HotRemove(0),
        Revive(0, 1),
        HotAdd(0),
        Groups(APART),
    ],
    limit: LIMIT,
};

/// The module comes and goes while the package does: each time it is either split or not, and in the end
/// it is what the module says.
const RELOADED: Scenario = Scenario {
    name: "hotplug-reload",
    machine: GuestHardware {
        cpus: 2,
        ..slot(&[unplugged(PAIR)])
    },
    steps: &[
        Run(
            "(until test -e /tmp/stop; do /sbin/modprobe acs_quirks_test && echo >>/tmp/loads; \
             /sbin/rmmod acs_quirks_test; done; touch /tmp/stopped) >/tmp/said 2>&1 &",
        ),
        Repeat(8, &[HotAdd(0), HotRemove(0)]),
        Run(
            "touch /tmp/stop; until test -e /tmp/stopped; do usleep 50000; done; cat /tmp/said; \
             wc -l /tmp/loads; test ! -s /tmp/said && test $(wc -l </tmp/loads) -ge 2",
        ),
        HotAdd(0),
        Groups(TOGETHER),
        HotRemove(0),
        Load("acs_quirks_test"),
        HotAdd(0),
        Groups(APART),
    ],
    limit: LIMIT,
};
