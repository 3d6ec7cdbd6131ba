// SPDX-License-Identifier: GPL-2.0-only

//! A remove and rescan on a kernel with the patches in `upstream/`, and on one without.

use super::hardware::{emulated, first, second, two};
use crate::{
    function::Function,
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{Groups, Readd},
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
