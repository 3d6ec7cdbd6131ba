// SPDX-License-Identifier: GPL-2.0-only

//! Tables for tests and benchmarks.

#![allow(
    dead_code,
    reason = "each of those that include this takes what it needs"
)]

use rules::{
    entry::{Entry, Kinds},
    limits::Limits,
    table::{IdRange, Table},
};

/// An entry with this number that grants everything to endpoints.
pub(crate) const fn entry(number: u16) -> Entry {
    Entry {
        number,
        name: "test/entry",
        kinds: Kinds::MF_ENDPOINT,
        grants: Kinds::MF_ENDPOINT.grantable(),
        supersedes: None,
        mainline_since: None,
        conditions: &[],
    }
}

/// A row of the index.
pub(crate) const fn row(vendor: u16, first: u16, last: u16, entry: u16) -> IdRange {
    IdRange {
        vendor,
        first,
        last,
        entry,
        limits: &Limits::NONE,
    }
}

/// A leaked table with these parts and no further issued numbers.
pub(crate) fn table(entries: Vec<Entry>, index: Vec<IdRange>) -> Table {
    let issued: Vec<_> = entries.iter().map(|entry| entry.number).collect();
    Table {
        version: "0123456789ab",
        entries: entries.leak(),
        index: index.leak(),
        issued: issued.leak(),
    }
}

/// A table of one entry for the ids `vendor:first-last`.
pub(crate) fn single(entry: Entry, vendor: u16, first: u16, last: u16) -> Table {
    table(vec![entry], vec![row(vendor, first, last, 0)])
}

/// A sound table with this many ranges over 16 vendors: four ids each, with gaps of four.
pub(crate) fn evenly_spread(ranges: u16) -> Table {
    let per_vendor = ranges.div_ceil(16);
    let index = (0..ranges).map(|at| {
        let first = at % per_vendor * 8;
        row(0x1000 + at / per_vendor, first, first + 3, at % 512)
    });
    table((1..=512).map(entry).collect(), index.collect())
}

/// A sound table of random ranges over few vendors: some with one id, some adjacent, some at the
/// ends of the id space.
pub(crate) fn random(random: &mut fastrand::Rng) -> Table {
    let entries = random.u16(1..40);
    let mut index = Vec::new();
    for vendor in 0..random.u16(0..5) {
        let mut next = u32::from(random.u8(..) % 4);
        while next <= 0xffff {
            let last = (next + random.u32(0..0x800) * u32::from(random.bool())).min(0xffff);
            let [first, last] = [next, last].map(|id| u16::try_from(id).unwrap_or(u16::MAX));
            index.push(row(
                1 + vendor * 0x3333,
                first,
                last,
                random.u16(0..entries),
            ));
            next = u32::from(last) + 1 + random.u32(0..0x2000) * u32::from(random.bool());
        }
    }
    let mut number = 0;
    let entries = (0..entries).map(|_| {
        number += random.u16(1..100);
        entry(number)
    });
    let entries = entries.collect();
    table(entries, index)
}
