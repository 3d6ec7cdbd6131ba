// SPDX-License-Identifier: GPL-2.0-only

//! Answers the kernel's questions: the way from the hook to the decision and back.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        SetOnce, //
    }, //
};

use super::{
    counters,
    record, //
};
use crate::{
    isolation::{
        acs::AcsFlags,
        decision::{
            self,
            Decision,
            KernelVerdict,
            Refusal, //
        },
        device::Function as _,
        entry::Entry,
        withdraw::Withdrawn, //
    },
    sys::{
        known,
        pci::PciFunction, //
    },
    table::TABLE, //
};

/// What the caller of `pci_dev_specific_acs_enabled()` takes for "isolated as asked".
const ISOLATED: c_int = 1;

static WITHDRAWN: SetOnce<Withdrawn> = SetOnce::new();
static CALLS: Atomic<u64> = Atomic::new(0);

/// Sets what is withdrawn; only the first call counts. Module initialisation makes it before the
/// hook is registered.
pub(super) fn withdraw(set: Withdrawn) {
    WITHDRAWN.populate(set);
}

/// What is withdrawn. Before it is set, that is everything: it cannot be asked then, but if it were, no
/// claim would be safe.
fn withdrawn() -> &'static Withdrawn {
    WITHDRAWN.as_ref().unwrap_or(&Withdrawn::ALL)
}

/// Whether an entry makes any claim on this host.
///
/// # Errors
///
/// Why it makes none.
pub(super) fn speaks(entry: &Entry) -> core::result::Result<(), Refusal> {
    decision::speaks(entry, withdrawn(), known::running())
}

/// How many entries of the table are withdrawn.
pub(super) fn withdrawn_count() -> usize {
    let entries = TABLE.entries.iter();
    entries
        .filter(|entry| withdrawn().contains(entry.number))
        .count()
}

/// How many questions have come through the hook since load.
pub(super) fn calls() -> u64 {
    CALLS.load(Relaxed)
}

/// The verdict on `function` that the kernel's caller gets, given the kernel's own.
///
/// Trust rule `additive` stands here: the one change ever made is to [`ISOLATED`], and only on
/// [`Decision::Granted`].
pub(crate) fn verdict(function: &PciFunction<'_>, acs_flags: u16, kernel: c_int) -> c_int {
    CALLS.fetch_add(1, Relaxed);
    let asked = AcsFlags::from_bits(acs_flags);
    let decision = decide(function, asked, KernelVerdict::from_raw(kernel));
    counters::count(&decision);
    record::record(function, asked, &decision);
    match decision {
        Decision::Granted(_) => ISOLATED,
        Decision::NotListed | Decision::Refused(..) => kernel,
    }
}

/// The decision on a function that was granted once, now: the kernel had no opinion on it, or said the
/// no of the catch-all that the entry supersedes.
pub(super) fn again(function: &PciFunction<'_>) -> Decision {
    let entry = TABLE.find(function.vendor(), function.device());
    let kernel = match entry.and_then(|(_, entry)| entry.supersedes) {
        Some(_) => KernelVerdict::NotIsolated,
        None => KernelVerdict::NoOpinion,
    };
    decide(function, AcsFlags::GROUPING, kernel)
}

fn decide(function: &PciFunction<'_>, asked: AcsFlags, kernel: KernelVerdict) -> Decision {
    decision::decide(
        &TABLE,
        withdrawn(),
        known::running(),
        kernel,
        asked,
        function,
    )
}
