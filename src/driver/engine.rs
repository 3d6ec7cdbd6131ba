// SPDX-License-Identifier: GPL-2.0-only

//! Answers the kernel's questions: passes each question from the hook to the decision, and the
//! answer back.

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

/// The return value of `pci_dev_specific_acs_enabled()` for "has every requested flag".
const ISOLATED: c_int = 1;

/// The settings, constant while the module is loaded.
struct Setting {
    withdrawn: Withdrawn,
    running: Release,
}

/// The settings before [`set`]: every entry is withdrawn. The hook is registered later, so this
/// only guards against a mistake in that order.
static UNSET: Setting = Setting {
    withdrawn: Withdrawn::ALL,
    running: Release::new(u16::MAX, u16::MAX),
};

static SETTING: SetOnce<Setting> = SetOnce::new();
static CALLS: Atomic<u64> = Atomic::new(0);

/// Sets the withdrawn entries and the release of the running kernel. Only the first call has an
/// effect: module initialisation calls this before it registers the hook.
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
/// The reason why the entry makes no claim: see [`decision::speaks`].
pub(super) fn speaks(entry: &Entry) -> core::result::Result<(), Refusal> {
    let setting = setting();
    decision::speaks(entry, &setting.withdrawn, setting.running)
}

/// The number of withdrawn entries in the table.
pub(super) fn withdrawn_count() -> usize {
    let entries = TABLE.entries.iter();
    entries
        .filter(|entry| setting().withdrawn.contains(entry.number))
        .count()
}

/// The number of questions that came through the hook since load.
pub(super) fn calls() -> u64 {
    CALLS.load(Relaxed)
}

/// The answer that the kernel's caller gets for `function`, given the kernel's own answer.
///
/// Trust rule `additive`: the only change is to [`ISOLATED`], and only on [`Decision::Granted`].
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

/// The decision that a function with a grant would get now. The kernel's answer is not known here.
/// It is assumed to be the 0 of the catch-all handler if the entry supersedes one, and `-ENOTTY`
/// otherwise.
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
