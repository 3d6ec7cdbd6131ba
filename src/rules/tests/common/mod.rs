// SPDX-License-Identifier: GPL-2.0-only

//! What the tests in [`shared`] need on the host, and tables for the other tests.

#![allow(dead_code, unused_imports, reason = "each test takes what it needs")]

#[path = "../shared/mod.rs"]
pub(crate) mod shared;
pub(crate) mod tables;

pub(crate) use ::rules;
pub(crate) use shared::bus::*;

/// Failures of a test.
pub(crate) mod check {
    use std::fmt::{Debug, Display};

    /// Whether a test has passed, with a message if not.
    pub(crate) type Outcome = Result<(), String>;

    /// Fails the test unless `found` equals `expected`. `what` names the value.
    #[allow(clippy::needless_pass_by_value, reason = "as in the kernel's suite")]
    pub(crate) fn equal<T: PartialEq + Debug>(
        what: impl Display,
        found: T,
        expected: T,
    ) -> Outcome {
        if found == expected {
            return Ok(());
        }
        Err(format!(
            "{what}: {found:?}, where {expected:?} was expected"
        ))
    }
}

/// The map of the host.
pub(crate) mod map {
    pub(crate) use std::collections::BTreeMap as Map;
}
