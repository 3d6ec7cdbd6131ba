// SPDX-License-Identifier: GPL-2.0-only

//! Regroups without an obstacle.

use super::{APART, CARDS, TOGETHER};
use crate::{
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        LIMIT, Scenario,
        Step::{Ends, Groups, Load, ReaddAt, Run, Says, Unload},
    },
    scenarios::hardware::{
        ADAPTER_MACHINE, ONE_GROUP, PORT_PAIR, SIX_GROUPS, device, first, pair, second, two,
    },
};

pub(super) const ALL: &[Scenario] = &[ADAPTER, DRIVERS, EVERY, PORTS, LATE_ACS];

/// A single network card.
const CARD: &[Model] = &[CARDS[0]];

/// The main case, and its reversal. A dry run changes nothing. Without the module, there is nothing
/// to do.
const ADAPTER: Scenario = Scenario {
    name: "regroup",
    machine: ADAPTER_MACHINE,
    steps: &[
        Says("acsctl regroup 82:00.0", "nothing to do"),
        Groups(ONE_GROUP),
        Load("acs_quirks_test"),
        Says(
            "acsctl regroup 82:00.3 --dry-run",
            "0000:82:00.0  1077:8030  driver -  isolated by test/adapter of acs_quirks_test",
        ),
        Groups(ONE_GROUP),
        Run("test \"$(ls /run/acsctl)\" = lock"),
        Says("acsctl regroup 82:00.3", "regrouped, as predicted"),
        Groups(SIX_GROUPS),
        Run("test \"$(ls /run/acsctl)\" = lock && test $(stat -c %a /run/acsctl) = 700"),
        Says("acsctl regroup 82:00.0", "nothing to do"),
        Unload("acs_quirks_test"),
        Says(
            "acsctl regroup 82:00.0 --format json",
            "\"as_planned\": true",
        ),
        Groups(ONE_GROUP),
        Ends(1, "acsctl regroup 83:00.0", "there is no such function"),
        Says("acsctl regroup 82:00", "0000:82:00.0: nothing to do"),
        Ends(2, "acsctl regroup 82:00.8", "is not an address"),
        // A withdrawn entry.
        Load("acs_quirks_test withdraw=all"),
        Says("acsctl regroup 82:00.0", "nothing to do"),
        Groups(ONE_GROUP),
    ],
    limit: LIMIT,
};

/// Restores drivers and `driver_override`. Devices that appear meanwhile get their drivers.
const DRIVERS: Scenario = Scenario {
    name: "regroup-drivers",
    machine: two(&[first(CARDS), second(CARDS)]),
    steps: &[
        Run("/sbin/modprobe e1000e && /sbin/modprobe vfio-pci"),
        Run(
            "cd /sys/bus/pci/devices; for f in 01:00.0 01:00.1 02:00.0 02:00.1; do \
             test $(basename $(readlink 0000:$f/driver)) = e1000e || exit 1; done",
        ),
        // One function is for a virtual machine, one has no driver although a driver would match.
        Run(
            "cd /sys/bus/pci/devices/0000:01:00.1; echo vfio-pci >driver_override; \
             echo 0000:01:00.1 >driver/unbind; echo 0000:01:00.1 >/sys/bus/pci/drivers_probe; \
             test $(basename $(readlink driver)) = vfio-pci",
        ),
        Run("echo 0000:02:00.1 >/sys/bus/pci/drivers/e1000e/unbind"),
        // This function has vfio-pci as driver, and no longer an override.
        Run(
            "cd /sys/bus/pci/devices/0000:02:00.0; echo vfio-pci >driver_override; \
             echo 0000:02:00.0 >driver/unbind; echo 0000:02:00.0 >/sys/bus/pci/drivers_probe; \
             echo >driver_override",
        ),
        Load("acs_quirks_test"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Says("acsctl regroup 02:00.0", "regrouped, as predicted"),
        Groups(&[&["01:00.0"], &["01:00.1"], &["02:00.0"], &["02:00.1"]]),
        Run(
            "cd /sys/bus/pci/devices; test $(basename $(readlink 0000:01:00.0/driver)) = e1000e && \
             test $(basename $(readlink 0000:01:00.1/driver)) = vfio-pci && \
             test $(cat 0000:01:00.1/driver_override) = vfio-pci && \
             test $(basename $(readlink 0000:02:00.0/driver)) = vfio-pci && \
             test \"$(cat 0000:02:00.0/driver_override)\" = '(null)' && \
             test ! -e 0000:02:00.1/driver",
        ),
        Run("test $(cat /sys/bus/pci/drivers_autoprobe) = 1"),
        // If autoprobe was off, it is off afterwards. If it was on, another device that the rescan
        // finds gets its driver.
        Unload("acs_quirks_test"),
        Run("echo 0 >/sys/bus/pci/drivers_autoprobe"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Run("test $(cat /sys/bus/pci/drivers_autoprobe) = 0"),
        Run("echo 1 >/sys/bus/pci/drivers_autoprobe"),
        Load("acs_quirks_test"),
        Run("echo 1 >/sys/bus/pci/devices/0000:02:00.1/remove"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Run("test $(basename $(readlink /sys/bus/pci/devices/0000:02:00.1/driver)) = e1000e"),
    ],
    limit: LIMIT,
};

/// Regroups all devices that an entry isolates, and leaves the others alone.
const EVERY: Scenario = Scenario {
    name: "regroup-all",
    machine: two(&[first(CARDS), second(&pair(0x1234, 0x0bad))]),
    steps: &[
        Says("acsctl regroup --all", "nothing to do"),
        Load("acs_quirks_test"),
        Run("acsctl regroup --all --dry-run"),
        Groups(TOGETHER),
        Says(
            "acsctl regroup --all",
            "0000:01:00.0: regrouped, as predicted",
        ),
        Groups(&[&["01:00.0"], &["01:00.1"], &["02:00.0", "02:00.1"]]),
        Says("acsctl regroup --all", "nothing to do"),
        Groups(APART),
    ],
    limit: LIMIT,
};

/// The kernel made the groups while the ACS of a port was off. No module and no entry is needed: a regroup of the
/// device below makes the groups again.
///
/// The ACS control register of QEMU's root port is at 0x14e.
const LATE_ACS: Scenario = Scenario {
    name: "regroup-acs",
    machine: two(&[first(CARD), second(CARD)]),
    steps: &[
        Run("/sbin/modprobe e1000e"),
        Groups(&[&["00:10.0"], &["01:00.0"], &["00:11.0"], &["02:00.0"]]),
        Says("acsctl doctor", "PASS  groups"),
        Run(
            "printf '\\0\\0' | dd of=/sys/bus/pci/devices/0000:00:10.0/config bs=1 seek=334 conv=notrunc",
        ),
        ReaddAt("01:00"),
        Groups(&[&["00:10.0", "01:00.0"], &["00:11.0"], &["02:00.0"]]),
        // With ACS off, the group is right.
        Says("acsctl doctor", "PASS  groups"),
        Says("acsctl regroup --all", "nothing to do"),
        Run(
            "printf '\\35\\0' | dd of=/sys/bus/pci/devices/0000:00:10.0/config bs=1 seek=334 conv=notrunc",
        ),
        Says(
            "acsctl doctor",
            "WARN  groups: coarser than the kernel would make it now: 0000:00:10.0 0000:01:00.0",
        ),
        Says("acsctl doctor", "acsctl regroup 0000:01:00.0"),
        Says(
            "acsctl groups",
            "the kernel would split this group now: acsctl regroup 0000:01:00.0",
        ),
        Says(
            "acsctl regroup --all",
            "0000:01:00.0: regrouped, as predicted",
        ),
        Groups(&[&["00:10.0"], &["01:00.0"], &["00:11.0"], &["02:00.0"]]),
        Run("test $(basename $(readlink /sys/bus/pci/devices/0000:01:00.0/driver)) = e1000e"),
        Says("acsctl regroup --all", "nothing to do"),
        Run("acsctl groups >/tmp/groups && ! grep -F 'would split' /tmp/groups"),
    ],
    limit: LIMIT,
};

/// Regroups ports together with the devices below them.
const PORTS: Scenario = Scenario {
    name: "regroup-ports",
    machine: GuestHardware {
        bridges: PORT_PAIR,
        devices: &[device("a", "01:00", CARD), device("b", "02:00", CARD)],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Groups(&[&["00:12.0", "00:12.1", "01:00.0", "02:00.0"]]),
        ReaddAt("00:12"),
        Groups(&[&["00:12.0", "00:12.1", "01:00.0", "02:00.0"]]),
        Run("/sbin/modprobe e1000e"),
        Load("acs_quirks_test"),
        Run("acsctl regroup 00:12.0 --dry-run | grep -F '0000:02:00.0  8086:10d3  driver e1000e'"),
        // A device below a port is in use.
        Run("ip addr add 192.0.2.1/24 dev eth0"),
        Ends(1, "acsctl regroup 00:12.0", "--even-if=network:eth0"),
        Groups(&[&["00:12.0", "00:12.1", "01:00.0", "02:00.0"]]),
        Run("ip addr flush dev eth0"),
        Says("acsctl regroup 00:12.0", "regrouped, as predicted"),
        Groups(&[&["00:12.0"], &["00:12.1"], &["01:00.0"], &["02:00.0"]]),
        Run("cd /sys/bus/pci/devices; for f in 01:00.0 02:00.0; do \
             test $(basename $(readlink 0000:$f/driver)) = e1000e || exit 1; done; \
             for f in 00:12.0 00:12.1; do test $(basename $(readlink 0000:$f/driver)) = pcieport || exit 1; done"),
    ],
    limit: LIMIT,
};
