// SPDX-License-Identifier: GPL-2.0-only

//! Items that most of the tests use.

pub(crate) use super::{bus::*, check::*};

use super::rules::{
    acs::AcsFlags,
    entry::{Entry, Kinds},
    limits::Limits,
    table::IdRange,
};

/// An entry for endpoints.
pub(crate) const ENTRY: Entry = Entry {
    number: 1,
    name: "test/entry",
    kinds: Kinds::MF_ENDPOINT,
    grants: AcsFlags::GROUPING,
    supersedes: None,
    mainline_since: None,
    conditions: &[],
};

/// A row for the ids of the adapter, of the first entry of a table.
pub(crate) const ROW: IdRange = IdRange {
    vendor: 0x1077,
    first: 0x8030,
    last: 0x8032,
    entry: 0,
    limits: &Limits::NONE,
};
