// SPDX-License-Identifier: GPL-2.0-only

//! The running kernel: the Rust side of `running.c`.

use kernel::{
    prelude::*,
    str::CStr, //
};

use crate::rules::release::Release;

extern "C" {
    fn acs_quirks_version_code() -> u32;
    fn acs_quirks_version() -> *const c_char;
    fn acs_quirks_built_for() -> *const c_char;
    fn acs_quirks_provider() -> *const c_char;
}

/// The release of the running kernel; newer than any other if it cannot be parsed.
pub(crate) fn release() -> Release {
    // SAFETY: The C function has no precondition.
    Release::from_version_code(unsafe { acs_quirks_version_code() })
}

/// The versions of the running kernel and of the kernel that the module was compiled for, as
/// `uname -v` prints them, if they differ and the kernel has no symbol versions to compare.
pub(crate) fn other_build() -> Option<(&'static CStr, &'static CStr)> {
    // SAFETY: The C function has no precondition.
    let built_for = unsafe { acs_quirks_built_for() };
    if built_for.is_null() {
        return None;
    }
    // SAFETY: Two strings that are constant while the kernel runs.
    let (running, built_for) = unsafe {
        (
            CStr::from_char_ptr(acs_quirks_version()),
            CStr::from_char_ptr(built_for),
        )
    };
    (running != built_for).then_some((running, built_for))
}

/// The crates that the module was built with: `headers` or `rust-for-linux`.
pub(crate) fn provider() -> &'static str {
    // SAFETY: The C function returns a string literal.
    let provider = unsafe { CStr::from_char_ptr(acs_quirks_provider()) };
    provider.to_str().unwrap_or("?")
}
