// SPDX-License-Identifier: GPL-2.0-only

//! A host with Secure Boot: the kernel is locked down, and loads the module only with a signature of the owner's key,
//! which shim's list has.

use std::time::Duration;

use super::hardware::{PORT_1, first, pair};
use crate::{
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        Expected, Scenario,
        Step::{Ends, Groups, Load, Logged, Readd, Run, Says},
    },
};

const FUNCTIONS: &[Model] = &pair(0x1077, 0x8030);
const MACHINE: GuestHardware = GuestHardware {
    bridges: &[PORT_1],
    devices: &[first(FUNCTIONS)],
    ..GuestHardware::bare(1, Iommu::Usual)
};
const TOGETHER: Expected = &[&["01:00.0", "01:00.1"]];
const APART: Expected = &[&["01:00.0"], &["01:00.1"]];

/// The firmware, shim and GRUB need half a minute of it under emulation.
const LIMIT: Duration = Duration::from_secs(240);

/// What `doctor` reads, and no init of the guest has mounted.
const MOUNT: &str = "/sbin/modprobe efivarfs && mount -t securityfs none /sys/kernel/security && \
     mount -t efivarfs none /sys/firmware/efi/efivars";

/// The module is not signed: the kernel refuses it, and `doctor` says why.
pub const UNSIGNED: Scenario = Scenario {
    name: "secure-boot-unsigned",
    machine: MACHINE,
    steps: &[
        Logged("Secure boot enabled"),
        Run(MOUNT),
        Ends(
            1,
            "/sbin/modprobe acs_quirks_test 2>&1",
            "Key was rejected by service",
        ),
        Says(
            "acsctl doctor; true",
            "WARN  lockdown: at \"integrity\", and Secure Boot is on: the kernel loads only modules whose signature it trusts",
        ),
        Readd,
        Groups(TOGETHER),
    ],
    limit: LIMIT,
};

/// The module is signed with the owner's key. Everything works as without Secure Boot.
pub const SIGNED: Scenario = Scenario {
    name: "secure-boot-signed",
    machine: MACHINE,
    steps: &[
        Logged("Secure boot enabled"),
        Run(MOUNT),
        Groups(TOGETHER),
        Load("acs_quirks_test"),
        Says(
            "acsctl doctor; true",
            "PASS  lockdown: at \"integrity\", and Secure Boot is on; the loaded module is signed",
        ),
        Run("grep -q effective /sys/kernel/debug/acs_quirks_test/hook"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(APART),
        Logged("isolated by entry"),
    ],
    limit: LIMIT,
};
