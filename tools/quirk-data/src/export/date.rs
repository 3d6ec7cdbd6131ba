// SPDX-License-Identifier: GPL-2.0-only

//! The date of a mail. It never comes from the clock, so that the same input gives the same patch.

use std::env;

use jiff::{Timestamp, civil::Date, fmt::rfc2822, tz::TimeZone};

use super::error::Error;

/// The value of `SOURCE_DATE_EPOCH`, if it is set.
///
/// Source: <https://reproducible-builds.org/specs/source-date-epoch/>.
///
/// # Errors
///
/// [`Error::Option`] if it is not a number of seconds.
pub fn source_date_epoch() -> Result<Option<u64>, Error> {
    let Some(value) = env::var_os("SOURCE_DATE_EPOCH") else {
        return Ok(None);
    };
    let text = value.to_string_lossy();
    text.parse().map(Some).map_err(|_| {
        Error::Option(format!(
            "SOURCE_DATE_EPOCH is \"{text}\", and must be a number of seconds since 1970"
        ))
    })
}

/// The first second of a day such as `2014-11-03`, in seconds since 1970 (UTC).
pub(super) fn of_day(day: &str) -> Option<u64> {
    let day: Date = day.parse().ok()?;
    let start = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
    u64::try_from(start.as_second()).ok()
}

/// Formats a second since 1970 for a mail header: `Mon, 3 Nov 2014 00:00:00 +0000` (RFC 5322,
/// section 3.3).
pub(super) fn of_mail(second: u64) -> Option<String> {
    let time = Timestamp::from_second(i64::try_from(second).ok()?).ok()?;
    rfc2822::to_string(&time.to_zoned(TimeZone::UTC)).ok()
}

#[cfg(test)]
mod tests {
    use super::{of_day, of_mail};

    #[test]
    fn days_are_those_of_the_calendar() {
        for (day, mail) in [
            ("1970-01-01", "Thu, 1 Jan 1970 00:00:00 +0000"),
            ("2000-02-29", "Tue, 29 Feb 2000 00:00:00 +0000"),
            ("2014-11-03", "Mon, 3 Nov 2014 00:00:00 +0000"),
            ("2024-02-29", "Thu, 29 Feb 2024 00:00:00 +0000"),
            ("2025-12-31", "Wed, 31 Dec 2025 00:00:00 +0000"),
        ] {
            assert_eq!(of_day(day).and_then(of_mail).as_deref(), Some(mail));
        }
        assert_eq!(
            of_mail(1_000_000_000).as_deref(),
            Some("Sun, 9 Sep 2001 01:46:40 +0000")
        );
        for bad in ["", "2014", "2014-13-01", "1969-12-31"] {
            assert_eq!(of_day(bad), None, "{bad}");
        }
        assert_eq!(of_mail(u64::MAX), None);
    }
}
