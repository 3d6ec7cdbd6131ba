// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl doctor` on a running kernel. `regroup/trap.rs` tests its report on groups that are too
//! fine.

use super::hardware::{ADAPTER_MACHINE, first, pair, second, two};
use crate::{
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        LIMIT, Scenario,
        Step::{Ends, Load, Readd, Run, Says, Unload},
    },
};

pub(super) const ALL: &[Scenario] = &[HOST, ARM_HOST, KPROBES_OFF, NO_IOMMU, NO_REMAPPING];

/// A host without faults: without the module, with it, and with groups that the module would split.
const HOST: Scenario = Scenario {
    name: "doctor",
    machine: GuestHardware {
        iommu: Iommu::Intel,
        ..ADAPTER_MACHINE
    },
    steps: &[
        Says("acsctl doctor", "PASS  iommu: Intel VT-d"),
        Says("acsctl doctor", "PASS  translation: "),
        Says("acsctl doctor", "PASS  interrupts: remapped"),
        Says("acsctl doctor", "PASS  kprobes: enabled"),
        Says("acsctl doctor", " is supported"),
        Says(
            "acsctl doctor",
            "PASS  module: acs_quirks is not loaded, and has nothing to add",
        ),
        Says(
            "acsctl doctor",
            "PASS  groups: as predicted for this kernel",
        ),
        Load("acs_quirks"),
        Says(
            "acsctl doctor",
            "PASS  module: acs_quirks is loaded and effective",
        ),
        Says("acsctl doctor", "PASS  table: acs_quirks: version "),
        Unload("acs_quirks"),
        Load("acs_quirks_test"),
        Says("acsctl doctor", "no vendor vouches for its entries"),
        Says("acsctl doctor", "for devices of this host: test/adapter"),
        Says(
            "acsctl doctor",
            "WARN  groups: not yet split, although test/adapter of acs_quirks_test isolates",
        ),
        Readd,
        Says(
            "acsctl doctor",
            "PASS  groups: as predicted for this kernel",
        ),
        Says("acsctl doctor --format json", "\"level\": \"PASS\""),
        // After the entry is gone, the groups stay split until a regroup.
        Unload("acs_quirks_test"),
        Ends(
            1,
            "acsctl doctor",
            "an entry that is now withdrawn or unloaded",
        ),
        Says("acsctl regroup 82:00.0", "regrouped, as predicted"),
        Says(
            "acsctl doctor",
            "PASS  groups: as predicted for this kernel",
        ),
        Run("echo 0 >/sys/bus/pci/drivers_autoprobe"),
        Says("acsctl doctor", "WARN  regroup: drivers_autoprobe is off"),
    ],
    limit: LIMIT,
};

/// A shorter version on an Arm host.
const ARM_HOST: Scenario = Scenario {
    name: "doctor",
    machine: GuestHardware {
        iommu: Iommu::SmmuV3,
        ..two(&[first(CARDS), second(CARDS)])
    },
    steps: &[
        Says("acsctl doctor", "PASS  iommu: Arm SMMU"),
        Says("acsctl doctor", "PASS  translation: "),
        Says("acsctl doctor", "PASS  interrupts: remapped"),
        Says(
            "acsctl doctor",
            "PASS  groups: as predicted for this kernel",
        ),
        Load("acs_quirks_test"),
        Says(
            "acsctl doctor",
            "WARN  groups: not yet split, although test/e1000e of acs_quirks_test isolates",
        ),
        Readd,
        Says(
            "acsctl doctor",
            "PASS  groups: as predicted for this kernel",
        ),
    ],
    limit: LIMIT,
};

const CARDS: &[Model] = &[
    Model::Stock("e1000e,romfile="),
    Model::Stock("e1000e,romfile="),
];

/// The module is loaded and ineffective.
const KPROBES_OFF: Scenario = Scenario {
    name: "doctor-kprobes-off",
    machine: two(&[first(&pair(0x1077, 0x8030)), second(&pair(0x1077, 0x8030))]),
    steps: &[
        Run("echo 0 >/sys/kernel/debug/kprobes/enabled"),
        Says("acsctl doctor", "WARN  kprobes: disabled"),
        Load("acs_quirks_test"),
        Ends(1, "acsctl doctor", "FAIL  kprobes: disabled"),
        Ends(
            1,
            "acsctl doctor",
            "FAIL  module: acs_quirks_test is loaded but has no effect",
        ),
        // `acsctl` does not expect an ineffective module to split groups.
        Ends(1, "acsctl doctor", "PASS  groups: "),
        Says("acsctl regroup 01:00.0", "nothing to do"),
        Run("echo 1 >/sys/kernel/debug/kprobes/enabled"),
        Says(
            "acsctl doctor",
            "WARN  groups: not yet split, although test/adapter",
        ),
        // Root reads debugfs also where it is not mounted.
        Run("umount /sys/kernel/debug"),
        Says(
            "acsctl doctor",
            "WARN  groups: not yet split, although test/adapter",
        ),
        // In a container that cannot read it, `acsctl` does not guess.
        Run("unshare -U -r acsctl doctor | grep 'its state was not checked'"),
        Ends(
            2,
            "unshare -U -r acsctl regroup 01:00.0",
            "run it on the host itself",
        ),
    ],
    limit: LIMIT,
};

const NO_IOMMU: Scenario = Scenario {
    name: "doctor-no-iommu",
    machine: GuestHardware {
        iommu: Iommu::None,
        ..ADAPTER_MACHINE
    },
    steps: &[
        Ends(
            1,
            "acsctl doctor",
            "FAIL  iommu: there is no IOMMU, or it is disabled",
        ),
        Load("acs_quirks_test"),
        Ends(
            1,
            "acsctl doctor",
            "FAIL  module: acs_quirks_test is loaded but has no effect",
        ),
        Ends(
            1,
            "acsctl regroup 82:00.0",
            "0000:82:00.0 is in no IOMMU group",
        ),
        Run("test -e /sys/bus/pci/devices/0000:82:00.5"),
    ],
    limit: LIMIT,
};

/// An IOMMU that does not remap interrupts, and VFIO with permission to accept that.
const NO_REMAPPING: Scenario = Scenario {
    name: "doctor-no-remapping",
    machine: GuestHardware {
        iommu: Iommu::Virtio,
        ..ADAPTER_MACHINE
    },
    steps: &[
        Says("acsctl doctor", "WARN  interrupts: not remapped"),
        Run("/sbin/modprobe vfio_iommu_type1 allow_unsafe_interrupts=1"),
        Ends(1, "acsctl doctor", "FAIL  interrupts: not remapped"),
    ],
    limit: LIMIT,
};
