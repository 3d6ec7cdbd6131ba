// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl regroup` is killed, interrupted, or a function does not come back.

use std::time::Duration;

use super::{APART, CARDS, TOGETHER, trap::STRANGERS};
use crate::{
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        LIMIT, Scenario,
        Step::{Ends, Groups, Load, ReaddAt, Run, Says, Silence, Unload, Wake},
    },
    scenarios::hardware::{
        ADAPTER_MACHINE, ONE_GROUP, PORT_PAIR, SIX_GROUPS, device, first, pair, second, two,
    },
};

pub(super) const ALL: &[Scenario] = &[
    KILLED,
    SIGNALS,
    LOST,
    MOUNTED_SINCE,
    FULL,
    HALTED,
    RELEASED,
    UNREADABLE,
];

const OTHER: &[Model] = &pair(0x1234, 0x0bad);

/// Kills `acsctl` before each system call that changes something. At that moment, either nothing is
/// changed yet, or a state file exists. From this file the next run restores the host and
/// continues.
const KILLED: Scenario = Scenario {
    name: "regroup-killed",
    machine: two(&[first(CARDS), second(OTHER)]),
    steps: &[
        Run(
            "/sbin/modprobe e1000e; echo e1000e >/sys/bus/pci/devices/0000:01:00.1/driver_override",
        ),
        Run("printf '%s\\n' 'cd /sys/bus/pci/devices' \
             'for f in 0000:01:00.0 0000:01:00.1; do test \"$(basename $(readlink $f/driver))\" = e1000e || exit 1; done' \
             'test $(cat 0000:01:00.1/driver_override) = e1000e && test $(cat 0000:01:00.0/driver_override) = \"(null)\" && \
             test $(cat /sys/bus/pci/drivers_autoprobe) = 1' >/tmp/whole"),
        Run("sh /tmp/whole"),
        Run("n=1; while :; do \
             /sbin/modprobe acs_quirks_test || exit 1; \
             at $n acsctl regroup 01:00.0 >/tmp/out 2>&1; s=$?; \
             [ $s = 137 ] || break; \
             if [ -e /run/acsctl/regroup-0000:01:00.0.json ]; then \
             grep '\"step\"' /run/acsctl/regroup-0000:01:00.0.json >>/tmp/steps; \
             else sh /tmp/whole || exit 2; fi; \
             acsctl regroup 01:00.0 >/tmp/again 2>&1 || exit 3; \
             sh /tmp/whole || exit 4; \
             [ \"$(ls /run/acsctl)\" = lock ] || exit 5; \
             [ $(basename $(readlink /sys/bus/pci/devices/0000:01:00.0/iommu_group)) != \
             $(basename $(readlink /sys/bus/pci/devices/0000:01:00.1/iommu_group)) ] || exit 6; \
             /sbin/rmmod acs_quirks_test; acsctl regroup 01:00.0 >/tmp/merge 2>&1 || exit 7; \
             sh /tmp/whole || exit 8; \
             n=$((n+1)); done; echo calls $n; cat /tmp/out; [ $s = 0 ] && sh /tmp/whole"),
        Groups(APART),
        Says("sort /tmp/steps | uniq -c", "unbind"),
        Says("sort /tmp/steps | uniq -c", "remove"),
        Says("sort /tmp/steps | uniq -c", "rescan"),
        Says("sort /tmp/steps | uniq -c", "restore"),
    ],
    limit: Duration::from_secs(400),
};

/// Stopped by a signal before the first removal, `acsctl` undoes its changes.
const SIGNALS: Scenario = Scenario {
    name: "regroup-signals",
    machine: two(&[first(CARDS), second(OTHER)]),
    steps: &[
        Run("/sbin/modprobe e1000e"),
        Load("acs_quirks_test"),
        Run(
            "(at 01:00.0/driver/unbind /tmp/halt acsctl regroup 01:00.0 >/tmp/out 2>&1; echo $? >/tmp/status) & \
             while [ ! -e /tmp/halt ]; do usleep 50000; done",
        ),
        // One driver is unbound, and drivers are not held off yet.
        Run(
            "test ! -e /sys/bus/pci/devices/0000:01:00.1/driver && test $(cat /sys/bus/pci/drivers_autoprobe) = 1",
        ),
        Ends(2, "acsctl regroup 02:00.0", "another run is active"),
        Run(
            "kill -TERM $(pidof acsctl | tr ' ' '\\n' | sort -n | head -1); rm /tmp/halt; \
             while [ ! -e /tmp/status ]; do usleep 50000; done",
        ),
        Says("cat /tmp/out /tmp/status", "stopped by a signal"),
        Run("test $(cat /tmp/status) = 1"),
        Run(
            "cd /sys/bus/pci/devices; for f in 0000:01:00.0 0000:01:00.1; do \
             test \"$(basename $(readlink $f/driver))\" = e1000e || exit 1; done; \
             test $(cat ../drivers_autoprobe) = 1",
        ),
        Groups(TOGETHER),
        Says("acsctl regroup --all", "0000:01:00.0"),
        Groups(APART),
    ],
    limit: LIMIT,
};

/// `acsctl` names a function that does not come back, and restores all others.
const LOST: Scenario = Scenario {
    name: "regroup-lost",
    machine: ADAPTER_MACHINE,
    steps: &[
        Load("acs_quirks_test"),
        Run(
            "(at 82:00.0/remove /tmp/halt acsctl regroup 82:00.0 >/tmp/out 2>&1; echo $? >/tmp/status) & \
             while [ ! -e /tmp/halt ]; do usleep 50000; done",
        ),
        Silence(0, 5),
        Run(
            "rm /tmp/halt; while [ ! -e /tmp/status ]; do usleep 50000; done; test $(cat /tmp/status) = 1",
        ),
        Says(
            "cat /tmp/out",
            "0000:82:00.5  is missing: it did not come back",
        ),
        Says("cat /tmp/out", "0000:82:00.4  group"),
        Groups(&[
            &["82:00.0"],
            &["82:00.1"],
            &["82:00.2"],
            &["82:00.3"],
            &["82:00.4"],
        ]),
        Run(
            "test $(cat /sys/bus/pci/drivers_autoprobe) = 1 && test -e /run/acsctl/regroup-0000:82:00.0.json",
        ),
        // The next run tries again.
        Ends(1, "acsctl regroup 82:00.0", "not everything is restored"),
        // Another regroup of the device must not replace the file.
        Run("/sbin/rmmod acs_quirks_test"),
        Ends(
            1,
            "acsctl regroup 82:00.0",
            "an earlier regroup of the device is not fully restored",
        ),
        Run("grep '\"bdf\": \"0000:82:00.5\"' /run/acsctl/regroup-0000:82:00.0.json"),
        Load("acs_quirks_test"),
        Wake(0, 5),
        Says("acsctl regroup 82:00.0", "everything is restored"),
        Run("test \"$(ls /run/acsctl)\" = lock"),
        Groups(SIX_GROUPS),
        // A function that does not answer is not removed at all.
        Silence(0, 4),
        Run("/sbin/rmmod acs_quirks_test"),
        Ends(1, "acsctl regroup 82:00.0", "0000:82:00.4 does not answer"),
        Run("test -e /sys/bus/pci/devices/0000:82:00.4"),
        Groups(&[&["82:00.0"]]),
    ],
    limit: LIMIT,
};

const DISK: &[Model] = &[Model::Stock("virtio-blk-pci,drive=disk0")];
const CARD: &[Model] = &[Model::Stock("e1000e,romfile=")];

/// A regroup of the ports that is killed when the disk has its driver: before the card below the other port gets one,
/// or on kernels whose rescan binds drivers, after the groups were compared.
const KILLED_LATE: &str = "\
    case $(uname -r) in [56].*) moment='drivers_autoprobe\\t1' ;; *) moment='e1000e/bind\\t0000:02:00.0' ;; esac; \
    (at \"$(printf \"$moment\")\" /tmp/halt acsctl regroup 00:12.0 >/tmp/out 2>&1) & \
    while [ ! -e /tmp/halt ]; do usleep 50000; done; kill -KILL $(pidof at) $(pidof acsctl); rm /tmp/halt; \
    test -e /run/acsctl/regroup-0000:00:12.0.json && test -e /dev/vda";

/// A killed run gave back a disk below a port, and left the port's groups for the next run to judge. The
/// claims cannot be justified any more, so that run would take the ports away, but the disk is mounted.
const MOUNTED_SINCE: Scenario = Scenario {
    name: "regroup-mounted-since",
    machine: GuestHardware {
        bridges: PORT_PAIR,
        devices: &[device("a", "01:00", DISK), device("b", "02:00", CARD)],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Run(
            "/sbin/modprobe -a virtio_pci virtio_blk msdos e1000e && mkdosfs /dev/vda >/dev/null && mkdir -p /mnt",
        ),
        // Control: when nothing uses the disk, the ports are removed once more, and the disk with them.
        Load("acs_quirks_test"),
        Run(KILLED_LATE),
        Unload("acs_quirks_test"),
        Says(
            "acsctl regroup 00:12.0",
            "so the device was rescanned once more",
        ),
        Groups(&[&["00:12.0", "00:12.1", "01:00.0", "02:00.0"]]),
        Load("acs_quirks_test"),
        Run(KILLED_LATE),
        Run("mount -t msdos /dev/vda /mnt && echo kept >/mnt/file"),
        Unload("acs_quirks_test"),
        Ends(1, "acsctl regroup 00:12.0", "/dev/vda is mounted on /mnt"),
        Run(
            "grep kept /mnt/file && umount /mnt && mount -t msdos /dev/vda /mnt && grep kept /mnt/file",
        ),
    ],
    limit: LIMIT,
};

/// The file system of the state is full from the removal on. The functions come back all the same.
const FULL: Scenario = Scenario {
    name: "regroup-full",
    machine: two(&[first(CARDS), second(OTHER)]),
    steps: &[
        Run("/sbin/modprobe e1000e"),
        Load("acs_quirks_test"),
        // Full from the start: nothing is done, and the cause is named.
        Run(
            "mkdir -p /run/acsctl && mount -t tmpfs -o size=64k none /run/acsctl && touch /run/acsctl/lock && \
             { dd if=/dev/zero of=/run/acsctl/fill bs=4k 2>/dev/null; true; }",
        ),
        Ends(1, "acsctl regroup 01:00.0", "No space left on device"),
        Groups(TOGETHER),
        Run("rm /run/acsctl/fill"),
        Run(
            "(at 01:00.0/remove /tmp/halt acsctl regroup 01:00.0 >/tmp/out 2>&1; echo $? >/tmp/status) & \
             while [ ! -e /tmp/halt ]; do usleep 50000; done; \
             dd if=/dev/zero of=/run/acsctl/fill bs=4k 2>/dev/null; rm /tmp/halt; \
             while [ ! -e /tmp/status ]; do usleep 50000; done; cat /tmp/out",
        ),
        Groups(APART),
        Run(
            "cd /sys/bus/pci/devices; for f in 0000:01:00.0 0000:01:00.1; do \
             test \"$(basename $(readlink $f/driver))\" = e1000e || exit 1; done; \
             test $(cat ../drivers_autoprobe) = 1",
        ),
    ],
    limit: LIMIT,
};

/// A regroup that is killed when its rescan has been compared.
const KILLED_COMPARED: &str = "\
    rm -f /tmp/halt; (at \"$(printf 'drivers_autoprobe\\t1')\" /tmp/halt acsctl regroup 01:00.0 >/tmp/out 2>&1) & \
    while [ ! -e /tmp/halt ]; do usleep 50000; done; kill -KILL $(pidof at) $(pidof acsctl); rm /tmp/halt; \
    test -e /run/acsctl/regroup-0000:01:00.0.json";

/// What happens between a killed run and the next: on kernels before 7.2, the rescan has given a driver to a function
/// that had none; the module was loaded again, and its record is empty; a device appeared that another run's rescan
/// found, and the run is given up.
const HALTED: Scenario = Scenario {
    name: "regroup-halted",
    machine: two(&[first(CARDS), second(CARD)]),
    steps: &[
        Run(
            "/sbin/modprobe e1000e; echo 0000:01:00.1 >/sys/bus/pci/drivers/e1000e/unbind; \
             printf '%s\\n' 'cd /sys/bus/pci/devices; test \"$(basename $(readlink 0000:01:00.0/driver))\" = e1000e && \
             test ! -e 0000:01:00.1/driver && test $(cat ../drivers_autoprobe) = 1 && test \"$(ls /run/acsctl)\" = lock' \
             >/tmp/whole",
        ),
        Groups(TOGETHER),
        Load("acs_quirks_test"),
        Run(KILLED_COMPARED),
        Says("acsctl regroup 01:00.0", "everything is restored"),
        Run("sh /tmp/whole"),
        Groups(APART),
        Unload("acs_quirks_test"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(TOGETHER),
        Load("acs_quirks_test"),
        Run(KILLED_COMPARED),
        Run("/sbin/rmmod acs_quirks_test && /sbin/modprobe acs_quirks_test"),
        Says("acsctl regroup 01:00.0", "was rescanned once more"),
        Run("sh /tmp/whole && ! ls /var/lib/acsctl | grep ."),
        Groups(APART),
        Unload("acs_quirks_test"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        // The device itself is left as it is, and the other one gets its driver.
        Run("echo 1 >/sys/bus/pci/devices/0000:02:00.0/remove"),
        Load("acs_quirks_test"),
        Run(KILLED_COMPARED),
        Run("echo 1 >/sys/bus/pci/rescan; test -e /sys/bus/pci/devices/0000:02:00.0"),
        Says("acsctl regroup --release 01:00.0", "released"),
        Run(
            "test \"$(basename $(readlink /sys/bus/pci/devices/0000:02:00.0/driver))\" = e1000e && \
             test $(cat /sys/bus/pci/drivers_autoprobe) = 1",
        ),
    ],
    limit: LIMIT,
};

/// A run is given up while drivers are held off, and another rescan has found functions in groups that are finer than
/// justified. They get no driver, although one is waiting for them. Before 7.2, that rescan itself binds it.
const RELEASED: Scenario = Scenario {
    name: "regroup-released",
    machine: two(&[first(CARDS), second(STRANGERS)]),
    steps: &[
        Run("/sbin/modprobe e1000e"),
        Load("acs_quirks_test"),
        Run(KILLED_COMPARED),
        Run("/sbin/modprobe vfio-pci ids=1234:0bad"),
        ReaddAt("02:00"),
        Groups(&[&["02:00.0"], &["02:00.1"]]),
        Says(
            "acsctl regroup --release 01:00.0 | tee /tmp/released",
            "released",
        ),
        Run(
            "case $(uname -r) in [56].*) exit 0 ;; esac; for f in 0 1; do test ! -e /sys/bus/pci/devices/0000:02:00.$f/driver && \
             grep \"02:00.$f appeared meanwhile and has no driver\" /tmp/released || exit 1; done",
        ),
        // The control: the driver takes them as soon as somebody asks for it.
        Run("echo 0000:02:00.1 >/sys/bus/pci/drivers_probe; \
             test \"$(basename $(readlink /sys/bus/pci/devices/0000:02:00.1/driver))\" = vfio-pci"),
    ],
    limit: LIMIT,
};

/// A state file that this version of acsctl cannot read stops every run, until it is given up. One that cannot be read now
/// may be sound, and stays.
const UNREADABLE: Scenario = Scenario {
    name: "regroup-unreadable",
    machine: ADAPTER_MACHINE,
    steps: &[
        Load("acs_quirks_test"),
        Run("mkdir -p /run/acsctl/regroup-0000:01:00.0.json"),
        Ends(
            2,
            "acsctl regroup --release 01:00.0",
            "regroup-0000:01:00.0.json: Is a directory",
        ),
        Run("rmdir /run/acsctl/regroup-0000:01:00.0.json"),
        Run(
            "echo '{\"schema\": \"acsctl-regroup-state-1\"}' >/run/acsctl/regroup-0000:01:00.0.json && \
             echo 0 >/sys/bus/pci/drivers_autoprobe",
        ),
        Ends(
            2,
            "acsctl regroup 82:00.0",
            "acsctl regroup --release 0000:01:00.0",
        ),
        Groups(ONE_GROUP),
        Says("acsctl regroup --release 01:00.0", "released"),
        Run(
            "test $(cat /sys/bus/pci/drivers_autoprobe) = 1 && test ! -e /run/acsctl/regroup-0000:01:00.0.json",
        ),
        Says("acsctl regroup 82:00.0", "regrouped, as predicted"),
        Groups(SIX_GROUPS),
    ],
    limit: LIMIT,
};
