// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `static`: the parameter withdraws entries or is an error.

use super::{
    prelude::*,
    rules::{
        entry::Entry,
        table::Table,
        withdraw::{ParseError, Withdrawn},
    },
};

const fn entry(number: u16) -> Entry {
    Entry { number, ..ENTRY }
}

/// Entries 1, 3, 17 and 300. The numbers 2 and 301 were issued and removed.
pub(crate) static FOUR_ENTRIES: Table = Table {
    version: "",
    entries: &[entry(1), entry(3), entry(17), entry(300)],
    index: &[],
    issued: &[1, 2, 3, 17, 300, 301],
};

/// Parses a value and compares the issued numbers that it withdraws.
fn withdraws(text: &str, expected: &[u16]) -> Outcome {
    let found = Withdrawn::parse(text, &FOUR_ENTRIES);
    equal(text, found.err(), None)?;
    let set = found.unwrap_or(Withdrawn::NONE);
    for &number in FOUR_ENTRIES.issued {
        equal(
            format_args!("{text:?} withdraws {number}"),
            set.contains(number),
            expected.contains(&number),
        )?;
    }
    Ok(())
}

fn is_refused(text: &str, expected: ParseError<'_>) -> Outcome {
    let found = Withdrawn::parse(text, &FOUR_ENTRIES);
    equal(format_args!("{text:?}"), found, Err(expected))
}

pub(crate) fn numbers_name_entries() -> Outcome {
    equal("sound", FOUR_ENTRIES.is_sound(), true)?;
    for (text, numbers) in [
        ("1", &[1][..]),
        ("3", &[3]),
        ("300", &[300]),
        ("1,17", &[1, 17]),
        (" 17 , 1\n", &[1, 17]),
        ("3,3,3", &[3]),
        ("all", FOUR_ENTRIES.issued),
        ("1,all", FOUR_ENTRIES.issued),
        ("all,1", FOUR_ENTRIES.issued),
        (" 2 , all", FOUR_ENTRIES.issued),
        // An upgrade that removes an entry must not keep the module from loading.
        ("2,301,3", &[2, 3, 301]),
    ] {
        withdraws(text, numbers)?;
    }
    for text in ["all", "1,all", "all,1", " 2 , all"] {
        let found = Withdrawn::parse(text, &FOUR_ENTRIES);
        equal(text, found, Ok(Withdrawn::ALL))?;
    }
    each_number_can_be_withdrawn_alone(&FOUR_ENTRIES)
}

/// The kernel turns `withdraw= 3` into an empty value and an unknown word.
pub(crate) fn nothing_is_no_value() -> Outcome {
    for text in ["", " ", "  \n"] {
        is_refused(text, ParseError::Empty)?;
    }
    Ok(())
}

pub(crate) fn what_is_not_understood_is_an_error() -> Outcome {
    for (text, word) in [
        ("x", "x"),
        ("none", "none"),
        ("1;3", "1;3"),
        ("1 3", "1 3"),
        ("1-3", "1-3"),
        ("1,", ""),
        (",1", ""),
        ("1,,3", ""),
        (",", ""),
        ("-1", "-1"),
        ("+1", "+1"),
        ("+3", "+3"),
        ("0x11", "0x11"),
        ("1.0", "1.0"),
        ("65536", "65536"),
        ("99999999999999999999999999", "99999999999999999999999999"),
        ("ALL", "ALL"),
        ("all!", "all!"),
        ("all,none", "none"),
        ("१", "१"),
        ("1\0", "1\0"),
    ] {
        is_refused(text, ParseError::NotANumber(word))?;
    }
    Ok(())
}

pub(crate) fn a_number_that_was_never_given_out_is_an_error() -> Outcome {
    for (text, number) in [
        ("0", 0),
        ("4", 4),
        ("65535", 65535),
        ("1,999", 999),
        ("1,3,4", 4),
        ("all,4", 4),
    ] {
        is_refused(text, ParseError::NeverIssued(number))?;
    }
    Ok(())
}

pub(crate) fn numbers_beyond_the_largest_count_as_withdrawn() -> Outcome {
    equal(
        "largest",
        Withdrawn::NONE.contains(Table::MAX_NUMBER),
        false,
    )?;
    equal(
        "beyond",
        Withdrawn::NONE.contains(Table::MAX_NUMBER + 1),
        true,
    )?;
    equal("last", Withdrawn::NONE.contains(u16::MAX), true)?;
    equal("all", Withdrawn::ALL.contains(1), true)
}

/// Withdraws each issued number of a table alone.
pub(crate) fn each_number_can_be_withdrawn_alone(table: &Table) -> Outcome {
    for &number in table.issued {
        let mut digits = [0; 5];
        let text = decimal(number, &mut digits);
        let found = Withdrawn::parse(text, table);
        equal(text, found.err(), None)?;
        let set = found.unwrap_or(Withdrawn::NONE);
        for &other in table.issued {
            equal(number, set.contains(other), other == number)?;
        }
        equal(number, Withdrawn::from_words(*set.words()), set)?;
    }
    Ok(())
}

/// A number as text.
fn decimal(mut number: u16, digits: &mut [u8; 5]) -> &str {
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[usize::from(number % 10)];
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    core::str::from_utf8(&digits[start..]).unwrap_or_default()
}
