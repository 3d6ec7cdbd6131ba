// SPDX-License-Identifier: GPL-2.0-only

//! acs_quirks_faults.ko: makes each fault that a detector of the running kernel must find in the project's modules, when it is
//! loaded. `faults.c` decides which faults these are. The wrong accesses are in Rust, which is instrumented by options of this
//! project (`src/portable/headers.mk`), not by those of the kernel.

#[path = "../../../src/sys/taint.rs"]
mod taint;

use kernel::prelude::*;

module! {
    type: Faults,
    name: "acs_quirks_faults",
    authors: ["The acs-quirks contributors"],
    description: "Faults for the kernel's detectors to find; for tests, taints the kernel",
    license: "GPL v2",
}

extern "C" {
    fn acs_quirks_make_faults() -> c_int;
}

/// The loaded module.
struct Faults;

impl kernel::Module for Faults {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        taint::kernel_under_test();
        // SAFETY: The faults are for kernels whose detectors survive them.
        kernel::error::to_result(unsafe { acs_quirks_make_faults() })?;
        Ok(Self)
    }
}

/// Adds one to a number, without a lock.
///
/// # Safety
///
/// `number` is valid.
#[no_mangle]
unsafe extern "C" fn acs_quirks_add_one(number: *mut c_ulong) {
    // SAFETY: As required from the caller.
    unsafe { *number = (*number).wrapping_add(1) };
}

/// Reads a number. A write to freed memory would damage the lists of a detector.
///
/// # Safety
///
/// `number` is valid, unless the kernel detects that it is not.
#[no_mangle]
unsafe extern "C" fn acs_quirks_read(number: *const c_ulong) -> c_ulong {
    // SAFETY: As required from the caller.
    unsafe { *number }
}
