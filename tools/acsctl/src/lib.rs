// SPDX-License-Identifier: GPL-2.0-only

//! The library behind `acsctl`, so that tests reach each part.
//!
//! | place | what it does |
//! |---|---|
//! | `commands/` | the command line, the output and the exit status |
//! | `database.rs` | the quirk database of a command |
//! | `host/` | the machine that a command works on |
//! | `predict/` | predicts groups and compares them with the kernel's own |
//! | `why/` | explains why functions share a group, and what would change that |
//! | `listing/` | lists groups as a list, a tree or a diagram |
//! | `doctor/` | checks whether the host can isolate devices, and does |
//! | `regroup/` | regroups a device without a reboot |
//! | `markup.rs` | builds HTML |
//! | `output.rs` | writes a generated file, or compares it |

pub mod commands;
pub mod database;
pub mod doctor;
pub mod host;
pub mod listing;
mod markup;
pub mod output;
pub mod predict;
pub mod regroup;
pub mod why;
