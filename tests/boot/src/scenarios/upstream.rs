// SPDX-License-Identifier: GPL-2.0-only

//! Rescans on a kernel with the patches in `upstream/`, and on one without.

use super::hardware::{emulated, first, second, two};
use crate::{
    function::{Function, Register},
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{self, Groups, Readd, Run},
    },
};

const ETHERNET: u32 = 0x02_0000;

/// Two devices of two functions without ACS. In the first, only function 0 has the Multi-Function Device bit.
/// In the second, both functions have it.
const MACHINE: GuestHardware = GuestHardware {
    iommu: Iommu::Amd,
    ..two(&[
        first(&[
            emulated(0x1234, 0x0bad, ETHERNET),
            Model::Unmarked(Function::new(0x1234, 0x0bad, ETHERNET)),
        ]),
        second(&[
            emulated(0x1234, 0x0bad, ETHERNET),
            emulated(0x1234, 0x0bad, ETHERNET),
        ]),
    ])
};

const TOGETHER: Expected = &[&["01:00.0", "01:00.1"], &["02:00.0", "02:00.1"]];
const APART: Expected = &[&["01:00.0"], &["01:00.1"], &["02:00.0", "02:00.1"]];

/// With the patches, the functions stay together.
pub const CORRECTED: Scenario = Scenario {
    name: "upstream-rescan",
    machine: MACHINE,
    steps: &[Groups(TOGETHER), Readd, Groups(TOGETHER)],
    limit: LIMIT,
};

/// Without the patches, a rescan splits them.
pub const FAULT: Scenario = Scenario {
    steps: &[Groups(TOGETHER), Readd, Groups(APART)],
    ..CORRECTED
};

/// Function 1 has a header of an unknown type, and the kernel does not add it.
const UNKNOWN: &[Register] = &[Register {
    offset: 0x0c,
    value: 0x0005_0000,
    writable: 0,
}];
const WITH_UNKNOWN: GuestHardware = two(&[
    first(&[
        emulated(0x1234, 0x0bad, ETHERNET),
        Model::Emulated(Function::new(0x1234, 0x0bad, ETHERNET).with_registers(UNKNOWN)),
    ]),
    second(&[emulated(0x1234, 0x0bad, ETHERNET)]),
]);
/// Counts how many blocks as large as a function's name two hundred rescans leave.
const RESCANS: Step = Run("\
    lost() { echo 1 >/sys/kernel/slab/kmalloc-16/shrink; grep '^kmalloc-16 ' /proc/slabinfo | { read name used rest; echo $used; }; }; \
    test ! -e /sys/bus/pci/devices/0000:01:00.1 && dmesg | grep 'unknown header type 05' && lost >/dev/null && \
    before=$(lost) && for n in $(seq 200); do echo 1 >/sys/bus/pci/rescan; done; sleep 1; \
    echo $(($(lost) - before)) | tee /tmp/lost");

/// With the patches, the kernel frees the name of a function that it does not add.
pub const NAME_FREED: Scenario = Scenario {
    name: "upstream-name",
    machine: WITH_UNKNOWN,
    steps: &[RESCANS, Run("test $(cat /tmp/lost) -lt 100")],
    limit: LIMIT,
};

/// Without the patches, each rescan loses one.
pub const NAME_LOST: Scenario = Scenario {
    steps: &[RESCANS, Run("test $(cat /tmp/lost) -ge 200")],
    ..NAME_FREED
};
