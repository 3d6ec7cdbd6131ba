// SPDX-License-Identifier: GPL-2.0-only

//! Taints the kernel while entries without evidence are active: trust rule `evidence`.

use kernel::bindings;

/// Sets `TAINT_TEST` ("N" in `/proc/sys/kernel/tainted`), which appears in every oops and bug
/// report until the next boot.
pub(crate) fn kernel_under_test() {
    // SAFETY: `add_taint()` may be called from any context. Lock debugging stays on.
    unsafe { bindings::add_taint(bindings::TAINT_TEST, bindings::lockdep_ok_LOCKDEP_STILL_OK) }
}
