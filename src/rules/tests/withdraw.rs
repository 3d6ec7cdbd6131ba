// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `static`: the parameter withdraws entries or is an error.

mod common;

use common::tables::{entry, table};
use rules::{
    table::Table,
    withdraw::{ParseError, Withdrawn},
};

/// Entries 1, 3, 17 and 300. The numbers 2 and 301 were issued and removed.
fn four_entries() -> Table {
    Table {
        issued: &[1, 2, 3, 17, 300, 301],
        ..table([1, 3, 17, 300].map(entry).into(), Vec::new())
    }
}

/// The issued numbers that a value withdraws.
fn withdrawn(text: &str) -> Result<Vec<u16>, ParseError<'_>> {
    let table = four_entries();
    let set = Withdrawn::parse(text, &table)?;
    let issued = table.issued.iter().copied();
    Ok(issued.filter(|&number| set.contains(number)).collect())
}

#[test]
fn numbers_name_entries() {
    assert!(four_entries().is_sound());
    for (text, numbers) in [
        ("1", &[1][..]),
        ("3", &[3]),
        ("300", &[300]),
        ("1,17", &[1, 17]),
        (" 17 , 1\n", &[1, 17]),
        ("3,3,3", &[3]),
        ("all", &[1, 2, 3, 17, 300, 301]),
        ("1,all", &[1, 2, 3, 17, 300, 301]),
        ("all,1", &[1, 2, 3, 17, 300, 301]),
    ] {
        assert_eq!(withdrawn(text).as_deref(), Ok(numbers), "{text:?}");
    }
}

/// The kernel turns `withdraw= 3` into an empty value and an unknown word.
#[test]
fn nothing_is_no_value() {
    for text in ["", " ", "  \n"] {
        assert_eq!(withdrawn(text), Err(ParseError::Empty));
    }
    assert!(ParseError::Empty.to_string().contains("without spaces"));
}

/// An upgrade that removes an entry must not keep the module from loading.
#[test]
fn a_number_that_some_other_table_has_is_accepted() {
    assert_eq!(withdrawn("2,301,3").as_deref(), Ok(&[2, 3, 301][..]));
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
fn a_number_that_was_never_given_out_is_an_error() {
    for (text, number) in [
        ("0", 0),
        ("4", 4),
        ("65535", 65535),
        ("1,3,4", 4),
        ("all,4", 4),
    ] {
        assert_eq!(
            withdrawn(text),
            Err(ParseError::NeverIssued(number)),
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
        "no entry ever had the number 4; take it out of the list"
    );
}

#[test]
fn numbers_beyond_the_largest_count_as_withdrawn() {
    assert!(!Withdrawn::NONE.contains(Table::MAX_NUMBER));
    assert!(Withdrawn::NONE.contains(Table::MAX_NUMBER + 1));
    assert!(Withdrawn::NONE.contains(u16::MAX));
    assert!(Withdrawn::ALL.contains(1));
}

#[test]
fn every_entry_of_the_largest_table_can_be_withdrawn_alone() {
    let all = 1..=Table::MAX_NUMBER;
    let table = table(all.clone().map(entry).collect(), Vec::new());
    assert!(table.is_sound());
    for number in all.clone() {
        let text = number.to_string();
        let set = Withdrawn::parse(&text, &table).expect("the table has the entry");
        let hit: Vec<_> = all.clone().filter(|&number| set.contains(number)).collect();
        assert_eq!(hit, [number]);
        assert_eq!(Withdrawn::from_words(*set.words()), set);
    }
}
