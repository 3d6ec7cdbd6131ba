// SPDX-License-Identifier: GPL-2.0-only

//! The device file and the time: the Rust side of `device.c`.

#![expect(unsafe_code, reason = "the interface to C")]

use core::slice;

use kernel::{
    error::to_result,
    prelude::*, //
};

use crate::answer;

extern "C" {
    fn acs_quirks_oracle_create() -> c_int;
    fn acs_quirks_oracle_remove();
    fn acs_quirks_oracle_nanoseconds() -> u64;
}

/// The device file. Dropping the value removes it.
///
/// # Invariants
///
/// At most one value exists.
pub(crate) struct DeviceFile(());

impl DeviceFile {
    /// Creates the file. Only module initialisation calls this, once.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub(crate) fn create() -> Result<Self> {
        // SAFETY: The file is not registered yet.
        to_result(unsafe { acs_quirks_oracle_create() })?;
        // INVARIANT: This is the only caller.
        Ok(Self(()))
    }
}

impl Drop for DeviceFile {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the file is registered.
        unsafe { acs_quirks_oracle_remove() }
    }
}

/// The monotonic clock, in nanoseconds.
pub(crate) fn nanoseconds() -> u64 {
    // SAFETY: May be called from any context.
    unsafe { acs_quirks_oracle_nanoseconds() }
}

/// Called by device.c for a read after a write.
///
/// # Safety
///
/// `asked` must point to `len` bytes, and the other two must be valid for a write.
#[no_mangle]
unsafe extern "C" fn acs_quirks_oracle_answer(
    asked: *const u8,
    len: usize,
    answered: *mut *mut u8,
    answered_len: *mut usize,
) -> c_int {
    // SAFETY: By this function's contract.
    let asked = unsafe { slice::from_raw_parts(asked, len) };
    match answer::answer(asked) {
        Ok(answers) => {
            // SAFETY: By this function's contract.
            unsafe { (*answered, *answered_len) = answers.into_raw() };
            0
        }
        Err(error) => error.to_errno(),
    }
}
