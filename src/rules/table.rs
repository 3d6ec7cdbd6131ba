// SPDX-License-Identifier: GPL-2.0-only

//! The module's table and its lookup. `acsctl` generates the table from the quirk database.

use super::{
    acs::AcsFlags,
    aliases,
    condition::Condition,
    entry::{CatchAll, Entry, Kind},
    limits::Limits, //
};

/// An inclusive range of device ids of one vendor, and the entry that lists them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdRange {
    /// PCI vendor id.
    pub vendor: u16,
    /// First device id.
    pub first: u16,
    /// Last device id, not below the first.
    pub last: u16,
    /// Position of the entry in [`Table::entries`].
    pub entry: u16,
    /// The limits of the entry's claim for these ids.
    pub limits: &'static Limits,
}

/// The table that the generator writes.
///
/// # Invariants
///
/// [`Table::is_sound`] holds. Each edition of the module asserts it at compile time.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// A digest of the table's contents, so that a log line identifies the table.
    pub version: &'static str,
    /// The entries, ascending by number.
    pub entries: &'static [Entry],
    /// The id ranges of all entries, sorted by vendor and first id, without overlap.
    pub index: &'static [IdRange],
    /// Every number ever issued, ascending, including numbers of other editions and of removed
    /// entries.
    pub issued: &'static [u16],
}

impl Table {
    /// The largest number that an entry may have.
    pub const MAX_NUMBER: u16 = 4095;

    /// The largest number of entries that a table may have.
    pub const MAX_ENTRIES: usize = Self::MAX_NUMBER as usize;

    /// The entry that lists these ids, with its position in [`Table::entries`].
    ///
    /// Costs O(log n) in the number of id ranges. Takes no lock and allocates nothing.
    pub fn find(&self, vendor: u16, device: u16) -> Option<(u16, &'static Entry)> {
        let range = self.row(vendor, device)?;
        let entry = self.entries.get(usize::from(range.entry))?;
        Some((range.entry, entry))
    }

    /// The row of the index that contains these ids. Costs O(log n) in the number of rows.
    pub fn row(&self, vendor: u16, device: u16) -> Option<&'static IdRange> {
        let after = self
            .index
            .partition_point(|range| (range.vendor, range.first) <= (vendor, device));
        let range = self.index.get(after.checked_sub(1)?)?;
        (range.vendor == vendor && device <= range.last).then_some(range)
    }

    /// Whether the table keeps its invariants; each function below checks one.
    pub const fn is_sound(&self) -> bool {
        self.entries.len() <= Self::MAX_ENTRIES
            && self.numbers_are_sound()
            && self.entries_are_sound()
            && self.index_is_sound()
            && self.rows_suit_their_entries()
    }

    /// Issued numbers ascend from 1 to [`Table::MAX_NUMBER`] at most, and each entry has an issued
    /// number.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "evaluated at compile time, where a fault is a build error"
    )]
    const fn numbers_are_sound(&self) -> bool {
        let mut entry = 0;
        let mut at = 0;
        let mut previous = 0;
        while at < self.issued.len() {
            let number = self.issued[at];
            if number <= previous || number > Self::MAX_NUMBER {
                return false;
            }
            if entry < self.entries.len() && self.entries[entry].number == number {
                entry += 1;
            }
            previous = number;
            at += 1;
        }
        entry == self.entries.len()
    }

    /// Every entry has a kind, grants no more than its kinds allow, and has well-formed conditions.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "evaluated at compile time, where a fault is a build error"
    )]
    const fn entries_are_sound(&self) -> bool {
        let mut at = 0;
        while at < self.entries.len() {
            let entry = &self.entries[at];
            if entry.kinds.is_empty()
                || !entry.kinds.grantable().contains(entry.grants)
                || !are_sound(entry.conditions)
            {
                return false;
            }
            at += 1;
        }
        true
    }

    /// The index is sorted without overlap, and each row has a valid entry position, vendor id and
    /// limits.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "evaluated at compile time, where a fault is a build error"
    )]
    const fn index_is_sound(&self) -> bool {
        let mut at = 0;
        while at < self.index.len() {
            let row = &self.index[at];
            if row.first > row.last || row.entry as usize >= self.entries.len() {
                return false;
            }
            // Vendor id ffffh is what an absent function reads as, 0000h what a function may read
            // as before it is set up.
            if row.vendor == 0x0000 || row.vendor == 0xffff || !row.limits.is_sound() {
                return false;
            }
            if at > 0 {
                let before = &self.index[at - 1];
                if before.vendor > row.vendor
                    || (before.vendor == row.vendor && before.last >= row.first)
                {
                    return false;
                }
            }
            at += 1;
        }
        true
    }

    /// Every row suits its entry: see [`suits`].
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "evaluated at compile time, where a fault is a build error"
    )]
    const fn rows_suit_their_entries(&self) -> bool {
        let mut at = 0;
        while at < self.index.len() {
            let row = &self.index[at];
            if !suits(row, &self.entries[row.entry as usize]) {
                return false;
            }
            at += 1;
        }
        true
    }
}

/// Whether the conditions are well formed and at most [`Condition::MAX`].
const fn are_sound(conditions: &[Condition]) -> bool {
    let mut rest = conditions;
    while let [condition, others @ ..] = rest {
        if !condition.is_sound() {
            return false;
        }
        rest = others;
    }
    conditions.len() <= Condition::MAX
}

/// Whether an entry may list the ids of a row.
///
/// - Subsystem limits need an entry without port kinds: a bridge has no subsystem ids where a type
///   0 header has them.
/// - Trust rule `kernel-first`: a catch-all handler answers 0 for every id of its vendor that it
///   does not list. An entry for a kind that the handler answers for must name the handler, and
///   only entries for that vendor may name it. Such an entry grants no flag beyond
///   [`AcsFlags::GROUPING`], because the handler's 0 for other flags may be deliberate.
/// - Trust rule `closed`: no function with these ids sends under another requester ID.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "evaluated at compile time, where a fault is a build error"
)]
const fn suits(row: &IdRange, entry: &Entry) -> bool {
    let kinds = entry.kinds;
    if !row.limits.subsystems.is_empty()
        && (kinds.contains(Kind::RootPort) || kinds.contains(Kind::DownstreamPort))
    {
        return false;
    }
    if let Some(handler) = entry.supersedes {
        if handler.vendor() != row.vendor || !AcsFlags::GROUPING.contains(entry.grants) {
            return false;
        }
    }
    let mut handlers: &[CatchAll] = &CatchAll::ALL;
    while let [handler, others @ ..] = handlers {
        let mut all: &[Kind] = &Kind::ALL;
        while let [kind, rest @ ..] = all {
            if kinds.contains(*kind)
                && handler.answers(row.vendor, *kind)
                && !is(entry.supersedes, *handler)
            {
                return false;
            }
            all = rest;
        }
        handlers = others;
    }
    let mut device = row.first;
    loop {
        if aliases::may_alias(row.vendor, device) {
            return false;
        }
        if device == row.last {
            return true;
        }
        device += 1;
    }
}

/// Whether the entry names this handler. `==` is not available at compile time.
const fn is(found: Option<CatchAll>, handler: CatchAll) -> bool {
    match found {
        Some(found) => found as u8 == handler as u8,
        None => false,
    }
}
