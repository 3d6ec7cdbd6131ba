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
pub(crate) mod tables;
pub(crate) mod withdraw;

use super::{check, map, rules};

use rules::{
    acs::AcsFlags,
    entry::{Entry, Kinds},
    limits::Limits,
    table::IdRange,
};

/// An entry for endpoints.
const ENTRY: Entry = Entry {
    number: 1,
    name: "test/entry",
    kinds: Kinds::MF_ENDPOINT,
    grants: AcsFlags::GROUPING,
    supersedes: None,
    mainline_since: None,
    conditions: &[],
};

/// A row for the ids of the adapter, of the first entry of a table.
const ROW: IdRange = IdRange {
    vendor: 0x1077,
    first: 0x8030,
    last: 0x8032,
    entry: 0,
    limits: &Limits::NONE,
};
