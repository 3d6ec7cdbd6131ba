// SPDX-License-Identifier: GPL-2.0-only

//! The date of a mail. The clock is never asked, so that the same patch comes out each time.

use std::env;

use super::error::Error;

const SECONDS_A_DAY: u64 = 86_400;

/// `SOURCE_DATE_EPOCH`, by which reproducible builds set the clock, if it is set.
///
/// Source: <https://reproducible-builds.org/specs/source-date-epoch/>.
///
/// # Errors
///
/// [`Error::Option`] when it is not a number of seconds.
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

/// The first second of a day like `2014-11-03`, since 1970.
pub(super) fn of_day(day: &str) -> Option<u64> {
    let mut parts = day.splitn(3, '-').map(str::parse::<u64>);
    let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let before: u64 = (1970..year).map(days_in_year).sum();
    let months: u64 = (1..month).map(|month| days_in_month(year, month)).sum();
    Some((before + months + day - 1) * SECONDS_A_DAY)
}

/// A second since 1970 as a mail has it: `Mon, 3 Nov 2014 00:00:00 +0000` (RFC 5322, section 3.3).
pub(super) fn of_mail(second: u64) -> Option<String> {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut day = second / SECONDS_A_DAY;
    let weekday = *WEEKDAYS.get(usize::try_from(day % 7).ok()?)?;
    let mut year = 1970;
    while day >= days_in_year(year) {
        day -= days_in_year(year);
        year += 1;
        if year == 10_000 {
            return None;
        }
    }
    let mut month = 1;
    while day >= days_in_month(year, month) {
        day -= days_in_month(year, month);
        month += 1;
    }
    let month = *MONTHS.get(usize::try_from(month - 1).ok()?)?;
    let rest = second % SECONDS_A_DAY;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    Some(format!(
        "{weekday}, {} {month} {year} {hour:02}:{minute:02}:{second:02} +0000",
        day + 1
    ))
}

fn days_in_year(year: u64) -> u64 {
    (1..=12).map(|month| days_in_month(year, month)).sum()
}

fn days_in_month(year: u64, month: u64) -> u64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + u64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
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
        for bad in ["", "2014", "2014-13-01", "1969-12-31", "2014-11-03T00:00"] {
            assert_eq!(of_day(bad), None, "{bad}");
        }
        assert_eq!(of_mail(u64::MAX), None);
    }
}
