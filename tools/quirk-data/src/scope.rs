// SPDX-License-Identifier: GPL-2.0-only

//! The scope of the checks of a folder's files.

use jiff::{Timestamp, tz::TimeZone};
use rules::release::Release;
use toml::value::Date;

use crate::edition::Edition;

/// The purpose of a check.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The edition that is built from the folder, which must contain that edition's entries. `None`
    /// allows any entries.
    pub edition: Option<Edition>,
    /// The oldest kernel release that the table is for, if it is for one.
    pub kernel: Option<Release>,
    /// The date of the check. A statement cannot be later.
    pub today: Date,
}

impl Scope {
    /// The scope of a check made today (UTC).
    #[must_use]
    pub fn now(edition: Option<Edition>) -> Self {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        Self {
            edition,
            kernel: None,
            today: Date {
                year: u16::try_from(today.year()).unwrap_or(u16::MAX),
                month: today.month().unsigned_abs(),
                day: today.day().unsigned_abs(),
            },
        }
    }
}
