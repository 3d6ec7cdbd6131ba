// SPDX-License-Identifier: GPL-2.0-only

//! Tests that run on the host and in the kernel's KUnit suite. They use `core` only.
//!
//! The module above provides `rules`, `check` (failures of a test) and `map::Map` (a map from keys
//! to values). `src/rules/tests/common/mod.rs` does so on the host, `tests/kernel/kunit/main.rs` in
//! the kernel.

pub(crate) mod bus;
pub(crate) mod decision;
pub(crate) mod flags;
pub(crate) mod package;
mod prelude;
pub(crate) mod tables;
pub(crate) mod withdraw;

use super::{check, map, rules};
