// SPDX-License-Identifier: GPL-2.0-only

//! The return probe on `pci_dev_specific_acs_enabled()` and the `withdraw` parameter: the Rust side
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

// `NUMBERS` in hook.c has the same value.
const _: () = assert!(Table::MAX_NUMBER == 4095 && withdraw::WORDS * 64 == 4096);

extern "C" {
    fn acs_quirks_withdrawn() -> *const u64;
    fn acs_quirks_hook_register() -> c_int;
    fn acs_quirks_hook_unregister();
    fn acs_quirks_hook_missed() -> c_ulong;
    fn acs_quirks_hook_symbol() -> *const c_char;
}

/// The registered probe. Dropping the value unregisters it.
///
/// # Invariants
///
/// While a value exists, the probe of `hook.c` is registered. At most one value exists.
pub(crate) struct Hook(());

impl Hook {
    /// Registers the probe. From then on the kernel's questions reach [`engine::verdict`].
    ///
    /// Only module initialisation calls this, once.
    ///
    /// # Errors
    ///
    /// The error of `register_kretprobe()`: `ENOENT` if the kernel has no such symbol, another
    /// error if the function cannot be probed.
    pub(crate) fn register() -> Result<Self> {
        // SAFETY: The C function needs a context that may sleep, which module initialisation is.
        kernel::error::to_result(unsafe { acs_quirks_hook_register() })?;
        // INVARIANT: The probe is registered, and this is the only caller.
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

/// The number of calls that the probe missed. They got the kernel's own answer.
pub(crate) fn missed() -> c_ulong {
    // SAFETY: The C function reads two counters of a static and has no precondition.
    unsafe { acs_quirks_hook_missed() }
}

/// The name of the probed kernel function.
pub(crate) fn symbol() -> &'static str {
    // SAFETY: The C function returns a string literal.
    let symbol = unsafe { CStr::from_char_ptr(acs_quirks_hook_symbol()) };
    symbol.to_str().unwrap_or("?")
}

/// The set that all values of the `withdraw` parameter withdraw together.
pub(crate) fn withdrawn() -> Withdrawn {
    // SAFETY: The C function returns an array of this many words, which nothing writes after module
    // initialisation has begun.
    Withdrawn::from_words(unsafe { *acs_quirks_withdrawn().cast() })
}

/// Called by `hook.c` for each value of the `withdraw` parameter: adds the numbers of the value to
/// `numbers`, or returns an error. An error keeps the module from loading, because otherwise an
/// entry could stay active that the owner believes withdrawn.
///
/// # Safety
///
/// `value` must be a string, and `numbers` the array of `hook.c`, which nothing else uses during
/// the call.
#[no_mangle]
unsafe extern "C" fn acs_quirks_withdraw(value: *const c_char, numbers: *mut u64) -> c_int {
    // SAFETY: By this function's contract.
    let value = unsafe { CStr::from_char_ptr(value) };
    // SAFETY: By this function's contract; the array has this many words.
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

/// Called by `hook.c` when `pci_dev_specific_acs_enabled()` returns `verdict`. The caller of that
/// function gets the result instead.
///
/// Runs with preemption off: must not sleep, allocate or panic.
///
/// # Safety
///
/// `dev` must be the argument of the probed call. It is valid until the caller of that call
/// continues.
#[no_mangle]
unsafe extern "C" fn acs_quirks_verdict(
    dev: *mut bindings::pci_dev,
    acs_flags: u16,
    verdict: c_int,
) -> c_int {
    if decoy::is_test() {
        decoy::note(dev, acs_flags, verdict);
        return verdict;
    }
    // Before a test has passed, `dev` may be anything.
    if !decoy::is_proven() {
        return verdict;
    }
    // SAFETY: By this function's contract. The PCI core sets up every device before anything asks
    // about its isolation. The exception is the decoy of another edition of this module: zeroed
    // memory with a bus, whose ids no table lists (`Table::is_sound`).
    let function = unsafe { PciFunction::from_raw(dev) };
    engine::verdict(&function, acs_flags, verdict)
}
