// SPDX-License-Identifier: GPL-2.0-only

//! Taints the kernel while entries without evidence are active: trust rule `evidence`.

extern "C" {
    fn acs_quirks_taint();
}

/// Sets `TAINT_TEST` ("N" in `/proc/sys/kernel/tainted`; before 6.0 `TAINT_USER`, "U"), which
/// appears in every oops and bug report until the next boot.
pub(crate) fn kernel_under_test() {
    // SAFETY: `add_taint()` may be called from any context. Lock debugging stays on.
    unsafe { acs_quirks_taint() }
}
