// SPDX-License-Identifier: GPL-2.0-only

//! What `acsctl` does, as a library, so that tests reach each part.
//!
//! | place | what it does |
//! |---|---|
//! | `commands/` | the command line, what is printed, the exit status |
//! | `database.rs` | the entries that a command goes by |
//! | `host/` | the machine that a command is about: one view for all commands |
//! | `predict/` | a prediction of groups beside those that the kernel has made |
//! | `why/` | why functions share a group, and what would change it |
//! | `listing/` | the groups of a machine as a list, a tree or a diagram |
//! | `doctor/` | whether the host can isolate devices, and does |
//! | `regroup/` | has the kernel group a device again, safely |
//! | `output.rs` | writes a file in one step, or compares with it |

pub mod commands;
pub mod database;
pub mod doctor;
pub mod host;
pub mod listing;
pub mod output;
pub mod predict;
pub mod regroup;
pub mod why;
