// SPDX-License-Identifier: GPL-2.0-only

//! What a test says when it fails.
//!
//! A test returns an error after it has said what is wrong. KUnit's own assertions show the expression
//! and no value, and leave the test without running destructors.

#![expect(unsafe_code, reason = "KUnit has no Rust form of its log")]

use core::fmt::{
    Arguments,
    Debug,
    Display, //
};

use kernel::{
    bindings,
    error::code::EINVAL,
    prelude::*, //
};

/// Ends the test, unless the condition holds, with what the rest of the arguments say.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::check::failure(core::format_args!($($message)+)));
        }
    };
}

/// Writes `message` to the kernel's log, and to that of the running test, which is part of its results.
pub(crate) fn failure(message: Arguments<'_>) -> Error {
    pr_err!("{message}\n");
    // SAFETY: May be called from anywhere.
    let test = unsafe { bindings::kunit_get_current_test() };
    if !test.is_null() {
        // SAFETY: A running test is valid, and has a log or null, which the function takes for none.
        // `%pA` is for a pointer to just this.
        unsafe {
            bindings::kunit_log_append((*test).log, c"    # %pA".as_char_ptr(), &raw const message);
        }
    }
    EINVAL
}

/// Ends the test unless `found` is what was expected of `what`.
pub(crate) fn equal<T: PartialEq + Debug>(what: impl Display, found: T, expected: T) -> Result {
    ensure!(
        found == expected,
        "{what}: {found:?}, where {expected:?} was expected"
    );
    Ok(())
}
