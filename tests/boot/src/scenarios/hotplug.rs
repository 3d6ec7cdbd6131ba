// SPDX-License-Identifier: GPL-2.0-only

//! Devices that are plugged in and out while the kernel runs.

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

/// A machine with one slot for this device.
const fn slot(devices: &'static [Device<'static>; 1]) -> GuestHardware<'static> {
    GuestHardware {
        bridges: &[PORT_1],
        devices,
        ..ADAPTER_MACHINE
    }
}

/// The device, not plugged in at boot.
const fn unplugged(functions: &'static [Model<'static>]) -> Device<'static> {
    Device {
        plugged: false,
        ..first(functions)
    }
}

/// Plugs the device in without the module, after loading the module, before loading the module, and
/// after unloading it. If the module is loaded first, no rescan is needed.
const CYCLE: &[Step] = &[
    // QEMU does not wake a suspended port when a device is plugged in. The kernel suspends ports
    // unless the firmware is dated before 2015.
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

/// After a request, a port waits five seconds for the user to cancel. So the test takes longer.
const NATIVE: Scenario = Scenario {
    name: "hotplug-native",
    machine: GuestHardware {
        native_hotplug: true,
        ..slot(&[unplugged(PAIR)])
    },
    steps: CYCLE,
    limit: Duration::from_secs(240),
};

/// Functions above 0 without the multi-function bit in their header get their own groups when they
/// are plugged in, without any module. The tools report it, whether an entry covers the functions
/// or not.
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
            "0000:01:00.1 was added by a rescan or a hot-plug, and its header lacks the multi-function bit",
        ),
        Ends(1, "acsctl regroup 01:00.0", "lacks the multi-function bit"),
        HotRemove(0),
        // The module does not change that.
        Load("acs_quirks_test"),
        HotAdd(0),
        Groups(APART),
        Ends(1, "acsctl regroup 01:00.0", "lacks the multi-function bit"),
    ],
    limit: LIMIT,
};

/// Unplugs a device while VFIO holds a function: the kernel waits for the holder. Meanwhile a
/// regroup names the holder and does not wait. When the function is released, the removal
/// completes.
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

/// Kills the emulator of a function: the kernel notices because the function reads as ones. The
/// entry makes no claim about an absent function. When the device is plugged in again, the groups
/// are as before.
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
        // After the rescan, the other function has a neighbour that does not answer.
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

/// Loads and unloads the module while the device is plugged in and out. The device is split or
/// unsplit after each round, depending on the timing. At the end, its groups follow the module's
/// state.
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
