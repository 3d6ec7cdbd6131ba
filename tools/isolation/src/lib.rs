// SPDX-License-Identifier: GPL-2.0-only

//! The isolation logic of the kernel module, for the tools and for tests on the host: the very
//! files that the module is built from.

#![no_std]
#![allow(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "the kernel's lints, which these files are written to, do not ask for either"
)]

#[path = "../../../src/isolation/mod.rs"]
mod logic;

pub use logic::*;
