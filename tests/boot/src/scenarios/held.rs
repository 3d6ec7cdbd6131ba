// SPDX-License-Identifier: GPL-2.0-only

//! VFIO gives each group to one program. A program of a few lines stands for a virtual machine here;
//! `founding.rs` has real ones.

use super::hardware::ADAPTER_MACHINE;
use crate::{
    machine::{Iommu, Machine, Model, Package},
    scenario::{
        LIMIT, Scenario,
        Step::{self, Ends, Load, ReaddAt, Run, Says, Unload},
    },
    scenarios::hardware::{ADAPTER, emulated},
};

pub(super) const ALL: &[Scenario] = &[on(Iommu::Intel), on(Iommu::Amd), on(Iommu::Virtio)];

/// The kernel remaps interrupts with an AMD IOMMU only where it finds the southbridge of an AMD board.
const SOUTHBRIDGE: &[Model] = &[emulated(0x1022, 0x790b, 0x0c_0500)];

/// The adapter, on a host with this IOMMU.
const fn on(iommu: Iommu) -> Scenario {
    Scenario {
        name: "held",
        machine: Machine {
            iommu,
            packages: &[
                Package {
                    bus: "port82",
                    address: "82:00",
                    functions: ADAPTER,
                    plugged: true,
                },
                Package {
                    bus: "pcie.0",
                    address: "00:14",
                    functions: SOUTHBRIDGE,
                    plugged: true,
                },
            ],
            ..ADAPTER_MACHINE
        },
        steps: STEPS,
        limit: LIMIT,
    }
}

/// Gives the functions that are wanted to VFIO. A virtio-iommu does not remap interrupts, which VFIO
/// wants to be told to accept.
const GIVE: Step = Run(
    "/sbin/modprobe vfio_iommu_type1 && /sbin/modprobe vfio-pci && cd /sys/bus/pci/devices && \
     { test -n \"$(ls /sys/class/iommu | grep -E 'dmar|ivhd')\" || \
     echo 1 >/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts; } && \
     for f in 0000:82:00.2 0000:82:00.3; do echo vfio-pci >$f/driver_override && \
     { test -e $f/driver || echo $f >../drivers_probe; } || exit 1; done",
);
/// One program takes function 2 and holds it.
const HOLD: Step = Run("cd /tmp; rm -f hold said; mkfifo hold; \
     g=$(basename $(readlink /sys/bus/pci/devices/0000:82:00.2/iommu_group)); \
     (hold-vfio $g 0000:82:00.2 <hold >said 2>&1 &); exec 4>hold; \
     (until test -e release; do usleep 20000; done; rm release) >/dev/null 2>&1 & \
     until test -s said; do usleep 20000; done; cat said; grep -q held said");
/// Another one asks for function 3.
const ASK: &str = "hold-vfio $(basename $(readlink /sys/bus/pci/devices/0000:82:00.3/iommu_group)) 0000:82:00.3 </dev/null";
/// The first one ends.
const RELEASE: Step = Run(
    "cd /tmp; touch release; while test -e release; do usleep 20000; done; \
     while pidof hold-vfio >/dev/null; do usleep 20000; done",
);
const BUSY: Step = Ends(2, ASK, "Device or resource busy");

const STEPS: &[Step] = &[
    GIVE,
    HOLD,
    BUSY,
    RELEASE,
    // Nobody has the group now: it was no other fault.
    Says(ASK, "held"),
    ReaddAt("82:00"),
    GIVE,
    HOLD,
    BUSY,
    RELEASE,
    Load("acs_quirks_test withdraw=all"),
    Says("acsctl regroup 82:00.2", "nothing to do"),
    Unload("acs_quirks_test"),
    Load("acs_quirks_test"),
    Says("acsctl regroup 82:00.2", "regrouped, as predicted"),
    HOLD,
    Says(ASK, "held"),
    RELEASE,
    Unload("acs_quirks_test"),
    Says("acsctl regroup 82:00.2", "regrouped, as predicted"),
    HOLD,
    BUSY,
    RELEASE,
];
