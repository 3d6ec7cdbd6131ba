// SPDX-License-Identifier: GPL-2.0-only

//! Loading and unloading while devices come and go.

use std::time::Duration;

use super::hardware::{ADAPTER_MACHINE, ONE_GROUP};
use crate::{
    machine::GuestHardware,
    scenario::{
        Scenario,
        Step::{Groups, Readd, Run},
    },
};

pub(super) const ALL: &[Scenario] = &[RELOAD];

/// Loads the module 200 times while the adapter is removed and rescanned. Nothing may be left: no
/// error in the log, no use of the module, no group, and no memory. The self-test of each load
/// allocates a `struct pci_dev` (from kmalloc-4k), so that a leak of one per load would be visible.
const RELOAD: Scenario = Scenario {
    name: "reload-200",
    machine: GuestHardware {
        cpus: 2,
        ..ADAPTER_MACHINE
    },
    steps: &[
        Run("ls /sys/kernel/iommu_groups | wc -l >/tmp/groups"),
        Run("while test ! -e /tmp/stop; do \
             for d in /sys/bus/pci/devices/0000:82:00.*; do echo 1 >$d/remove; done; \
             echo 1 >/sys/bus/pci/rescan; echo >>/tmp/rounds; sleep 0.1; \
             done >/dev/null 2>&1 & echo $! >/tmp/pid"),
        Run(
            "for i in $(seq 20); do /sbin/modprobe acs_quirks_test && /sbin/rmmod acs_quirks_test || exit 1; done",
        ),
        Run("awk '$1 == \"kmalloc-4k\" { print $2 }' /proc/slabinfo >/tmp/before"),
        Run(
            "for i in $(seq 180); do /sbin/modprobe acs_quirks_test && /sbin/rmmod acs_quirks_test || exit 1; done",
        ),
        Run("awk '$1 == \"kmalloc-4k\" { print $2 }' /proc/slabinfo >/tmp/after"),
        Run("touch /tmp/stop; while kill -0 $(cat /tmp/pid) 2>/dev/null; do sleep 0.1; done"),
        Run("test $(wc -l </tmp/rounds) -ge 50 || { wc -l /tmp/rounds; exit 1; }"),
        Run("test -s /tmp/before && test -s /tmp/after"),
        Run("a=$(cat /tmp/after) b=$(cat /tmp/before); echo $b $a; test $((a - b)) -lt 60"),
        Run("! lsmod | grep acs_quirks_test"),
        Readd,
        Run("test $(ls /sys/kernel/iommu_groups | wc -l) = $(cat /tmp/groups)"),
        Groups(ONE_GROUP),
    ],
    limit: Duration::from_secs(400),
};
