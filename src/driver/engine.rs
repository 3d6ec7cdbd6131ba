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
    rules::{
        acs::AcsFlags,
        decision::{
            self,
            Decision,
            KernelVerdict,
            Refusal, //
        },
        device::Function as _,
        entry::Entry,
        release::Release,
        withdraw::Withdrawn, //
    },
    sys::pci::PciFunction,
    table::TABLE, //
};

/// What the caller of `pci_dev_specific_acs_enabled()` takes for "isolated as asked".
const ISOLATED: c_int = 1;

/// What does not change while the module is loaded.
struct Setting {
    withdrawn: Withdrawn,
    running: Release,
}

/// Before it is set, everything is withdrawn. No question can arrive then, but if one did, no claim would be safe.
static UNSET: Setting = Setting {
    withdrawn: Withdrawn::ALL,
    running: Release::new(u16::MAX, u16::MAX),
};

static SETTING: SetOnce<Setting> = SetOnce::new();
static CALLS: Atomic<u64> = Atomic::new(0);

/// Sets what is withdrawn and which release of the kernel runs; only the first call counts. Module initialisation
/// makes it before the hook is registered.
pub(super) fn set(withdrawn: Withdrawn, running: Release) {
    SETTING.populate(Setting { withdrawn, running });
}

fn setting() -> &'static Setting {
    SETTING.as_ref().unwrap_or(&UNSET)
}

/// Whether an entry makes any claim on this host.
///
/// # Errors
///
/// Why it makes none.
pub(super) fn speaks(entry: &Entry) -> core::result::Result<(), Refusal> {
    let setting = setting();
    decision::speaks(entry, &setting.withdrawn, setting.running)
}

/// How many entries of the table are withdrawn.
pub(super) fn withdrawn_count() -> usize {
    let entries = TABLE.entries.iter();
    entries
        .filter(|entry| setting().withdrawn.contains(entry.number))
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
    let setting = setting();
    decision::decide(
        &TABLE,
        &setting.withdrawn,
        setting.running,
        kernel,
        asked,
        function,
    )
}
