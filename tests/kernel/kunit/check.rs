// SPDX-License-Identifier: GPL-2.0-only

//! Failures of a test.
//!
//! A test reports the failure and then returns an error. KUnit's own assertions show the expression
//! without its value, and leave the test without running destructors.

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

/// Fails the test with a message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::check::failure(core::format_args!($($message)+)));
        }
    };
}

/// Writes `message` to the kernel log and to the log of the running test, which is part of its
/// results.
pub(crate) fn failure(message: Arguments<'_>) -> Error {
    pr_err!("{message}\n");
    // SAFETY: May be called from anywhere.
    let test = unsafe { bindings::kunit_get_current_test() };
    if !test.is_null() {
        // SAFETY: A running test is valid. Its log may be null, which the function accepts. `%pA`
        // takes a pointer to `Arguments`.
        unsafe {
            bindings::kunit_log_append((*test).log, c"    # %pA".as_char_ptr(), &raw const message);
        }
    }
    EINVAL
}

/// Whether a test has passed.
pub(crate) type Outcome = Result;

/// Fails the test unless `found` equals `expected`. `what` names the value.
pub(crate) fn equal<T: PartialEq + Debug>(what: impl Display, found: T, expected: T) -> Outcome {
    ensure!(
        found == expected,
        "{what}: {found:?}, where {expected:?} was expected"
    );
    Ok(())
}
