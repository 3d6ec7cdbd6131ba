// SPDX-License-Identifier: GPL-2.0-only

//! Regroups a device without a reboot: removes its functions and rescans them, after checking that
//! no function is in use.
//!
//! | file | what it does |
//! |---|---|
//! | `device.rs` | the functions to remove, and the functions below them |
//! | `uses/` | what uses these functions |
//! | `plan.rs` | the plan: what to remove, the expected groups, and the obstacles |
//! | `state.rs` | the file from which the next run restores what a killed run changed |
//! | `writer.rs` | writes to sysfs in a separate process, because such a write can block forever |
//! | `steps.rs` | unbinds, removes and rescans |
//! | `restore.rs` | restores drivers and settings after success, failure or a kill |
//! | `outcome.rs` | the result for each function |

mod device;
mod outcome;
mod plan;
mod restore;
mod state;
mod steps;
pub mod uses;
mod writer;

pub use device::Device;
pub use outcome::{Fate, Outcome};
pub use plan::{FIRST_SERIES, Obstacle, Plan, Planned};
pub use state::{Lock, State};
pub use steps::{Session, regroup};
pub use writer::{COMMAND as WRITER, serve};
