// SPDX-License-Identifier: GPL-2.0-only

//! Failures of a test.

use std::fmt::{Debug, Display};

/// Whether a test has passed, with a message if not.
pub(crate) type Outcome = Result<(), String>;

/// Fails the test unless `found` equals `expected`. `what` names the value.
#[allow(clippy::needless_pass_by_value, reason = "as in the kernel's suite")]
pub(crate) fn equal<T: PartialEq + Debug>(what: impl Display, found: T, expected: T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "{what}: {found:?}, where {expected:?} was expected"
    ))
}
