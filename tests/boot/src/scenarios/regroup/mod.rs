// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl regroup` on a running kernel.
//!
//! | file | topic |
//! |---|---|
//! | `splits.rs` | regroups without an obstacle |
//! | `uses.rs` | devices in use |
//! | `trap.rs` | groups that would become finer without a justification |
//! | `meanwhile.rs` | what else happens on the host during a regroup |
//! | `faults.rs` | kills, signals, and functions that do not come back |
//! | `chaos.rs` | kills at random moments, while other processes change the host |

pub(super) mod chaos;
mod faults;
mod meanwhile;
mod splits;
mod trap;
mod uses;

use crate::{
    machine::Model,
    scenario::{Expected, Scenario},
};

pub(super) fn all() -> Vec<Scenario> {
    [
        faults::ALL,
        meanwhile::ALL,
        splits::ALL,
        uses::ALL,
        trap::ALL,
    ]
    .concat()
}

/// Two network cards with a driver. The test edition has an entry for them.
const CARDS: &[Model] = &[
    Model::Stock("e1000e,romfile="),
    Model::Stock("e1000e,romfile="),
];
const TOGETHER: Expected = &[&["01:00.0", "01:00.1"]];
const APART: Expected = &[&["01:00.0"], &["01:00.1"]];
