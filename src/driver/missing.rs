// SPDX-License-Identifier: GPL-2.0-only

//! Measures which entries the running kernel lacks. Nothing is derived from its release:
//! distributions take quirks from later releases, or do not take those of stable releases.
//!
//! The result changes no decision. Each decision uses the kernel's answer for the function that the
//! kernel asks about (trust rule `kernel-first`).

use kernel::fmt;

use super::engine;
use crate::{
    rules::{
        decision,
        entry::Entry,
        pcie::PcieType, //
    },
    sys::decoy::{
        self,
        Ask, //
    },
    table::TABLE, //
};

/// Whether the running kernel has a quirk of its own for the ids of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measured {
    /// The kernel has a quirk for none of the ids.
    Lacks,
    /// The kernel has a quirk for each of the ids.
    Has,
    /// The kernel has a quirk for some of the ids.
    HasPart,
    /// The self-test does not pass at the moment.
    Unknown,
}

impl Measured {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Lacks, "lacks"),
        (Self::Has, "has"),
        (Self::HasPart, "has part of"),
        (Self::Unknown, "unknown"),
    ];
}

/// Asks the kernel about each id of an entry with each type that the entry applies to. Each
/// combination costs one question to the kernel.
fn measure(ask: Ask<'_>, position: usize, entry: &Entry) -> Measured {
    let (mut lacks, mut has) = (false, false);
    for row in TABLE.index {
        if usize::from(row.entry) != position {
            continue;
        }
        for device in row.first..=row.last {
            for raw in PcieType::RAW {
                let found = PcieType::from_raw(raw);
                if !found.is_some_and(|found| entry.kinds.apply_to(found)) {
                    continue;
                }
                let Some(answer) = ask(row.vendor, device, raw) else {
                    return Measured::Unknown;
                };
                if decision::kernel_lacks(entry, answer, row.vendor, found) {
                    lacks = true;
                } else {
                    has = true;
                }
            }
        }
    }
    match (lacks, has) {
        (true, false) => Measured::Lacks,
        (false, true) => Measured::Has,
        (true, true) => Measured::HasPart,
        (false, false) => Measured::Unknown,
    }
}

/// The measurement of every entry, by position in
/// [`Table::entries`](crate::rules::table::Table::entries).
fn all() -> [Measured; TABLE.entries.len()] {
    let mut all = [Measured::Unknown; TABLE.entries.len()];
    decoy::ask_about(|ask| {
        for (position, (entry, measured)) in TABLE.entries.iter().zip(&mut all).enumerate() {
            *measured = measure(ask, position, entry);
        }
    });
    all
}

/// The number of entries that make a claim here because the kernel lacks them, in part or whole;
/// `None` if that cannot be measured at the moment. An entry that mainline lacks is measured too: a
/// distribution may have it first.
pub(super) fn count() -> Option<usize> {
    let mut count = None;
    decoy::ask_about(|ask| {
        let entries = TABLE.entries.iter().enumerate();
        let mut speaking = entries.filter(|(_, entry)| engine::speaks(entry).is_ok());
        count = speaking.try_fold(0, |count, (position, entry)| {
            match measure(ask, position, entry) {
                Measured::Lacks | Measured::HasPart => Some(count + 1),
                Measured::Has => Some(count),
                Measured::Unknown => None,
            }
        });
    });
    count
}

/// Writes the lines of the debugfs file `hook` on what the kernel has: the numbers of the entries,
/// by [`Measured`]; a line without numbers is left out.
pub(super) fn show(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let all = all();
    for (kind, name) in Measured::ALL {
        let mut separator = "";
        for (entry, measured) in TABLE.entries.iter().zip(all) {
            if measured == kind {
                if separator.is_empty() {
                    write!(f, "kernel {name}: ")?;
                }
                write!(f, "{separator}{}", entry.number)?;
                separator = ",";
            }
        }
        if !separator.is_empty() {
            writeln!(f)?;
        }
    }
    Ok(())
}
