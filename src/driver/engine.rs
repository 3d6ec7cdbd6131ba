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
    journal, //
};
use crate::{
    isolation::{
        acs::AcsFlags,
        decision::{
            self,
            Decision,
            KernelVerdict, //
        },
        withdraw::Withdrawn, //
    },
    sys::pci::PciFunction,
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

/// Whether the entry at a position of the table is withdrawn.
pub(super) fn is_withdrawn(position: u16) -> bool {
    // Not set yet: everything is withdrawn. That cannot be, but if it were, no claim is safe.
    WITHDRAWN
        .as_ref()
        .is_none_or(|withdrawn| withdrawn.contains(position))
}

/// How many entries are withdrawn.
pub(super) fn withdrawn_count() -> usize {
    (0..)
        .zip(TABLE.entries)
        .filter(|(position, _)| is_withdrawn(*position))
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
    let withdrawn = WITHDRAWN.as_ref().unwrap_or(&Withdrawn::ALL);
    let decision = decision::decide(
        &TABLE,
        withdrawn,
        KernelVerdict::from_raw(kernel),
        AcsFlags::from_bits(acs_flags),
        function,
    );
    counters::count(&decision);
    journal::record(function, &decision);
    match decision {
        Decision::Granted(_) => ISOLATED,
        Decision::NotListed | Decision::Refused(..) => kernel,
    }
}
