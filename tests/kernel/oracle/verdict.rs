// SPDX-License-Identifier: GPL-2.0-only

//! Asks the kernel's quirks directly about a function, and the kernel for its release.

#![expect(unsafe_code, reason = "the question goes to C")]

use crate::rules::release;
use kernel::{
    error::to_result,
    prelude::*, //
};

use crate::synthetic::Device;

/// Number of sets of the seven flags.
const SETS: u16 = 1 << 7;

extern "C" {
    fn acs_quirks_oracle_find() -> c_int;
    fn acs_quirks_oracle_verdict(dev: *mut c_void, acs_flags: u16) -> c_int;
    fn acs_quirks_oracle_version_code() -> u32;
}

/// The release of the running kernel; newer than any other if it cannot be parsed.
pub(crate) fn running() -> release::Release {
    // SAFETY: The C function has no precondition.
    release::Release::from_version_code(unsafe { acs_quirks_oracle_version_code() })
}

/// Finds the kernel's function. Must be called once, before all others here.
///
/// # Errors
///
/// `ENOENT` when the kernel has no such function.
pub(crate) fn find() -> Result {
    // SAFETY: Called from a context that may sleep.
    to_result(unsafe { acs_quirks_oracle_find() })
}

/// The result of `pci_dev_specific_acs_enabled()`.
pub(crate) fn verdict(device: &Device, flags: u16) -> c_int {
    // SAFETY: The device is held, and has been set up by the PCI core; `find()` has been called.
    unsafe { acs_quirks_oracle_verdict(device.as_raw().cast(), flags) }
}

/// The results of `pci_dev_specific_acs_enabled()` for each set of flags, from none to all: `n` for
/// -ENOTTY, `0`, `1` for a positive result, `?` for any other.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn verdicts(device: &Device) -> Result<KVVec<u8>> {
    let mut verdicts = KVVec::with_capacity(SETS.into(), GFP_KERNEL)?;
    for flags in 0..SETS {
        let letter = match verdict(device, flags) {
            -25 => b'n',
            0 => b'0',
            1.. => b'1',
            _ => b'?',
        };
        verdicts.push(letter, GFP_KERNEL)?;
    }
    Ok(verdicts)
}
