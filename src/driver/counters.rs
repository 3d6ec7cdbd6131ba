// SPDX-License-Identifier: GPL-2.0-only

//! Counters of each entry's decisions since load (trust rule `effective`).

use kernel::{
    fmt,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

use crate::{
    rules::decision::{
        Decision,
        Refusal, //
    },
    table::TABLE, //
};

/// The counters of one entry.
pub(super) struct Counts {
    /// Questions about a function that the entry lists.
    asked: Atomic<u64>,
    /// Questions that the entry answered with "isolated".
    granted: Atomic<u64>,
    /// Questions left to the kernel's answer, by [`Refusal::code`].
    refused: [Atomic<u64>; Refusal::COUNT],
}

static COUNTS: [Counts; TABLE.entries.len()] = [const {
    Counts {
        asked: Atomic::new(0),
        granted: Atomic::new(0),
        refused: [const { Atomic::new(0) }; Refusal::COUNT],
    }
}; TABLE.entries.len()];

/// Counts one decision without a lock. A reader may see `asked` already raised and the outcome not
/// yet.
pub(super) fn count(decision: &Decision) {
    let (position, outcome) = match decision {
        Decision::NotListed => return,
        Decision::Granted(position) => (position, None),
        Decision::Refused(position, refusal) => (position, Some(refusal)),
    };
    let Some(counts) = COUNTS.get(usize::from(*position)) else {
        return;
    };
    counts.asked.fetch_add(1, Relaxed);
    let outcome = match outcome {
        None => Some(&counts.granted),
        Some(refusal) => counts.refused.get(usize::from(refusal.code())),
    };
    if let Some(outcome) = outcome {
        outcome.fetch_add(1, Relaxed);
    }
}

/// Writes the debugfs file `counts`: one line for each entry, with its number and then `name=count`
/// pairs, including zero counts.
pub(crate) fn show(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (entry, counts) in TABLE.entries.iter().zip(&COUNTS) {
        write!(
            f,
            "{} asked={} granted={}",
            entry.number,
            counts.asked.load(Relaxed),
            counts.granted.load(Relaxed)
        )?;
        for (name, count) in Refusal::NAMES.iter().zip(&counts.refused) {
            write!(f, " {name}={}", count.load(Relaxed))?;
        }
        writeln!(f)?;
    }
    Ok(())
}
