// SPDX-License-Identifier: GPL-2.0-only

//! One log line for each device and outcome, on the first decision.
//!
//! The hook runs with preemption off and is asked again and again, so what has been logged is kept
//! in a fixed table of words: a lock-free hash set without removal. When it is full, decisions are
//! counted but no longer logged, and one line says so.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Full,
        Relaxed, //
    }, //
};

use crate::{
    isolation::{
        decision::{
            Decision,
            Refusal, //
        },
        package, //
    },
    sys::pci::PciFunction,
    table::TABLE, //
};

/// How many outcomes are remembered: 4 KiB.
const PLACES: usize = 512;
/// How many places are tried for one outcome.
const PROBES: usize = 16;

static LOGGED: [Atomic<u64>; PLACES] = [const { Atomic::new(0) }; PLACES];
static FULL: Atomic<bool> = Atomic::new(false);

/// Whether a key was new.
#[derive(PartialEq, Eq)]
enum Insert {
    New,
    Known,
    NoRoom,
}

/// Logs a decision unless the same one on the same device has been logged since load.
pub(super) fn record(function: &PciFunction<'_>, decision: &Decision) {
    let (position, outcome) = match decision {
        Decision::NotListed => return,
        Decision::Granted(position) => (*position, 1),
        Decision::Refused(position, Refusal::Package(fault)) => (*position, 10 + fault.code()),
        Decision::Refused(position, refusal) => (*position, 2 + refusal.code()),
    };
    // Domain, bus and devfn in 47 bits (a domain is an `int` and not negative), the entry in 12
    // (`Table::MAX_ENTRIES`), the outcome in 5 and never 0, so that no key is the empty place.
    const {
        // The refusals that are not the package's have the codes up to 7.
        assert!(Refusal::COUNT == 11 && 10 + package::Fault::COUNT <= 32);
    }
    let key = function.address() << 17 | u64::from(position) << 5 | u64::from(outcome);
    match insert(key) {
        Insert::New => {}
        Insert::Known => return,
        Insert::NoRoom => {
            if !FULL.xchg(true, Relaxed) {
                dev_notice!(
                    function.device(),
                    "acs_quirks: from this device on, first decisions are counted, not logged\n"
                );
            }
            return;
        }
    }
    let Some(entry) = TABLE.entries.get(usize::from(position)) else {
        return;
    };
    let device = function.device();
    let (number, name) = (entry.number, entry.name);
    match decision {
        Decision::NotListed => {}
        Decision::Granted(_) => dev_info!(
            device,
            "acs_quirks: isolated by entry {number} ({name}): {}\n",
            entry.grants
        ),
        Decision::Refused(_, refusal) => dev_info!(
            device,
            "acs_quirks: entry {number} ({name}) does not count: {refusal}\n"
        ),
    }
}

/// Puts a key into the set.
fn insert(key: u64) -> Insert {
    // Fibonacci hashing: neighbouring devices spread over the table.
    let start = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(16);
    // CAST: Only the low bits count.
    let start = start as usize;
    for probe in 0..PROBES {
        let Some(place) = LOGGED.get(start.wrapping_add(probe) % PLACES) else {
            return Insert::NoRoom;
        };
        match place.cmpxchg(0, key, Full) {
            Ok(_) => return Insert::New,
            Err(found) if found == key => return Insert::Known,
            Err(_) => {}
        }
    }
    Insert::NoRoom
}
