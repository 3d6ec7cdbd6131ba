// SPDX-License-Identifier: GPL-2.0-only

//! Machines for the tests.

#![allow(dead_code, unused_imports, reason = "each test takes what it needs")]

pub(crate) mod adapter;
pub(crate) mod groups_in_c;
pub(crate) mod machine;
#[path = "../../../topology/tests/common/mod.rs"]
mod topologies;

pub(crate) use topologies::*;
