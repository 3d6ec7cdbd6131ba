// SPDX-License-Identifier: GPL-2.0-only

//! The invariants of a table, each with tables that break only this invariant; and the lookup,
//! compared with a linear search.

use super::{
    prelude::*,
    rules::{
        acs::AcsFlags,
        condition::{Condition, Place},
        entry::{CatchAll, Entry, Kinds},
        limits::{Class, Limits},
        table::{IdRange, Table},
    },
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
        issued: &[1, 2, 5, Table::MAX_NUMBER],
    }
}

const fn numbered(number: u16) -> Entry {
    Entry { number, ..ENTRY }
}

const fn granting(kinds: Kinds, grants: AcsFlags) -> Entry {
    Entry {
        kinds,
        grants,
        ..ENTRY
    }
}

const fn superseding(handler: CatchAll, grants: AcsFlags) -> Entry {
    Entry {
        supersedes: Some(handler),
        ..granting(Kinds::MF_ENDPOINT, grants)
    }
}

const fn only_if(conditions: &'static [Condition]) -> Entry {
    Entry {
        conditions,
        ..ENTRY
    }
}

const fn row(vendor: u16, first: u16, last: u16, entry: u16) -> IdRange {
    IdRange {
        vendor,
        first,
        last,
        entry,
        ..ROW
    }
}

const fn within(limits: &'static Limits) -> IdRange {
    IdRange { limits, ..ROW }
}

/// A table with these limits.
macro_rules! limited {
    ($($limit:ident: $value:expr),+) => {
        table(&[ENTRY], &[within(&Limits { $($limit: $value,)+ ..Limits::NONE })])
    };
}

/// A table with a condition that differs in these fields from [`CONDITION`].
macro_rules! conditional {
    ($($field:ident: $value:expr),+) => {
        table(&[only_if(&[Condition { $($field: $value,)+ ..CONDITION }])], &[ROW])
    };
}

/// Sound tables. Each is the counterpart of some that are not.
static SOUND: &[(&str, Table)] = &[
    ("empty", table(&[], &[])),
    ("one entry", table(&[ENTRY], &[ROW])),
    (
        "entries that ascend, rows that adjoin",
        table(
            &[ENTRY, numbered(2), numbered(Table::MAX_NUMBER)],
            &[
                row(1, 0, 3, 2),
                row(1, 4, 4, 0),
                row(1, 5, 0xffff, 2),
                row(2, 0, 0, 1),
            ],
        ),
    ),
    (
        "a catch-all of the vendor",
        table(
            &[superseding(CatchAll::Wangxun, AcsFlags::GROUPING)],
            &[row(0x8088, 5, 5, 0)],
        ),
    ),
    ("a condition", table(&[only_if(&[CONDITION])], &[ROW])),
    (
        "the largest number of conditions",
        table(&[only_if(&[CONDITION; Condition::MAX])], &[ROW]),
    ),
    (
        "a class of 24 bits",
        limited!(class: Some(Class::Interface(0x00ff_ffff))),
    ),
    (
        "a class of 16 bits",
        limited!(class: Some(Class::Subclass(0xffff))),
    ),
    (
        "one revision",
        limited!(first_revision: 3, last_revision: 3),
    ),
    (
        "subsystems",
        limited!(subsystems: &[(1, 0xffff), (2, 0), (2, 1), (0xfffe, 0)]),
    ),
    (
        "all limits",
        table(
            &[ENTRY],
            &[within(&Limits {
                class: Some(Class::Interface(0x02_0000)),
                first_revision: 1,
                last_revision: 1,
                subsystems: &[(1, 1), (1, 2), (2, 1)],
            })],
        ),
    ),
];

static BROKEN: &[(&str, Table)] = &[
    ("number 0", table(&[numbered(0)], &[ROW])),
    ("a number twice", table(&[ENTRY, ENTRY], &[ROW])),
    ("numbers that descend", table(&[numbered(5), ENTRY], &[ROW])),
    (
        "a number that was never given out",
        table(&[numbered(3)], &[ROW]),
    ),
    (
        "no kind",
        table(&[granting(Kinds::NONE, AcsFlags::NONE)], &[ROW]),
    ),
    (
        "Egress Control",
        table(&[granting(Kinds::MF_ENDPOINT, AcsFlags::EC)], &[ROW]),
    ),
    (
        "an unknown flag",
        table(
            &[granting(Kinds::RC_ENDPOINT, AcsFlags::from_bits(0x100))],
            &[ROW],
        ),
    ),
    (
        "DT from a root port",
        table(&[granting(Kinds::ROOT_PORT, AcsFlags::DT)], &[ROW]),
    ),
    (
        "DT from a downstream port",
        table(&[granting(Kinds::DOWNSTREAM_PORT, AcsFlags::DT)], &[ROW]),
    ),
    (
        "DT from endpoints and root ports",
        table(
            &[granting(
                Kinds::MF_ENDPOINT.union(Kinds::ROOT_PORT),
                AcsFlags::DT,
            )],
            &[ROW],
        ),
    ),
    (
        "DT from endpoints and downstream ports",
        table(
            &[granting(
                Kinds::MF_ENDPOINT.union(Kinds::DOWNSTREAM_PORT),
                AcsFlags::DT,
            )],
            &[ROW],
        ),
    ),
    ("a row of no entry", table(&[ENTRY], &[row(1, 5, 5, 1)])),
    ("a range that descends", table(&[ENTRY], &[row(1, 5, 4, 0)])),
    (
        "vendors that descend",
        table(&[ENTRY], &[row(2, 5, 5, 0), row(1, 6, 6, 0)]),
    ),
    (
        "ids that descend",
        table(&[ENTRY], &[row(1, 6, 6, 0), row(1, 5, 5, 0)]),
    ),
    (
        "rows that overlap",
        table(&[ENTRY], &[row(1, 5, 7, 0), row(1, 7, 9, 0)]),
    ),
    (
        "a range within a range",
        table(&[ENTRY], &[row(1, 5, 9, 0), row(1, 6, 7, 0)]),
    ),
    (
        "a range twice",
        table(&[ENTRY], &[row(1, 5, 5, 0), row(1, 5, 5, 0)]),
    ),
    (
        "vendor 0000, which a device has before it is set up",
        table(&[ENTRY], &[row(0x0000, 5, 5, 0)]),
    ),
    (
        "vendor 0000 before another",
        table(&[ENTRY], &[row(0x0000, 5, 5, 0), row(0x0001, 5, 5, 0)]),
    ),
    (
        "vendor ffff, which an absent function reads as",
        table(&[ENTRY], &[row(0xffff, 5, 5, 0)]),
    ),
    (
        "vendor ffff after another",
        table(&[ENTRY], &[row(0xfffe, 5, 5, 0), row(0xffff, 5, 5, 0)]),
    ),
    (
        "an id that sends under the requester ID of another function",
        table(&[ENTRY], &[row(0x1b4b, 0x911f, 0x9120, 0)]),
    ),
    (
        "a catch-all that answers for the ids and is not named",
        table(&[ENTRY], &[row(0x8088, 5, 5, 0)]),
    ),
    (
        "a catch-all of another vendor",
        table(
            &[superseding(CatchAll::Wangxun, AcsFlags::GROUPING)],
            &[row(0x1d17, 5, 5, 0)],
        ),
    ),
    (
        "a catch-all of another vendor in one of two rows",
        table(
            &[superseding(CatchAll::ZhaoxinPort, AcsFlags::GROUPING)],
            &[row(0x1d17, 5, 5, 0), row(0x8088, 5, 5, 0)],
        ),
    ),
    (
        "a catch-all for more than grouping",
        table(
            &[superseding(
                CatchAll::Wangxun,
                AcsFlags::GROUPING.union(AcsFlags::DT),
            )],
            &[row(0x8088, 5, 5, 0)],
        ),
    ),
    (
        "a condition that looks at nothing",
        conditional!(mask: 0, value: 0),
    ),
    ("a condition on half a dword", conditional!(offset: 0x42)),
    ("a condition that cannot hold", conditional!(value: 0x10)),
    (
        "too many conditions",
        table(&[only_if(&[CONDITION; Condition::MAX + 1])], &[ROW]),
    ),
    (
        "a class of more than 24 bits",
        limited!(class: Some(Class::Interface(0x0100_0000))),
    ),
    (
        "revisions that descend",
        limited!(first_revision: 4, last_revision: 3),
    ),
    ("a subsystem twice", limited!(subsystems: &[(1, 1), (1, 1)])),
    (
        "subsystems that descend",
        limited!(subsystems: &[(1, 2), (1, 1)]),
    ),
    (
        "vendors of subsystems that descend",
        limited!(subsystems: &[(2, 0), (1, 1)]),
    ),
    (
        "subsystem vendor 0000",
        limited!(subsystems: &[(0x0000, 1)]),
    ),
    (
        "subsystem vendor ffff",
        limited!(subsystems: &[(1, 1), (0xffff, 1)]),
    ),
    (
        "a subsystem of a port",
        table(
            &[granting(Kinds::ROOT_PORT, AcsFlags::GROUPING)],
            &[within(&Limits {
                subsystems: &[(1, 1)],
                ..Limits::NONE
            })],
        ),
    ),
];

pub(crate) fn what_breaks_no_invariant_is_sound() -> Outcome {
    for (what, table) in SOUND {
        equal(what, table.is_sound(), true)?;
        lookup_finds_what_a_plain_search_finds(table, 1)?;
    }
    Ok(())
}

pub(crate) fn each_invariant_can_be_broken() -> Outcome {
    for (what, table) in BROKEN {
        equal(what, table.is_sound(), false)?;
    }
    Ok(())
}

pub(crate) fn each_entry_has_a_number_that_was_given_out() -> Outcome {
    const ISSUED: &[(&[u16], bool)] = &[
        (&[2, 5], true),
        (&[1, 2, 3, 5, 4095], true),
        (&[2], false),
        (&[5], false),
        (&[], false),
        (&[2, 4, 6], false),
        (&[5, 2], false),
        (&[2, 2, 5], false),
        (&[0, 2, 5], false),
        (&[2, 5, 4096], false),
    ];
    const TWO: Table = table(&[numbered(2), numbered(5)], &[]);
    for &(issued, is_sound) in ISSUED {
        let table = Table { issued, ..TWO };
        equal(format_args!("{issued:?}"), table.is_sound(), is_sound)?;
    }
    Ok(())
}

/// Compares the lookup with a linear search, for a vendor and device id.
pub(crate) fn lookup_finds(table: &Table, vendor: u16, device: u16) -> Outcome {
    let mut rows = table.index.iter();
    let row = rows.find(|row| row.vendor == vendor && (row.first..=row.last).contains(&device));
    equal(
        format_args!("{vendor:04x}:{device:04x} row in {}", table.version),
        table.row(vendor, device),
        row,
    )?;
    let entry = row.and_then(|row| Some((row.entry, table.entries.get(usize::from(row.entry))?)));
    equal(
        format_args!("{vendor:04x}:{device:04x} entry in {}", table.version),
        table.find(vendor, device),
        entry,
    )
}

/// Compares the lookup with a linear search for the ids around both ends of each row, up to `reach`
/// away, with its vendor and the neighbouring ones.
pub(crate) fn lookup_finds_what_a_plain_search_finds(table: &Table, reach: u16) -> Outcome {
    for row in table.index {
        for vendor in row.vendor.saturating_sub(1)..=row.vendor.saturating_add(1) {
            for end in [0, row.first, row.last, u16::MAX] {
                for device in end.saturating_sub(reach)..=end.saturating_add(reach) {
                    lookup_finds(table, vendor, device)?;
                }
            }
        }
    }
    for vendor in [0x0000, 0x1234, 0xffff] {
        for device in [0x0000, 0x5678, 0xffff] {
            lookup_finds(table, vendor, device)?;
        }
    }
    Ok(())
}
