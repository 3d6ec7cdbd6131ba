// SPDX-License-Identifier: GPL-2.0-only

//! The data table in its built form, and the lookup in it.

use super::{
    acs::AcsFlags,
    aliases,
    condition::Condition,
    entry::{CatchAll, Entry, Kind},
    limits::Limits, //
};

/// A closed range of device ids of one vendor, and the entry that they belong to.
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
    /// For which of the functions with these ids the entry speaks.
    pub limits: &'static Limits,
}

/// The table, as the generator writes it.
///
/// # Invariants
///
/// [`Table::is_sound`] holds; each root asserts it at compile time.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Digest of everything in the table, so that a log line tells which table was loaded.
    pub version: &'static str,
    /// The entries, by ascending number.
    pub entries: &'static [Entry],
    /// Which ids belong to which entry: sorted by vendor and first id, without overlap.
    pub index: &'static [IdRange],
    /// Every number that was ever given out, ascending; those of other editions and of entries that
    /// are gone among them.
    pub issued: &'static [u16],
}

impl Table {
    /// The largest number that an entry may have.
    pub const MAX_NUMBER: u16 = 4095;

    /// The largest number of entries that a table may have.
    pub const MAX_ENTRIES: usize = Self::MAX_NUMBER as usize;

    /// The entry for a device, with its position in [`Table::entries`].
    ///
    /// O(log n) in the number of id ranges; takes no lock and no memory.
    pub fn find(&self, vendor: u16, device: u16) -> Option<(u16, &'static Entry)> {
        let range = self.row(vendor, device)?;
        let entry = self.entries.get(usize::from(range.entry))?;
        Some((range.entry, entry))
    }

    /// The row of the index that a device is in. O(log n) in the number of rows.
    pub fn row(&self, vendor: u16, device: u16) -> Option<&'static IdRange> {
        let after = self
            .index
            .partition_point(|range| (range.vendor, range.first) <= (vendor, device));
        let range = self.index.get(after.checked_sub(1)?)?;
        (range.vendor == vendor && device <= range.last).then_some(range)
    }

    /// Whether the table keeps its invariants, each of which is a function below.
    pub const fn is_sound(&self) -> bool {
        self.entries.len() <= Self::MAX_ENTRIES
            && self.numbers_are_sound()
            && self.entries_are_sound()
            && self.index_is_sound()
            && self.rows_suit_their_entries()
    }

    /// Numbers ascend from 1 to [`Table::MAX_NUMBER`], and each entry has one that was given out.
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

    /// Every entry has a kind, grants no more than its kinds allow, and has conditions that make sense.
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

    /// The index is sorted and free of overlap, and each row names an entry, a vendor and limits that
    /// make sense.
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
            // What an absent function reads as, and what a device has before it is set up.
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

    /// No row claims what its entry may not claim of its ids: see [`suits`].
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

    /// How many single device ids the index names.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "evaluated at compile time, where a fault is a build error"
    )]
    pub const fn id_count(&self) -> usize {
        let mut count = 0;
        let mut at = 0;
        while at < self.index.len() {
            count += (self.index[at].last - self.index[at].first) as usize + 1;
            at += 1;
        }
        count
    }
}

/// Whether there are not too many conditions and each makes sense.
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

/// Whether an entry may claim the ids of a row.
///
/// - Bridges have no subsystem where functions with a header of type 0 have it.
/// - Trust rule `kernel-first`: a catch-all handler answers 0 for every id of its vendor that it does not
///   list, so an entry for a kind that it answers for names it, and one that names it is for its vendor
///   alone. Asked for more than the flags of grouping, its 0 may be a considered answer.
/// - Trust rule `closed`: no function with the ids sends under the requester ID of another.
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

/// Whether an entry names this handler; the operator is not there at compile time.
const fn is(found: Option<CatchAll>, handler: CatchAll) -> bool {
    match found {
        Some(found) => found as u8 == handler as u8,
        None => false,
    }
}
