// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `static`: the parameter withdraws entries or is an error.

mod common;

use common::{
    check::Outcome,
    shared::withdraw::{self, FOUR_ENTRIES},
    tables::{entry, table},
};
use rules::{
    table::Table,
    withdraw::{ParseError, Withdrawn},
};

#[test]
fn numbers_name_entries() -> Outcome {
    withdraw::numbers_name_entries()
}

#[test]
fn nothing_is_no_value() -> Outcome {
    withdraw::nothing_is_no_value()
}

#[test]
fn what_is_not_understood_is_an_error() -> Outcome {
    withdraw::what_is_not_understood_is_an_error()
}

#[test]
fn a_number_that_was_never_given_out_is_an_error() -> Outcome {
    withdraw::a_number_that_was_never_given_out_is_an_error()
}

#[test]
fn numbers_beyond_the_largest_count_as_withdrawn() -> Outcome {
    withdraw::numbers_beyond_the_largest_count_as_withdrawn()
}

#[test]
fn every_entry_of_the_largest_table_can_be_withdrawn_alone() -> Outcome {
    let table = table((1..=Table::MAX_NUMBER).map(entry).collect(), Vec::new());
    assert!(table.is_sound());
    withdraw::each_number_can_be_withdrawn_alone(&table)
}

#[test]
fn errors_say_what_to_do() {
    let text = |parameter| {
        Withdrawn::parse(parameter, &FOUR_ENTRIES)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        text("1,x"),
        "\"x\" is not an entry number; use numbers divided by commas, or \"all\""
    );
    assert_eq!(
        text("4"),
        "no entry ever had the number 4; take it out of the list"
    );
    assert!(ParseError::Empty.to_string().contains("without spaces"));
}
