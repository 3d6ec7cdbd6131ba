// SPDX-License-Identifier: GPL-2.0-only

//! The return probe on `pci_dev_specific_acs_enabled()`, and the module parameter: the Rust side
//! of `hook.c`.

use kernel::{
    bindings,
    prelude::*,
    str::CStr, //
};

use super::{
    decoy,
    pci::PciFunction, //
};
use crate::{
    driver::{
        self,
        engine, //
    },
    rules::{
        table::Table,
        withdraw::{
            self,
            Withdrawn, //
        }, //
    }, //
};

// `NUMBERS` in hook.c.
const _: () = assert!(Table::MAX_NUMBER == 4095 && withdraw::WORDS * 64 == 4096);

extern "C" {
    fn acs_quirks_withdrawn() -> *const u64;
    fn acs_quirks_hook_register() -> c_int;
    fn acs_quirks_hook_unregister();
    fn acs_quirks_hook_missed() -> c_ulong;
    fn acs_quirks_hook_symbol() -> *const c_char;
}

/// The registered probe; dropping it unregisters.
///
/// # Invariants
///
/// While a value exists, the probe of `hook.c` is registered; there is one value at most.
pub(crate) struct Hook(());

impl Hook {
    /// Registers the probe. From here on the kernel's questions come to [`engine::verdict`].
    ///
    /// Only the module's initialisation calls this, once.
    ///
    /// # Errors
    ///
    /// What `register_kretprobe()` says: `ENOENT` when the kernel has no such symbol, another
    /// when it may not be probed.
    pub(crate) fn register() -> Result<Self> {
        // SAFETY: The C function may be called from a context that can sleep, as module
        // initialisation is.
        kernel::error::to_result(unsafe { acs_quirks_hook_register() })?;
        // INVARIANT: Registered just now, and this is the one caller.
        Ok(Self(()))
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the probe is registered. Values are dropped in module
        // initialisation or exit, which may sleep.
        unsafe { acs_quirks_hook_unregister() }
    }
}

/// How many calls the probe could not follow; those got the kernel's own answer.
pub(crate) fn missed() -> c_ulong {
    // SAFETY: Reads two counters of a static; no condition.
    unsafe { acs_quirks_hook_missed() }
}

/// Name of the kernel function that is probed.
pub(crate) fn symbol() -> &'static str {
    // SAFETY: The C function returns a string literal.
    let symbol = unsafe { CStr::from_char_ptr(acs_quirks_hook_symbol()) };
    symbol.to_str().unwrap_or("?")
}

/// What all values of the `withdraw` parameter together withdraw.
pub(crate) fn withdrawn() -> Withdrawn {
    // SAFETY: The C function returns an array of as many words, which nothing writes once the module is
    // being initialised.
    Withdrawn::from_words(unsafe { *acs_quirks_withdrawn().cast() })
}

/// Called by `hook.c` for each value of the `withdraw` parameter: adds its numbers to `numbers`, or refuses it.
/// An error keeps the module from being loaded, for the owner would otherwise believe an entry withdrawn that
/// is not.
///
/// # Safety
///
/// `value` must be a string, and `numbers` the array of `hook.c`, which nothing else uses meanwhile.
#[no_mangle]
unsafe extern "C" fn acs_quirks_withdraw(value: *const c_char, numbers: *mut u64) -> c_int {
    // SAFETY: By this function's contract.
    let value = unsafe { CStr::from_char_ptr(value) };
    // SAFETY: By this function's contract; the array has as many words.
    let numbers = unsafe { &mut *numbers.cast::<[u64; withdraw::WORDS]>() };
    match driver::withdrawn_by(value) {
        Ok(more) => {
            for (word, more) in numbers.iter_mut().zip(more.words()) {
                *word |= more;
            }
            0
        }
        Err(error) => error.to_errno(),
    }
}

/// Called by `hook.c` when `pci_dev_specific_acs_enabled()` returns `verdict`; the result is what
/// the caller of that function gets instead.
///
/// Runs with preemption off: nothing in here may sleep, take memory or panic.
///
/// # Safety
///
/// `dev` must be the argument of the probed call, which is valid until that call's caller goes on.
#[no_mangle]
unsafe extern "C" fn acs_quirks_verdict(
    dev: *mut bindings::pci_dev,
    acs_flags: u16,
    verdict: c_int,
) -> c_int {
    if decoy::is_decoy(dev) {
        return decoy::answer(verdict);
    }
    // SAFETY: By this function's contract; every device has been set up by the PCI core before
    // anything asks about its isolation, except for the decoy of another edition of this module:
    // zeroed memory with a bus, which no table lists (`Table::is_sound`).
    let function = unsafe { PciFunction::from_raw(dev) };
    engine::verdict(&function, acs_flags, verdict)
}
