// SPDX-License-Identifier: GPL-2.0-only

//! The data table in its built form, and the lookup in it.

use super::{
    acs::AcsFlags,
    condition::Condition,
    entry::{Entry, Kind},
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
}

impl Table {
    /// The largest number of entries that a table may have.
    pub const MAX_ENTRIES: usize = 1 << 12;

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

    /// Whether the table keeps its invariants: numbers ascend from 1, index sorted and free of
    /// overlap, every index row names an entry and a vendor, every entry has a kind and grants no more
    /// than its kinds allow, conditions and limits make sense, and those that supersede a catch-all are for its vendor and for grouping.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "evaluated at compile time, where a fault is a build error"
    )]
    pub const fn is_sound(&self) -> bool {
        if self.entries.len() > Self::MAX_ENTRIES {
            return false;
        }
        let mut at = 0;
        let mut previous = 0;
        while at < self.entries.len() {
            let entry = &self.entries[at];
            if entry.number <= previous || !entry.kinds.grantable().contains(entry.grants) {
                return false;
            }
            if entry.kinds.is_empty() {
                return false;
            }
            if !are_sound(entry.conditions) {
                return false;
            }
            previous = entry.number;
            at += 1;
        }
        let mut at = 0;
        while at < self.index.len() {
            let row = &self.index[at];
            if row.first > row.last || row.entry as usize >= self.entries.len() {
                return false;
            }
            // What an absent function reads as, and what a device has before it is set up.
            if row.vendor == 0x0000 || row.vendor == 0xffff {
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
            let limits = row.limits;
            if !limits.is_sound() {
                return false;
            }
            // Bridges have no subsystem where functions with a header of type 0 have it.
            let kinds = self.entries[row.entry as usize].kinds;
            if !limits.subsystems.is_empty()
                && (kinds.contains(Kind::RootPort) || kinds.contains(Kind::DownstreamPort))
            {
                return false;
            }
            if let Some(handler) = self.entries[row.entry as usize].supersedes {
                // Asked for no more than these flags, the handler answers 0 only for what it does
                // not list; asked for more, its 0 may be a considered answer.
                let grants = self.entries[row.entry as usize].grants;
                if handler.vendor() != row.vendor || !AcsFlags::GROUPING.contains(grants) {
                    return false;
                }
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
