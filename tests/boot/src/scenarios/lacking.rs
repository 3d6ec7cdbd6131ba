// SPDX-License-Identifier: GPL-2.0-only

//! Validated entries on a kernel that lacks their quirks, and on a kernel that has them.

use super::hardware::{emulated, first, second, two};
use crate::{
    machine::{GuestHardware, Iommu},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{Ends, Groups, Load, Logged, Readd, Run, Says, Unload},
    },
};

const ETHERNET: u32 = 0x02_0000;

/// A Broadcom adapter at 01:00, and a device at 02:00. Only two functions of the device have the
/// adapter's ids.
const MACHINE: GuestHardware = GuestHardware {
    iommu: Iommu::Amd,
    ..two(&[
        first(&[
            emulated(0x14e4, 0x1760, ETHERNET),
            emulated(0x14e4, 0x1760, ETHERNET),
            emulated(0x14e4, 0x1763, ETHERNET),
        ]),
        second(&[
            emulated(0x14e4, 0x1760, ETHERNET),
            emulated(0x14e4, 0x1760, ETHERNET),
            emulated(0x1234, 0x0bad, ETHERNET),
        ]),
    ])
};

const TOGETHER: Expected = &[
    &["01:00.0", "01:00.1", "01:00.2"],
    &["02:00.0", "02:00.1", "02:00.2"],
];

const APART: Expected = &[
    &["01:00.0"],
    &["01:00.1"],
    &["01:00.2"],
    &["02:00.0"],
    &["02:00.1"],
    &["02:00.2"],
];

const FIRST_APART: Expected = &[
    &["01:00.0"],
    &["01:00.1"],
    &["01:00.2"],
    &["02:00.0", "02:00.1", "02:00.2"],
];

/// On the kernel without the quirks, the module itself splits the adapter, without a taint. The control
/// is the same kernel without the module, and with the entry withdrawn.
pub const WITHOUT_QUIRKS: Scenario = Scenario {
    name: "without-quirks",
    machine: MACHINE,
    steps: &[
        Groups(TOGETHER),
        Readd,
        Groups(TOGETHER),
        Load("acs_quirks"),
        Logged("on this kernel: 7 entries that it lacks"),
        Says(
            "cat /sys/kernel/debug/acs_quirks/hook",
            "kernel lacks: 17,18,41,43,47,49,50\n",
        ),
        Says(
            "acsctl doctor",
            "on this kernel: 7 entries that it lacks; lacking, for devices of this host: broadcom/bcm5760x",
        ),
        Run("test $(($(cat /proc/sys/kernel/tainted) >> 18 & 1)) = 0"),
        Groups(TOGETHER),
        Readd,
        Groups(FIRST_APART),
        Logged("isolated by entry 41 (broadcom/bcm5760x)"),
        Run("grep -E '^41 .*granted=[1-9]' /sys/kernel/debug/acs_quirks/counts"),
        Unload("acs_quirks"),
        Readd,
        Groups(TOGETHER),
        Load("acs_quirks withdraw=41"),
        Logged("on this kernel: 6 entries that it lacks"),
        Readd,
        Groups(TOGETHER),
        Unload("acs_quirks"),
        // A withdrawn entry justifies no groups, although later releases have its quirk.
        Load("acs_quirks"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(FIRST_APART),
        Says("acsctl doctor", "PASS  groups"),
        Unload("acs_quirks"),
        Load("acs_quirks withdraw=41"),
        Groups(FIRST_APART),
        Ends(1, "acsctl doctor", "finer than isolation justifies"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(TOGETHER),
        Says("acsctl doctor", "PASS  groups"),
        Says("acsctl regroup 01:00.0", "nothing to do"),
        Unload("acs_quirks"),
        // Without the module, nothing shows that the kernel lacks the quirk. The regroup does.
        Load("acs_quirks"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(FIRST_APART),
        Unload("acs_quirks"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(TOGETHER),
    ],
    limit: LIMIT,
};

/// On a kernel with the quirks, the kernel splits the adapter, and the module makes no claim. The
/// kernel's quirk answers for each function alone, so it splits the second device too.
pub const WITH_QUIRKS: Scenario = Scenario {
    name: "with-quirks",
    machine: MACHINE,
    steps: &[
        Groups(APART),
        // Debian's kernel took the quirk with a stable update, which its release number does not show.
        Says(
            "acsctl doctor",
            "PASS  groups: as predicted for this kernel and the loaded modules; with quirks that mainline has since a \
             later release: 0000:01:00.0 0000:01:00.1 0000:01:00.2",
        ),
        // Only a regroup shows whether the kernel has the quirk.
        Says(
            "acsctl regroup 01:00.0",
            "finer than predicted: the kernel has quirks of a later release",
        ),
        Groups(APART),
        Load("acs_quirks"),
        Logged("on this kernel: 0 entries that it lacks"),
        Says("acsctl doctor", "grants nothing on this kernel"),
        Says(
            "acsctl doctor",
            "PASS  groups: as predicted for this kernel",
        ),
        Readd,
        Groups(APART),
        Run("grep -E '^41 .*granted=0 .*kernel-verdict=[1-9]' /sys/kernel/debug/acs_quirks/counts"),
        Unload("acs_quirks"),
        Readd,
        Groups(APART),
    ],
    limit: LIMIT,
};
