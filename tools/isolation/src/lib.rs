// SPDX-License-Identifier: GPL-2.0-only

//! The isolation logic of the kernel module, for the tools and for tests on the host: the very
//! files that the module is built from.

#![no_std]

#[path = "../../../src/isolation/mod.rs"]
mod logic;

pub use logic::*;
