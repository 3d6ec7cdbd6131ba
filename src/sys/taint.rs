// SPDX-License-Identifier: GPL-2.0-only

//! Marks the kernel when something that no vendor vouches for is at work: trust rule `evidence`.

use kernel::bindings;

/// Taints the kernel as under test (`TAINT_TEST`, "N" in `/proc/sys/kernel/tainted`), which shows
/// in every oops and bug report until the next boot.
pub(crate) fn kernel_under_test() {
    // SAFETY: May be called from anywhere; lock debugging stays on, for nothing is broken.
    unsafe { bindings::add_taint(bindings::TAINT_TEST, bindings::lockdep_ok_LOCKDEP_STILL_OK) }
}
