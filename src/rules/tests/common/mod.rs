// SPDX-License-Identifier: GPL-2.0-only

//! The host's side of the tests in [`shared`], and tables for the other tests.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each test takes what it needs"
)]

pub(crate) mod check;
#[path = "../shared/mod.rs"]
pub(crate) mod shared;
pub(crate) mod tables;

pub(crate) use ::rules;
pub(crate) use shared::bus::*;

/// The map of the host.
pub(crate) mod map {
    pub(crate) use std::collections::BTreeMap as Map;
}
