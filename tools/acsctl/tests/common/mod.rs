// SPDX-License-Identifier: GPL-2.0-only

//! Test data and simulated hosts.

#![allow(dead_code, unused_imports, reason = "each test takes what it needs")]

pub(crate) mod command;
#[path = "../../../quirk-data/tests/common/mod.rs"]
mod data;
pub(crate) mod facts;
pub(crate) mod host;

pub(crate) use data::*;
