// SPDX-License-Identifier: GPL-2.0-only

//! VFIO assigns each group to one program. A small program stands in for a virtual machine here.
//! `two_guests.rs` starts real ones.

use super::hardware::on_board;
use crate::{
    machine::Iommu,
    scenario::{
        LIMIT, Scenario,
        Step::{self, Ends, Load, ReaddAt, Run, Says, Unload},
    },
};

pub(super) const ALL: &[Scenario] = &[on(Iommu::Intel), on(Iommu::Amd), on(Iommu::Virtio)];

/// The test on a host with this IOMMU.
const fn on(iommu: Iommu) -> Scenario {
    Scenario {
        name: "held",
        machine: on_board(iommu),
        steps: STEPS,
        limit: LIMIT,
    }
}

const GIVE: Step = Run("to-vfio 82:00.2 82:00.3");
/// One program takes function 2 and holds it.
const HOLD: Step = Run("hold 82:00.2");
/// A second program asks for function 3.
const ASK: &str = "hold-vfio 0000:82:00.3 </dev/null";
/// The first program ends.
const RELEASE: Step = Run("release 82:00.2");
const BUSY: Step = Ends(2, ASK, "Device or resource busy");

const STEPS: &[Step] = &[
    GIVE,
    HOLD,
    BUSY,
    RELEASE,
    // Now the group is free. This shows that the failure had no other reason.
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
