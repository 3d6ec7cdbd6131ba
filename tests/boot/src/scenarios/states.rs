// SPDX-License-Identifier: GPL-2.0-only

//! Kernels on which the hook cannot work: the module reports it, and makes no claim.

use super::hardware::{ADAPTER_MACHINE, ONE_GROUP, SIX_GROUPS, first, pair, second, two};
use crate::{
    machine::{GuestHardware, Iommu},
    scenario::{
        LIMIT, Scenario,
        Step::{Ends, Groups, Load, Logged, Readd, Refuses, Run, Says},
    },
};

pub(super) const ALL: &[Scenario] = &[
    KPROBES_OFF,
    NO_FUNCTION,
    OTHER_FUNCTION,
    NO_IOMMU,
    NO_DEVICE,
    OTHER_KERNEL,
    OTHER_BUILD,
];

/// All kprobes are disabled: the probe registers, and is never hit.
const KPROBES_OFF: Scenario = Scenario {
    name: "kprobes-off",
    machine: two(&[first(&pair(0x1077, 0x8030)), second(&pair(0x1077, 0x8030))]),
    steps: &[
        Run("echo 0 >/sys/kernel/debug/kprobes/enabled"),
        Load("acs_quirks_test"),
        Logged("hook ineffective: the kernel does not reach the hook: kprobes are switched off"),
        Says(
            "cat /sys/kernel/debug/acs_quirks_test/hook",
            "state: ineffective",
        ),
        Readd,
        Groups(&[&["01:00.0", "01:00.1"], &["02:00.0", "02:00.1"]]),
        // The same module works after kprobes are enabled.
        Run("echo 1 >/sys/kernel/debug/kprobes/enabled"),
        Says(
            "cat /sys/kernel/debug/acs_quirks_test/hook",
            "state: effective",
        ),
        Readd,
        Groups(&[&["01:00.0"], &["01:00.1"], &["02:00.0"], &["02:00.1"]]),
    ],
    limit: LIMIT,
};

/// A kernel without the function to hook.
const NO_FUNCTION: Scenario = Scenario {
    name: "no-function",
    machine: ADAPTER_MACHINE,
    steps: &[
        Refuses(
            "acs_quirks_absent",
            "this kernel has no function acs_quirks_no_such_function: it is not supported",
        ),
        Load("acs_quirks_test"),
    ],
    limit: LIMIT,
};

/// A kernel whose function has other arguments or another result than the hook expects. The test
/// hooks functions that the kernel calls for the same device instead.
const OTHER_FUNCTION: Scenario = Scenario {
    name: "other-function",
    machine: two(&[first(&pair(0x1077, 0x8030)), second(&pair(0x1077, 0x8030))]),
    steps: &[
        Refuses(
            "acs_quirks_absent symbol=pci_device_group",
            "this kernel has another pci_device_group: the first argument is not the device",
        ),
        Refuses(
            "acs_quirks_absent symbol=pci_for_each_dma_alias",
            "this kernel has another pci_for_each_dma_alias: the second argument is",
        ),
        Refuses(
            "acs_quirks_absent symbol=pci_acs_enabled",
            "this kernel has another pci_acs_enabled: the result for a device without a quirk is 0",
        ),
        // Kprobes do not probe their own functions.
        Refuses(
            "acs_quirks_absent symbol=get_kprobe",
            "kprobes refuse to probe get_kprobe (EINVAL); not loading",
        ),
        // A hook that was removed leaves nothing behind.
        Readd,
        Groups(&[&["01:00.0", "01:00.1"], &["02:00.0", "02:00.1"]]),
        // With the expected function, the same module loads.
        Load("acs_quirks_absent symbol=pci_dev_specific_acs_enabled"),
        Readd,
        Groups(&[&["01:00.0"], &["01:00.1"], &["02:00.0"], &["02:00.1"]]),
    ],
    limit: LIMIT,
};

/// A host without an IOMMU has no groups to split.
const NO_IOMMU: Scenario = Scenario {
    name: "no-iommu",
    machine: GuestHardware {
        iommu: Iommu::None,
        ..ADAPTER_MACHINE
    },
    steps: &[
        Load("acs_quirks_test"),
        Logged("hook ineffective: no PCI device is in an IOMMU group"),
        Readd,
        Run("test -e /sys/bus/pci/devices/0000:82:00.5"),
        Run("test ! -e /sys/bus/pci/devices/0000:82:00.5/iommu_group"),
    ],
    limit: LIMIT,
};

/// A host without a PCI device: the self-test has no place for its device. When the kernel adds the first device, the
/// module tests again, before the first question.
const NO_DEVICE: Scenario = Scenario {
    name: "no-device",
    machine: GuestHardware {
        iommu: Iommu::Intel,
        ..ADAPTER_MACHINE
    },
    steps: &[
        Groups(ONE_GROUP),
        Run(
            "for d in /sys/bus/pci/devices/*; do test ! -e $d || echo 1 >$d/remove; done; \
             test -z \"$(ls /sys/bus/pci/devices)\"",
        ),
        Load("acs_quirks_test"),
        Logged("hook unproven: there is no PCI root bus with a device and an empty slot"),
        Says(
            "cat /sys/kernel/debug/acs_quirks_test/hook",
            "state: unproven",
        ),
        Run("echo 1 >/sys/bus/pci/rescan"),
        Groups(SIX_GROUPS),
        Says(
            "cat /sys/kernel/debug/acs_quirks_test/hook",
            "state: effective",
        ),
    ],
    limit: LIMIT,
};

/// The kernel refuses a module that was built for another kernel.
const OTHER_KERNEL: Scenario = Scenario {
    name: "other-kernel",
    machine: ADAPTER_MACHINE,
    steps: &[
        Run("xzcat $(/sbin/modinfo -n acs_quirks) >/tmp/other.ko"),
        Run("insmod /tmp/other.ko && rmmod acs_quirks"),
        Run("sed -i \"s/vermagic=$(uname -r | cut -c1-3)/vermagic=6.1/\" /tmp/other.ko"),
        Run("! insmod /tmp/other.ko"),
        Logged("version magic '6.1"),
    ],
    limit: LIMIT,
};

/// The kernel has no symbol versions and loads a module of another build of its release. The module
/// itself compares. `scripts/build-modules.sh` makes the module from the real one.
const OTHER_BUILD: Scenario = Scenario {
    name: "other-build",
    machine: ADAPTER_MACHINE,
    steps: &[
        Ends(22, "insmod /other-build.ko", "nvalid argument"),
        Logged("acs_quirks: built for the kernel"),
        Run("test ! -e /sys/module/acs_quirks"),
        Load("acs_quirks"),
    ],
    limit: LIMIT,
};
