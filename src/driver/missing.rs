// SPDX-License-Identifier: GPL-2.0-only

//! Measures which entries the running kernel lacks. Nothing is derived from its release:
//! distributions take quirks from later releases, or do not take those of stable releases.
//!
//! The result is only shown. Each decision takes the kernel's answer for the function in question
//! (trust rule `kernel-first`).

use kernel::fmt;

use super::engine;
use crate::{
    rules::{
        decision,
        entry::Entry,
        pcie::PcieType, //
    },
    sys::decoy,
    table::TABLE, //
};

/// Whether the running kernel has a quirk of its own for the ids of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measured {
    /// For none of them.
    Lacks,
    /// For each of them.
    Has,
    /// For some of them.
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

/// Asks the kernel about each id of an entry with each type that the entry speaks for. Costs a
/// question of the kernel for each.
fn measure(position: usize, entry: &Entry) -> Measured {
    let rows = TABLE
        .index
        .iter()
        .filter(|row| usize::from(row.entry) == position);
    let ids = rows.flat_map(|row| (row.first..=row.last).map(|device| (row.vendor, device)));
    let questions = ids.flat_map(|(vendor, device)| {
        let types = PcieType::RAW.into_iter();
        let types = types.filter(|&raw| kind(raw).is_some_and(|found| entry.kinds.apply_to(found)));
        types.map(move |raw| (vendor, device, raw))
    });
    let (mut lacks, mut has) = (false, false);
    let is_complete = decoy::ask_about(questions, |(vendor, _, raw), answer| {
        if decision::kernel_lacks(entry, answer, vendor, kind(raw)) {
            lacks = true;
        } else {
            has = true;
        }
    });
    match (is_complete, lacks, has) {
        (true, true, false) => Measured::Lacks,
        (true, false, true) => Measured::Has,
        (true, true, true) => Measured::HasPart,
        _ => Measured::Unknown,
    }
}

fn kind(raw: u8) -> Option<PcieType> {
    PcieType::from_raw(raw)
}

/// The number of entries that make a claim here because the kernel lacks them, in part or whole;
/// `None` if that cannot be measured at the moment.
pub(super) fn count() -> Option<usize> {
    let mut count = 0;
    for (position, entry) in TABLE.entries.iter().enumerate() {
        if engine::speaks(entry).is_err() {
            continue;
        }
        match measure(position, entry) {
            Measured::Lacks | Measured::HasPart => count += 1,
            Measured::Has => {}
            Measured::Unknown => return None,
        }
    }
    Some(count)
}

/// Writes the lines of the debugfs file `hook` on what the kernel has: the numbers of the entries,
/// by [`Measured`]; a line without numbers is left out.
pub(super) fn show(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (kind, name) in Measured::ALL {
        let mut separator = "";
        for (position, entry) in TABLE.entries.iter().enumerate() {
            if measure(position, entry) == kind {
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
