// SPDX-License-Identifier: GPL-2.0-only

//! What happens on the host during a regroup: signals, drivers that are loaded, devices that come and go,
//! a second run, and a writer process that dies.
//!
//! Each scenario halts `acsctl` at a step, changes the host, and lets it go on.

use super::{APART, CARDS, TOGETHER, trap::ALIASED};
use crate::{
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{Ends, Groups, Load, ReaddAt, Run, Says, Unload},
    },
    scenarios::hardware::{PORT_PAIR, device, first, pair, second, two},
};

pub(super) const ALL: &[Scenario] = &[
    STOPPED,
    WITHHELD,
    TAKEN_BACK,
    PORT_GONE,
    LATE_DRIVERS,
    MODULE_GONE,
    GATHERED,
    SECOND_RUN,
];

const OTHER: &[Model] = &pair(0x1077, 0x8030);

/// Runs a regroup of 01:00.0 in the background, halted before it writes this text (a word of the shell).
macro_rules! halted_at {
    ($text:literal) => {
        concat!(
            "rm -f /tmp/status; (at ",
            $text,
            " /tmp/halt acsctl regroup 01:00.0 >/tmp/out 2>&1; echo $? >/tmp/status) & \
             while [ ! -e /tmp/halt ]; do usleep 50000; done"
        )
    };
}

const HALTED_AT_RESCAN: &str = halted_at!(r#""$(printf 'rescan\t1')""#);
/// Before it removes function 0.
const HALTED_AT_REMOVE: &str = halted_at!("01:00.0/remove");
/// After the comparison of the groups, before it lets drivers bind again.
const HALTED_AFTER_LOOK: &str = halted_at!(r#""$(printf 'drivers_autoprobe\t1')""#);
/// Another card goes and comes back, and gets no driver.
const REPLUGGED: &str = "echo 1 >/sys/bus/pci/devices/0000:02:00.0/remove; \
     echo 1 >/sys/bus/pci/devices/0000:00:11.0/rescan; test ! -e /sys/bus/pci/devices/0000:02:00.0/driver";
/// Lets it go on, and waits for its end.
const GOES_ON: &str =
    "while [ ! -e /tmp/status ]; do rm -f /tmp/halt; usleep 50000; done; cat /tmp/out";
const TERMINATE: &str = "kill -TERM $(pidof acsctl | tr ' ' '\\n' | sort -n | head -1)";
/// Lets the port above the device go to sleep.
const AUTO: &str = "echo auto >/sys/bus/pci/devices/0000:00:10.0/power/control";
const AUTOPROBE: &str = "test $(cat /sys/bus/pci/drivers_autoprobe) = 1";
const NOTHING_LEFT: &str = "test \"$(ls /run/acsctl)\" = lock";

/// A signal after the first removal is answered when the regroup is complete.
const STOPPED: Scenario = Scenario {
    name: "regroup-stopped",
    machine: two(&[first(CARDS), second(OTHER)]),
    steps: &[
        Run("/sbin/modprobe e1000e"),
        Load("acs_quirks_test"),
        Run(AUTO),
        Run(HALTED_AT_RESCAN),
        // Without a device below it, the port could go to sleep, and a rescan would find nothing.
        Run("test $(cat /sys/bus/pci/devices/0000:00:10.0/power/control) = on"),
        // Drivers are held off only from here on.
        Run("test $(cat /sys/bus/pci/drivers_autoprobe) = 0"),
        Run(TERMINATE),
        Says(GOES_ON, "regrouped, as predicted"),
        Says("cat /tmp/out", "a signal asked acsctl to stop"),
        Groups(APART),
        Run(AUTOPROBE),
        Run("test $(cat /sys/bus/pci/devices/0000:00:10.0/power/control) = auto"),
        Run(NOTHING_LEFT),
        Run("cd /sys/bus/pci/devices; for f in 01:00.0 01:00.1; do \
             test $(basename $(readlink 0000:$f/driver)) = e1000e || exit 1; done"),
        // Of several devices, the run leaves the others alone.
        Unload("acs_quirks_test"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Load("acs_quirks_test"),
        Run(
            "rm -f /tmp/status; (at \"$(printf 'rescan\\t1')\" /tmp/halt acsctl regroup --all >/tmp/out 2>&1; \
             echo $? >/tmp/status) & while [ ! -e /tmp/halt ]; do usleep 50000; done",
        ),
        Run(TERMINATE),
        Says(GOES_ON, "stopped by a signal"),
        Groups(&[&["01:00.0"], &["01:00.1"], &["02:00.0", "02:00.1"]]),
    ],
    limit: LIMIT,
};

/// A device whose groups would not isolate it is withheld, also when a signal or the lack of debugfs comes
/// in between. No later run gives it back.
const WITHHELD: Scenario = Scenario {
    name: "regroup-withheld",
    machine: two(&[first(ALIASED), second(OTHER)]),
    steps: &[
        Run("/sbin/modprobe vfio_iommu_type1 && /sbin/modprobe vfio-pci"),
        Groups(&[&["01:00.0", "01:00.1", "01:00.2"]]),
        Load("acs_quirks_test"),
        // The first two functions are isolated without the third, so a regroup has something to do. The
        // rescan finds the third only after it has grouped the first two.
        Run("echo 1 >/sys/bus/pci/devices/0000:01:00.2/remove"),
        Run(HALTED_AT_RESCAN),
        Run("umount /sys/kernel/debug"),
        Run(TERMINATE),
        Says(GOES_ON, "groups are finer than isolation justifies"),
        Says("cat /tmp/out", "all its functions were removed again"),
        Run("test $(cat /tmp/status) = 1"),
        Run(
            "test ! -e /sys/bus/pci/devices/0000:01:00.0 && test ! -e /sys/bus/pci/devices/0000:01:00.1",
        ),
        Run(AUTOPROBE),
        Run(NOTHING_LEFT),
        Ends(
            1,
            "acsctl doctor",
            "a regroup withheld the device of 0000:01:00.0",
        ),
        // A regroup of another device scans the same root bus. The control is the rescan by hand below. Before 7.2, that
        // regroup would give the device a driver, so it is refused.
        Run("echo 1234 0bad >/sys/bus/pci/drivers/vfio-pci/new_id"),
        Run(OTHER_BESIDE_WITHHELD),
        Run(
            "test ! -e /sys/bus/pci/devices/0000:01:00.0 && test ! -e /sys/bus/pci/devices/0000:01:00.1",
        ),
        Run("echo 1 >/sys/bus/pci/rescan"),
        Groups(&[&["01:00.0", "01:00.2"], &["01:00.1"]]),
        Ends(
            1,
            "acsctl regroup 02:00.0",
            "a rescan brought back the device of 0000:01:00.0",
        ),
        Ends(1, "acsctl doctor", "do not pass it through"),
        Ends(
            1,
            "acsctl regroup 01:00.0",
            "acsctl regroup --release 0000:01:00.0",
        ),
        Says("acsctl regroup --release 01:00.1", "released"),
        Run("! ls /var/lib/acsctl | grep ."),
        Ends(
            1,
            "acsctl regroup --release 01:00.1",
            "no regroup withheld it",
        ),
    ],
    limit: LIMIT,
};

/// A regroup of another device, by its name and with `--all`.
const OTHER_BESIDE_WITHHELD: &str = "\
    acsctl regroup 02:00.0 >/tmp/one 2>&1; one=$?; acsctl regroup --all >/tmp/all 2>&1; all=$?; cat /tmp/one /tmp/all; \
    cd /sys/bus/pci/devices; group() { readlink -f 0000:02:00.$1/iommu_group; }; \
    case $(uname -r) in \
    [56].*) test $one$all = 11 && test $(group 0) = $(group 1) && \
        grep 'would bring back the device of 0000:01:00.0' /tmp/one && \
        grep 'would bring back the device of 0000:01:00.0' /tmp/all ;; \
    *) test $one$all = 00 && test $(group 0) != $(group 1) && \
        grep 'regrouped, as predicted' /tmp/one && grep 'nothing to do' /tmp/all ;; \
    esac";

/// Two root ports that an entry isolates, and below one of them a device that a rescan tears. Without the
/// entry everything is in one group, so the claim is taken back, and all of it comes back.
const TAKEN_BACK: Scenario = Scenario {
    name: "regroup-taken-back",
    machine: GuestHardware {
        bridges: PORT_PAIR,
        devices: &[device("a", "01:00", ALIASED), device("b", "02:00", OTHER)],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Groups(ALL_TOGETHER),
        Load("acs_quirks_test"),
        Ends(
            1,
            "acsctl regroup 00:12.0",
            "its claims were taken back: acs_quirks_test was unloaded",
        ),
        Groups(ALL_TOGETHER),
        Run("test ! -e /sys/module/acs_quirks_test"),
        Run("cd /sys/bus/pci/devices; for f in 00:12.0 00:12.1; do \
             test $(basename $(readlink 0000:$f/driver)) = pcieport || exit 1; done"),
        Run(AUTOPROBE),
        Run(NOTHING_LEFT),
        // The control: a rescan by hand with the module tears the device.
        Load("acs_quirks_test"),
        ReaddAt("00:12"),
        Run("acsctl groups; acsctl doctor | grep 'finer than'"),
    ],
    limit: LIMIT,
};

const ALL_TOGETHER: Expected = &[&[
    "00:12.0", "00:12.1", "01:00.0", "01:00.1", "01:00.2", "02:00.0", "02:00.1",
]];

/// The port above the device is removed during the regroup.
const PORT_GONE: Scenario = Scenario {
    name: "regroup-port-gone",
    machine: two(&[first(CARDS), second(CARDS)]),
    steps: &[
        Run("/sbin/modprobe e1000e"),
        Load("acs_quirks_test"),
        Run(HALTED_AT_RESCAN),
        Run("echo 1 >/sys/bus/pci/devices/0000:00:10.0/remove"),
        Says(GOES_ON, "the port above was removed meanwhile"),
        Run("test $(cat /tmp/status) = 1"),
        Run(AUTOPROBE),
        // The next run, of another device, waits for the port and goes on.
        Run(
            "acsctl regroup 02:00.0 >/tmp/out; test $? = 1; grep '0000:02:00.0: regrouped, as predicted' /tmp/out",
        ),
        // The rescan of that run brought the port back too. The functions below it get no driver before their
        // groups are compared.
        Run("test -e /run/acsctl/regroup-0000:01:00.0.json"),
        Run("test ! -e /sys/bus/pci/devices/0000:01:00.1/driver"),
        Says("acsctl regroup 02:00.0", "everything is restored"),
        Run("test $(basename $(readlink /sys/bus/pci/devices/0000:01:00.1/driver)) = e1000e"),
        Run(NOTHING_LEFT),
        Groups(APART),
        // Without the port, there is also the way to give up.
        Unload("acs_quirks_test"),
        Run(HALTED_AT_RESCAN),
        Run("echo 1 >/sys/bus/pci/devices/0000:00:10.0/remove"),
        Says(GOES_ON, "the port above was removed meanwhile"),
        Says("acsctl regroup --release 01:00.0; true", "released"),
        Run(NOTHING_LEFT),
    ],
    limit: LIMIT,
};

/// Drivers that are loaded and cards that are plugged in while drivers are held off get what they would
/// have got. A card that had no driver keeps none.
const LATE_DRIVERS: Scenario = Scenario {
    name: "regroup-late",
    machine: two(&[first(OTHER), second(CARDS)]),
    steps: &[
        Load("acs_quirks_test"),
        Run(HALTED_AT_RESCAN),
        Run("/sbin/modprobe e1000e; test ! -e /sys/bus/pci/devices/0000:02:00.0/driver"),
        Says(GOES_ON, "regrouped, as predicted"),
        Run("cd /sys/bus/pci/devices; for f in 02:00.0 02:00.1; do \
             test $(basename $(readlink 0000:$f/driver)) = e1000e || exit 1; done"),
        Run("echo 0000:02:00.1 >/sys/bus/pci/drivers/e1000e/unbind"),
        Unload("acs_quirks_test"),
        Run(HALTED_AT_RESCAN),
        Run(REPLUGGED),
        Says(GOES_ON, "regrouped, as predicted"),
        Run(
            "test $(basename $(readlink /sys/bus/pci/devices/0000:02:00.0/driver)) = e1000e && \
             test ! -e /sys/bus/pci/devices/0000:02:00.1/driver",
        ),
        // A card that appears after the groups were compared is compared, too.
        Load("acs_quirks_test"),
        Run("echo of-a-guest >/sys/bus/pci/devices/0000:01:00.1/driver_override"),
        Run(HALTED_AFTER_LOOK),
        // Before a driver could take it.
        Run("test $(cat /sys/bus/pci/devices/0000:01:00.1/driver_override) = of-a-guest"),
        Run(REPLUGGED),
        Says(GOES_ON, "regrouped, as predicted"),
        Run("test $(basename $(readlink /sys/bus/pci/devices/0000:02:00.0/driver)) = e1000e"),
        Unload("acs_quirks_test"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        // After a kill, the next run does it.
        Load("acs_quirks_test"),
        Run(HALTED_AT_RESCAN),
        Run(REPLUGGED),
        Run(
            "kill -KILL $(pidof acsctl); while [ ! -e /tmp/status ]; do rm -f /tmp/halt; usleep 50000; done; \
             test ! -e /sys/bus/pci/devices/0000:02:00.0/driver",
        ),
        Says("acsctl regroup 01:00.0", "everything is restored"),
        Run(
            "test $(basename $(readlink /sys/bus/pci/devices/0000:02:00.0/driver)) = e1000e && \
             test ! -e /sys/bus/pci/devices/0000:02:00.1/driver",
        ),
        Run(AUTOPROBE),
    ],
    limit: LIMIT,
};

/// The module is unloaded during the regroup, so the plan is not kept. What the kernel made is no finer than
/// before, so it is given back.
const MODULE_GONE: Scenario = Scenario {
    name: "regroup-module-gone",
    machine: two(&[first(CARDS), second(OTHER)]),
    steps: &[
        Run("/sbin/modprobe e1000e"),
        Load("acs_quirks_test"),
        Run(HALTED_AT_RESCAN),
        Unload("acs_quirks_test"),
        Says(GOES_ON, "the groups are coarser than planned"),
        Run("test $(cat /tmp/status) = 1"),
        Groups(TOGETHER),
        Run("cd /sys/bus/pci/devices; for f in 01:00.0 01:00.1; do \
             test $(basename $(readlink 0000:$f/driver)) = e1000e || exit 1; done"),
        Run(NOTHING_LEFT),
        // The control.
        Load("acs_quirks_test"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(APART),
    ],
    limit: LIMIT,
};

/// The same for a device with one function: the kernel puts it into a group with functions that are not its own, and
/// that the plan keeps apart from it.
const GATHERED: Scenario = Scenario {
    name: "regroup-gathered",
    machine: GuestHardware {
        bridges: PORT_PAIR,
        devices: &[device("a", "01:00", ONE), device("b", "02:00", ONE)],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Groups(ONE_GROUP),
        Load("acs_quirks_test"),
        Run(HALTED_AT_RESCAN),
        Unload("acs_quirks_test"),
        Says(GOES_ON, "the groups are coarser than planned"),
        Run("test $(cat /tmp/status) = 1"),
        Groups(ONE_GROUP),
        Run(AUTOPROBE),
        Run(NOTHING_LEFT),
        // The control.
        Load("acs_quirks_test"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(&[&["00:12.0", "00:12.1", "02:00.0"], &["01:00.0"]]),
    ],
    limit: LIMIT,
};

const ONE: &[Model] = &[Model::Stock("e1000e,romfile=")];
const ONE_GROUP: Expected = &[&["00:12.0", "00:12.1", "01:00.0", "02:00.0"]];

/// A second run is refused, also in other namespaces, and a writer process that dies is replaced.
const SECOND_RUN: Scenario = Scenario {
    name: "regroup-second-run",
    machine: two(&[first(CARDS), second(OTHER)]),
    steps: &[
        Run("/sbin/modprobe e1000e"),
        Load("acs_quirks_test"),
        Run(HALTED_AT_REMOVE),
        Ends(
            2,
            "acsctl regroup 02:00.0",
            "another run is active: process",
        ),
        Ends(
            2,
            "unshare -m -n sh -c 'mount -t tmpfs none /run && acsctl regroup 02:00.0'",
            "run it on the host itself",
        ),
        Groups(&[&["02:00.0", "02:00.1"]]),
        Run("kill -KILL $(pidof acsctl | tr ' ' '\\n' | sort -n | tail -1)"),
        Says(GOES_ON, "regrouped, as predicted"),
        Groups(APART),
        Run(NOTHING_LEFT),
        // The control: when the first run has ended, another one begins.
        Says("acsctl regroup 02:00.0", "regrouped, as predicted"),
        Groups(&[&["02:00.0"], &["02:00.1"]]),
    ],
    limit: LIMIT,
};
