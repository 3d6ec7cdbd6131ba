// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `static`: the parameter withdraws entries or is an error. `shared/withdraw.rs` has
//! more.

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
