// SPDX-License-Identifier: GPL-2.0-only

//! The invariants of a table. The table of each edition keeps them, and for each invariant, there
//! is a table that breaks only that one.

use kernel::prelude::*;

use crate::rules::{
    acs::AcsFlags,
    condition::{Condition, Place},
    entry::{CatchAll, Entry, Kinds},
    limits::{Class, Limits},
    table::{IdRange, Table},
};

const ENTRY: Entry = Entry {
    number: 1,
    name: "acme/adapter",
    kinds: Kinds::MF_ENDPOINT,
    grants: AcsFlags::GROUPING,
    supersedes: None,
    mainline_since: None,
    conditions: &[],
};

const ROW: IdRange = IdRange {
    vendor: 0x1234,
    first: 0x10,
    last: 0x1f,
    entry: 0,
    limits: &Limits::NONE,
};

const CONDITION: Condition = Condition {
    at: Place::Config,
    offset: 0x40,
    mask: 0x0f,
    value: 0x01,
};

const fn table(entries: &'static [Entry], index: &'static [IdRange]) -> Table {
    Table {
        version: "",
        entries,
        index,
        issued: &[1, 2, 5],
    }
}

/// Valid tables. Each has one or more invalid counterparts.
static SOUND: &[(&str, Table)] = &[
    ("empty", table(&[], &[])),
    ("one entry", table(&[ENTRY], &[ROW])),
    (
        "two entries, three rows",
        table(
            &[ENTRY, Entry { number: 5, ..ENTRY }],
            &[
                ROW,
                IdRange {
                    first: 0x20,
                    last: 0x20,
                    entry: 1,
                    ..ROW
                },
                IdRange {
                    vendor: 0x1235,
                    ..ROW
                },
            ],
        ),
    ),
    (
        "a catch-all of the vendor is superseded",
        table(
            &[Entry {
                supersedes: Some(CatchAll::Wangxun),
                ..ENTRY
            }],
            &[IdRange {
                vendor: 0x8088,
                ..ROW
            }],
        ),
    ),
    (
        "a condition",
        table(
            &[Entry {
                conditions: &[CONDITION],
                ..ENTRY
            }],
            &[ROW],
        ),
    ),
    (
        "limits",
        table(
            &[ENTRY],
            &[IdRange {
                limits: &Limits {
                    class: Some(Class::Interface(0x02_0000)),
                    first_revision: 1,
                    last_revision: 1,
                    subsystems: &[(1, 1), (1, 2), (2, 1)],
                },
                ..ROW
            }],
        ),
    ),
];

static BROKEN: &[(&str, Table)] = &[
    ("number 0", table(&[Entry { number: 0, ..ENTRY }], &[ROW])),
    ("a number twice", table(&[ENTRY, ENTRY], &[ROW])),
    (
        "numbers that descend",
        table(&[Entry { number: 5, ..ENTRY }, ENTRY], &[ROW]),
    ),
    (
        "no kind",
        table(
            &[Entry {
                kinds: Kinds::NONE,
                ..ENTRY
            }],
            &[ROW],
        ),
    ),
    (
        "more flags than the kind may grant",
        table(
            &[Entry {
                grants: AcsFlags::EC,
                ..ENTRY
            }],
            &[ROW],
        ),
    ),
    (
        "flags that one of its kinds may not grant",
        table(
            &[Entry {
                kinds: Kinds::MF_ENDPOINT.union(Kinds::ROOT_PORT),
                grants: AcsFlags::DT,
                ..ENTRY
            }],
            &[ROW],
        ),
    ),
    (
        "rows that descend",
        table(
            &[ENTRY],
            &[
                IdRange {
                    vendor: 0x1235,
                    ..ROW
                },
                ROW,
            ],
        ),
    ),
    (
        "rows that overlap",
        table(
            &[ENTRY],
            &[
                ROW,
                IdRange {
                    first: 0x1f,
                    last: 0x2f,
                    ..ROW
                },
            ],
        ),
    ),
    (
        "a range that descends",
        table(&[ENTRY], &[IdRange { first: 0x20, ..ROW }]),
    ),
    (
        "a row of no entry",
        table(&[ENTRY], &[IdRange { entry: 1, ..ROW }]),
    ),
    (
        "what an absent function reads as",
        table(
            &[ENTRY],
            &[IdRange {
                vendor: 0xffff,
                ..ROW
            }],
        ),
    ),
    (
        "what a device has before it is set up",
        table(
            &[ENTRY],
            &[IdRange {
                vendor: 0x0000,
                ..ROW
            }],
        ),
    ),
    (
        "a number that was never given out",
        table(&[Entry { number: 3, ..ENTRY }], &[ROW]),
    ),
    (
        "a catch-all that answers for the ids and is not named",
        table(
            &[ENTRY],
            &[IdRange {
                vendor: 0x8088,
                ..ROW
            }],
        ),
    ),
    (
        "an id that sends under the requester ID of another function",
        table(
            &[ENTRY],
            &[IdRange {
                vendor: 0x1b4b,
                first: 0x911f,
                last: 0x9120,
                ..ROW
            }],
        ),
    ),
    (
        "a catch-all of another vendor",
        table(
            &[Entry {
                supersedes: Some(CatchAll::Wangxun),
                ..ENTRY
            }],
            &[ROW],
        ),
    ),
    (
        "a catch-all for more than grouping",
        table(
            &[Entry {
                supersedes: Some(CatchAll::Wangxun),
                grants: AcsFlags::GROUPING.union(AcsFlags::DT),
                ..ENTRY
            }],
            &[IdRange {
                vendor: 0x8088,
                ..ROW
            }],
        ),
    ),
    (
        "a condition that looks at nothing",
        table(
            &[Entry {
                conditions: &[Condition {
                    mask: 0,
                    value: 0,
                    ..CONDITION
                }],
                ..ENTRY
            }],
            &[ROW],
        ),
    ),
    (
        "a condition on half a dword",
        table(
            &[Entry {
                conditions: &[Condition {
                    offset: 0x42,
                    ..CONDITION
                }],
                ..ENTRY
            }],
            &[ROW],
        ),
    ),
    (
        "a condition that cannot hold",
        table(
            &[Entry {
                conditions: &[Condition {
                    value: 0x10,
                    ..CONDITION
                }],
                ..ENTRY
            }],
            &[ROW],
        ),
    ),
    (
        "too many conditions",
        table(
            &[Entry {
                conditions: &[CONDITION; Condition::MAX + 1],
                ..ENTRY
            }],
            &[ROW],
        ),
    ),
    (
        "a class of more than 24 bits",
        table(
            &[ENTRY],
            &[IdRange {
                limits: &Limits {
                    class: Some(Class::Interface(0x0100_0000)),
                    ..Limits::NONE
                },
                ..ROW
            }],
        ),
    ),
    (
        "revisions that descend",
        table(
            &[ENTRY],
            &[IdRange {
                limits: &Limits {
                    first_revision: 2,
                    last_revision: 1,
                    ..Limits::NONE
                },
                ..ROW
            }],
        ),
    ),
    (
        "subsystems out of order",
        table(
            &[ENTRY],
            &[IdRange {
                limits: &Limits {
                    subsystems: &[(1, 2), (1, 1)],
                    ..Limits::NONE
                },
                ..ROW
            }],
        ),
    ),
    (
        "a subsystem of a port",
        table(
            &[Entry {
                kinds: Kinds::ROOT_PORT,
                ..ENTRY
            }],
            &[IdRange {
                limits: &Limits {
                    subsystems: &[(1, 1)],
                    ..Limits::NONE
                },
                ..ROW
            }],
        ),
    ),
];

#[kunit_tests(acs_quirks_tables)]
mod suite {
    use super::*;
    use crate::{
        check::equal,
        TABLES, //
    };

    #[test]
    fn the_table_of_each_edition_is_sound() -> Result {
        for (edition, table) in TABLES {
            equal(edition, table.is_sound(), true)?;
        }
        Ok(())
    }

    #[test]
    fn what_breaks_no_invariant_is_sound() -> Result {
        for (what, table) in SOUND {
            equal(what, table.is_sound(), true)?;
        }
        Ok(())
    }

    #[test]
    fn each_invariant_can_be_broken() -> Result {
        for (what, table) in BROKEN {
            equal(what, table.is_sound(), false)?;
        }
        Ok(())
    }

    /// Every entry of an edition has a row.
    #[test]
    fn every_entry_has_a_row() -> Result {
        for (edition, table) in TABLES {
            for (position, entry) in (0..).zip(table.entries) {
                let has_row = table.index.iter().any(|row| row.entry == position);
                equal(format_args!("{edition} {}", entry.name), has_row, true)?;
            }
        }
        Ok(())
    }
}
