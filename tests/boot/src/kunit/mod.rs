// SPDX-License-Identifier: GPL-2.0-only

//! The KUnit suite, run on a kernel that is built for it.
//!
//! | file | content |
//! |---|---|
//! | `source.rs` | lists the tests of the suite from its source |
//! | `ktap.rs` | parses the results of a suite |
//! | `run.rs` | boots the kernel and runs the suite |
//! | `accounts.rs` | detects leaks in memory and in sysfs |
//! | `coverage.rs` | the branches of the kernel's code that were taken |
//! | `faults.rs` | loads the module while memory runs out |

mod accounts;
pub mod coverage;
mod faults;
mod ktap;
mod run;
mod source;

pub use ktap::{Outcome, ParseError, Report};
pub use run::{EDITIONS, Edition, Run, checks, run, tree};
pub use source::{Name, tests};
