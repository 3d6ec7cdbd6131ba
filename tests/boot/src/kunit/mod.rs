// SPDX-License-Identifier: GPL-2.0-only

//! The KUnit suite, run on the kernel that is made for it.
//!
//! | file | what it does |
//! |---|---|
//! | `source.rs` | says which tests the suite has, by its source |
//! | `ktap.rs` | reads the results of a suite |
//! | `run.rs` | boots the kernel and has it run all |
//! | `accounts.rs` | what the kernel has in memory and in sysfs |
//! | `coverage.rs` | which branches of the kernel's code were taken |
//! | `faults.rs` | loading the module while memory runs out |

mod accounts;
pub mod coverage;
mod faults;
mod ktap;
mod run;
mod source;

pub use ktap::{Fault, Outcome, Report};
pub use run::{EDITIONS, Edition, Run, checks, run, tree};
pub use source::{Name, tests};
