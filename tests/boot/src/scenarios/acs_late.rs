// SPDX-License-Identifier: GPL-2.0-only

//! A kernel that switches ACS on when drivers bind, after it has made the groups, as several stable kernels of
//! spring 2026 did.

use super::hardware::{ACS, first, second, two};
use crate::{
    function::Function,
    machine::{GuestHardware, Model},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{Groups, Run, Says},
    },
};

/// Two functions that have ACS, and no driver.
const WITHOUT_DRIVER: Model =
    Model::Emulated(Function::new(0x1234, 0x0bad, 0x02_0000).with_acs(ACS));

/// A network card at 01:00, and a device with ACS of its own at 02:00. Each is below a root port of QEMU, which has
/// ACS.
const MACHINE: GuestHardware = two(&[
    first(&[Model::Stock("e1000e,romfile=")]),
    second(&[WITHOUT_DRIVER, WITHOUT_DRIVER]),
]);

const APART: Expected = &[
    &["00:10.0"],
    &["00:11.0"],
    &["01:00.0"],
    &["02:00.0"],
    &["02:00.1"],
];

/// The ports get ACS from their driver, the device at 02:00 does not.
const MENDED: Expected = &[
    &["00:10.0"],
    &["00:11.0"],
    &["01:00.0"],
    &["02:00.0", "02:00.1"],
];

/// A regroup, without the module, mends what a driver has switched ACS on for.
pub const LATE: Scenario = Scenario {
    name: "acs-late",
    machine: MACHINE,
    steps: &[
        Groups(&[&["00:10.0", "01:00.0"], &["00:11.0", "02:00.0", "02:00.1"]]),
        Says(
            "acsctl doctor",
            "WARN  groups: coarser than the kernel would make it now: 0000:00:10.0 0000:01:00.0",
        ),
        Says("acsctl why 01:00.0", "acsctl regroup 0000:01:00.0"),
        Says(
            "acsctl regroup --all",
            "0000:01:00.0: regrouped, as predicted",
        ),
        Groups(MENDED),
        Run("test $(basename $(readlink /sys/bus/pci/devices/0000:01:00.0/driver)) = e1000e"),
        Says("acsctl doctor", "PASS  groups"),
        Says("acsctl regroup --all", "nothing to do"),
    ],
    limit: LIMIT,
};

/// The control: the same machine with a kernel that switches ACS on first.
pub const IN_TIME: Scenario = Scenario {
    name: "acs-in-time",
    machine: MACHINE,
    steps: &[Groups(APART), Says("acsctl doctor", "PASS  groups")],
    limit: LIMIT,
};
