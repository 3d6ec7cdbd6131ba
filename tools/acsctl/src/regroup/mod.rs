// SPDX-License-Identifier: GPL-2.0-only

//! Regroups a device without a reboot: removes its functions and rescans them, after checking that
//! no function is in use.
//!
//! | file | what it does |
//! |---|---|
//! | `device.rs` | the functions to remove, and the functions below them |
//! | `uses/` | what uses these functions |
//! | `plan.rs` | the plan: what to remove, and the expected groups |
//! | `obstacles.rs` | what is in the way of a regroup |
//! | `lock.rs` | the lock that allows one run at a time |
//! | `state.rs` | the file from which the next run restores what a killed run changed |
//! | `writer.rs` | writes to sysfs in a separate process, because such a write can block forever |
//! | `steps.rs` | unbinds, removes and rescans |
//! | `window.rs` | the time in which drivers are held off, and the devices that missed a driver in it |
//! | `judge.rs` | compares the groups with the groups before, the justified groups, and the plan |
//! | `give_back.rs` | decides what comes back: takes claims back, or withholds a device |
//! | `withheld.rs` | devices that are not given back, because their groups would not isolate them |
//! | `restore.rs` | restores drivers and settings after success, failure or a kill |
//! | `release.rs` | gives up on a device that is withheld or left behind |
//! | `outcome.rs` | the result for each function |

mod device;
mod give_back;
mod judge;
mod lock;
mod obstacles;
mod outcome;
mod plan;
mod release;
mod restore;
mod state;
mod steps;
pub mod uses;
mod window;
mod withheld;
mod writer;

pub use device::Device;
pub use lock::Lock;
pub use obstacles::{DRIVERS_WAIT_SINCE, Obstacle};
pub use outcome::{Fate, Outcome};
pub use plan::{Plan, Planned};
pub use restore::held_off;
pub use state::State;
pub(crate) use state::records;
pub use steps::{Session, regroup};
pub use withheld::Withheld;
pub use writer::{COMMAND as WRITER, serve};
