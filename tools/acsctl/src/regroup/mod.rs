// SPDX-License-Identifier: GPL-2.0-only

//! Has the kernel group the functions of a package anew, without a reboot: it removes them and finds
//! them again, after it has made sure that nobody uses them.
//!
//! | file | what it does |
//! |---|---|
//! | `package.rs` | which functions have to go, and which go along |
//! | `uses/` | who uses them |
//! | `plan.rs` | what would be done, what would come of it, and what speaks against it |
//! | `state.rs` | the file from which a run that was killed is put right |
//! | `writer.rs` | writes into sysfs, in a process of its own, for such a write may not come back |
//! | `steps.rs` | does it |
//! | `restore.rs` | puts everything back, after success, failure or a kill |
//! | `outcome.rs` | what has become of each function |

mod outcome;
mod package;
mod plan;
mod restore;
mod state;
mod steps;
pub mod uses;
mod writer;

pub use outcome::{Fate, Outcome};
pub use package::Package;
pub use plan::{Obstacle, Plan, Planned};
pub use state::{Lock, State};
pub use steps::{Session, regroup};
pub use writer::{COMMAND as WRITER, serve};
