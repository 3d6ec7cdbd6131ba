// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `static`: the parameter takes claims away, or is an error.

mod common;

use common::tables::{entry, table};
use isolation::{
    table::Table,
    withdraw::{ParseError, Withdrawn},
};

/// Entries 1, 3, 17 and 300, at positions 0 to 3.
fn four_entries() -> Table {
    table([1, 3, 17, 300].map(entry).into(), Vec::new())
}

fn withdrawn(text: &str) -> Result<Vec<u16>, ParseError<'_>> {
    let set = Withdrawn::parse(text, &four_entries())?;
    Ok((0..4).filter(|&position| set.contains(position)).collect())
}

#[test]
fn numbers_name_entries_not_positions() {
    for (text, positions) in [
        ("", &[][..]),
        ("  \n", &[]),
        ("1", &[0]),
        ("3", &[1]),
        ("300", &[3]),
        ("1,17", &[0, 2]),
        (" 17 , 1\n", &[0, 2]),
        ("3,3,3", &[1]),
        ("all", &[0, 1, 2, 3]),
        ("1,all", &[0, 1, 2, 3]),
        ("all,1", &[0, 1, 2, 3]),
    ] {
        assert_eq!(withdrawn(text).as_deref(), Ok(positions), "{text:?}");
    }
}

#[test]
fn what_is_not_understood_is_an_error() {
    for (text, word) in [
        ("x", "x"),
        ("1;3", "1;3"),
        ("1 3", "1 3"),
        ("1-3", "1-3"),
        ("1,", ""),
        (",1", ""),
        ("1,,3", ""),
        (",", ""),
        ("-1", "-1"),
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
        assert_eq!(
            withdrawn(text),
            Err(ParseError::NotANumber(word)),
            "{text:?}"
        );
    }
}

#[test]
fn a_number_that_no_entry_has_is_an_error() {
    for (text, number) in [
        ("0", 0),
        ("2", 2),
        ("65535", 65535),
        ("1,3,4", 4),
        ("all,4", 4),
    ] {
        assert_eq!(
            withdrawn(text),
            Err(ParseError::NoSuchEntry(number)),
            "{text:?}"
        );
    }
}

#[test]
fn errors_say_what_to_do() {
    let text = |parameter| withdrawn(parameter).map_err(|error| error.to_string());
    assert_eq!(
        text("1,x").unwrap_err(),
        "\"x\" is not an entry number; use numbers divided by commas, or \"all\""
    );
    assert_eq!(
        text("4").unwrap_err(),
        "this table has no entry 4; take it out of the list"
    );
}

#[test]
fn positions_beyond_the_largest_table_count_as_withdrawn() {
    let beyond = u16::try_from(Table::MAX_ENTRIES).expect("positions are 16 bits wide");
    assert!(!Withdrawn::NONE.contains(beyond - 1));
    assert!(Withdrawn::NONE.contains(beyond));
    assert!(Withdrawn::NONE.contains(u16::MAX));
    assert!(Withdrawn::ALL.contains(0));
}

#[test]
fn every_entry_of_the_largest_table_can_be_withdrawn_alone() {
    let largest = u16::try_from(Table::MAX_ENTRIES).expect("positions are 16 bits wide");
    let table = table((1..=largest).map(entry).collect(), Vec::new());
    for number in 1..=largest {
        let text = number.to_string();
        let set = Withdrawn::parse(&text, &table).expect("the table has the entry");
        let hit: Vec<_> = (0..largest)
            .filter(|&position| set.contains(position))
            .collect();
        assert_eq!(hit, [number - 1]);
    }
}
