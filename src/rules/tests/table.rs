// SPDX-License-Identifier: GPL-2.0-only

//! The table: the lookup compared with a linear search, and every way in which a table is unsound.

mod common;

use common::{
    every_set_of_kinds,
    tables::{self, entry, row, table},
};
use rules::{
    acs::AcsFlags,
    condition::{Condition, Place},
    entry::{CatchAll, Entry, Kind, Kinds},
    limits::{Class, Limits},
    table::{IdRange, Table},
};

/// A linear search.
fn plain_search(table: &Table, vendor: u16, device: u16) -> Option<u16> {
    table
        .index
        .iter()
        .find(|row| row.vendor == vendor && (row.first..=row.last).contains(&device))
        .map(|row| row.entry)
}

#[test]
fn lookup_finds_what_a_plain_search_finds() {
    let mut random = fastrand::Rng::with_seed(0x1d17);
    for _ in 0..300 {
        let table = tables::random(&mut random);
        assert!(table.is_sound());
        let edges = table.index.iter().flat_map(|row| {
            let (below, above) = (row.first.wrapping_sub(1), row.last.wrapping_add(1));
            [below, row.first, row.last, above].map(|device| (row.vendor, device))
        });
        let anywhere = (0..200).map(|_| (random.u16(..), random.u16(..)));
        let corners = [(0, 0), (0, 0xffff), (0xffff, 0), (0xffff, 0xffff)];
        for (vendor, device) in edges.chain(anywhere).chain(corners) {
            let expected = plain_search(&table, vendor, device);
            let found = table.find(vendor, device);
            let position = found.map(|(position, _)| position);
            assert_eq!(position, expected, "{vendor:04x}:{device:04x}");
            if let Some((position, entry)) = found {
                assert_eq!(*entry, table.entries[usize::from(position)]);
            }
        }
    }
}

#[test]
fn lookup_in_nothing_finds_nothing() {
    let empty = table(Vec::new(), Vec::new());
    assert!(empty.is_sound());
    assert_eq!(empty.find(0, 0), None);
    assert_eq!(empty.find(0xffff, 0xffff), None);
}

#[test]
fn a_row_without_an_entry_is_no_claim() {
    let broken = table(vec![entry(1)], vec![row(0x1077, 0x8030, 0x8030, 1)]);
    assert_eq!(broken.find(0x1077, 0x8030), None);
}

#[test]
fn a_sound_table_is_called_sound() {
    let ascending = vec![entry(1), entry(2), entry(Table::MAX_NUMBER)];
    let adjacent = vec![
        row(1, 0, 3, 2),
        row(1, 4, 4, 0),
        row(1, 5, 0xffff, 2),
        row(2, 0, 0, 1),
    ];
    assert!(table(ascending, adjacent).is_sound());
    assert!(tables::evenly_spread(10_000).is_sound());
    let largest = (1..=Table::MAX_NUMBER).map(entry).collect();
    assert!(table(largest, Vec::new()).is_sound());
}

/// An entry that supersedes a catch-all handler for the grouping flags.
fn superseding(handler: CatchAll) -> Entry {
    Entry {
        grants: AcsFlags::GROUPING,
        supersedes: Some(handler),
        ..entry(1)
    }
}

#[test]
fn any_vendor_but_the_two_that_are_none_is_sound() {
    for vendor in 0x0000..=0xffff {
        let is_sound = table(vec![entry(1)], vec![row(vendor, 5, 5, 0)]).is_sound();
        // For the last of these vendors, a catch-all handler answers for every endpoint.
        let expected = !matches!(vendor, 0x0000 | 0xffff | 0x8088);
        assert_eq!(is_sound, expected, "{vendor:04x}");
    }
}

/// The answer of a catch-all handler is known for the grouping flags only.
#[test]
fn an_entry_supersedes_for_grouping_alone() {
    for handler in CatchAll::ALL {
        for bits in 0x00..=0x7f {
            let grants = AcsFlags::from_bits(bits);
            let superseding = Entry {
                grants,
                ..superseding(handler)
            };
            let index = vec![row(handler.vendor(), 5, 5, 0)];
            let is_sound = table(vec![superseding], index).is_sound();
            let expected = AcsFlags::GROUPING.contains(grants);
            assert_eq!(is_sound, expected, "{} grants {grants}", handler.name());
        }
    }
}

/// Trust rule `kernel-first`: if the kernel refuses one function of a device, an entry for a
/// sibling must not split the device. So an entry for ids and kinds that a catch-all handler
/// answers for must name that handler, even if most of its ids have another vendor.
#[test]
fn an_entry_names_the_catch_all_that_answers_for_its_ids() {
    for handler in CatchAll::ALL {
        for kinds in every_set_of_kinds().filter(|kinds| !kinds.is_empty()) {
            for named in [None, Some(CatchAll::Wangxun), Some(CatchAll::ZhaoxinPort)] {
                let entry = Entry {
                    kinds,
                    grants: AcsFlags::GROUPING,
                    supersedes: named,
                    ..entry(1)
                };
                let answers = kinds
                    .iter()
                    .any(|kind| handler.answers(handler.vendor(), kind));
                let own = table(vec![entry], vec![row(handler.vendor(), 5, 5, 0)]);
                let expected = match named {
                    None => !answers,
                    Some(named) => named == handler,
                };
                assert_eq!(own.is_sound(), expected, "{handler:?} {kinds:?} {named:?}");
                let both = vec![row(0x1acb, 5, 5, 0), row(handler.vendor(), 5, 5, 0)];
                let mut both = both;
                both.sort_by_key(|row| row.vendor);
                let expected = named.is_none() && !answers;
                assert_eq!(table(vec![entry], both).is_sound(), expected);
            }
        }
    }
}

#[test]
fn each_entry_has_a_number_that_was_given_out() {
    let entries = || table(vec![entry(2), entry(5)], Vec::new());
    for (issued, is_sound) in [
        (&[2, 5][..], true),
        (&[1, 2, 3, 5, 4095], true),
        (&[2], false),
        (&[5], false),
        (&[], false),
        (&[2, 4, 6], false),
        (&[5, 2], false),
        (&[2, 2, 5], false),
        (&[0, 2, 5], false),
        (&[2, 5, 4096], false),
    ] {
        let table = Table {
            issued,
            ..entries()
        };
        assert_eq!(table.is_sound(), is_sound, "{issued:?}");
    }
}

#[test]
fn a_broken_table_is_called_broken() {
    let granting = |kinds, bits| Entry {
        kinds,
        grants: AcsFlags::from_bits(bits),
        ..entry(1)
    };
    let one = || vec![entry(1)];
    let cases: Vec<(&str, Vec<Entry>, Vec<IdRange>)> = vec![
        ("number 0", vec![entry(0)], vec![]),
        ("number twice", vec![entry(4), entry(4)], vec![]),
        ("descending numbers", vec![entry(2), entry(1)], vec![]),
        (
            "a number that is too large",
            (1..=Table::MAX_NUMBER + 1).map(entry).collect(),
            vec![],
        ),
        ("reversed range", one(), vec![row(1, 5, 4, 0)]),
        ("row without an entry", one(), vec![row(1, 5, 5, 1)]),
        (
            "vendors descend",
            one(),
            vec![row(2, 5, 5, 0), row(1, 6, 6, 0)],
        ),
        ("ids descend", one(), vec![row(1, 6, 6, 0), row(1, 5, 5, 0)]),
        ("overlap", one(), vec![row(1, 5, 7, 0), row(1, 7, 9, 0)]),
        (
            "range within a range",
            one(),
            vec![row(1, 5, 9, 0), row(1, 6, 7, 0)],
        ),
        ("range twice", one(), vec![row(1, 5, 5, 0), row(1, 5, 5, 0)]),
        (
            "Egress Control",
            vec![granting(Kinds::MF_ENDPOINT, 0x20)],
            vec![],
        ),
        (
            "unknown flag",
            vec![granting(Kinds::RC_ENDPOINT, 0x100)],
            vec![],
        ),
        (
            "DT from a root port",
            vec![granting(Kinds::ROOT_PORT, 0x40)],
            vec![],
        ),
        (
            "DT from a downstream port",
            vec![granting(Kinds::DOWNSTREAM_PORT, 0x40)],
            vec![],
        ),
        (
            "DT from endpoints and ports",
            vec![granting(
                Kinds::MF_ENDPOINT.union(Kinds::DOWNSTREAM_PORT),
                0x40,
            )],
            vec![],
        ),
        ("no kind", vec![granting(Kinds::NONE, 0x00)], vec![]),
        (
            "catch-all of another vendor",
            vec![superseding(CatchAll::Wangxun)],
            vec![row(0x1d17, 5, 5, 0)],
        ),
        (
            "catch-all of another vendor in one of two rows",
            vec![superseding(CatchAll::ZhaoxinPort)],
            vec![row(0x1d17, 5, 5, 0), row(0x8088, 5, 5, 0)],
        ),
        ("vendor 0000", one(), vec![row(0x0000, 5, 5, 0)]),
        (
            "vendor 0000 before another",
            one(),
            vec![row(0x0000, 5, 5, 0), row(0x0001, 5, 5, 0)],
        ),
        ("vendor ffff", one(), vec![row(0xffff, 5, 5, 0)]),
        (
            "vendor ffff after another",
            one(),
            vec![row(0xfffe, 5, 5, 0), row(0xffff, 5, 5, 0)],
        ),
    ];
    for (name, entries, index) in cases {
        assert!(!table(entries, index).is_sound(), "{name}");
    }
}

#[test]
fn each_kind_grants_what_the_kernel_answers_for_it() {
    for (kind, bits) in [
        (Kind::MfEndpoint, 0x5f),
        (Kind::RootPort, 0x1d),
        (Kind::DownstreamPort, 0x1d),
        (Kind::RcEndpoint, 0x1d),
    ] {
        assert_eq!(kind.grantable().bits(), bits, "{}", kind.name());
        assert_eq!(Kinds::of(kind).grantable(), kind.grantable());
    }
}

/// An entry makes its claim for all functions of its device.
#[test]
fn kinds_grant_together_what_each_of_them_grants() {
    for kinds in every_set_of_kinds() {
        for flag in (0..16).map(|bit| AcsFlags::from_bits(1 << bit)) {
            let each = kinds.iter().all(|kind| kind.grantable().contains(flag));
            let expected = each && !kinds.is_empty();
            let found = kinds.grantable().contains(flag);
            assert_eq!(found, expected, "{kinds:?}: {flag}");
        }
    }
}

/// A table of one entry with these kinds and one row with these limits.
fn limited(kinds: Kinds, limits: &'static Limits) -> Table {
    let entry = Entry { kinds, ..entry(1) };
    let row = IdRange {
        limits,
        ..row(0x1077, 5, 5, 0)
    };
    table(vec![entry], vec![row])
}

#[test]
fn limits_must_make_sense() {
    const NONE: Limits = Limits::NONE;
    const SOUND: [&Limits; 5] = [
        &NONE,
        &Limits {
            class: Some(Class::Interface(0x00ff_ffff)),
            ..NONE
        },
        &Limits {
            class: Some(Class::Subclass(0xffff)),
            ..NONE
        },
        &Limits {
            first_revision: 3,
            last_revision: 3,
            ..NONE
        },
        &Limits {
            subsystems: &[(1, 0xffff), (2, 0), (2, 1), (0xfffe, 0)],
            ..NONE
        },
    ];
    const BROKEN: [&Limits; 6] = [
        &Limits {
            class: Some(Class::Interface(0x0100_0000)),
            ..NONE
        },
        &Limits {
            first_revision: 4,
            last_revision: 3,
            ..NONE
        },
        &Limits {
            subsystems: &[(1, 1), (1, 1)],
            ..NONE
        },
        &Limits {
            subsystems: &[(2, 0), (1, 1)],
            ..NONE
        },
        &Limits {
            subsystems: &[(0x0000, 1)],
            ..NONE
        },
        &Limits {
            subsystems: &[(1, 1), (0xffff, 1)],
            ..NONE
        },
    ];
    for limits in SOUND {
        let table = limited(Kinds::MF_ENDPOINT, limits);
        assert!(table.is_sound(), "{limits:?}");
    }
    for limits in BROKEN {
        let table = limited(Kinds::MF_ENDPOINT, limits);
        assert!(!table.is_sound(), "{limits:?}");
    }
}

/// A bridge has other registers at the offset of an endpoint's subsystem ids.
#[test]
fn subsystems_are_those_of_endpoints() {
    const SUBSYSTEM: &Limits = &Limits {
        subsystems: &[(1, 1)],
        ..Limits::NONE
    };
    const REVISION: &Limits = &Limits {
        last_revision: 1,
        ..Limits::NONE
    };
    for kinds in every_set_of_kinds().filter(|kinds| !kinds.is_empty()) {
        let entry = |limits| {
            let mut table = limited(kinds, limits);
            let grants = AcsFlags::NONE;
            table.entries = vec![Entry {
                grants,
                ..table.entries[0]
            }]
            .leak();
            table
        };
        let has_bridges = kinds.contains(Kind::RootPort) || kinds.contains(Kind::DownstreamPort);
        assert_eq!(entry(SUBSYSTEM).is_sound(), !has_bridges, "{kinds:?}");
        assert!(entry(REVISION).is_sound(), "{kinds:?}");
    }
}

#[test]
fn conditions_must_make_sense() {
    const CONDITION: Condition = Condition {
        at: Place::Config,
        offset: 0,
        mask: 0xff,
        value: 0x0f,
    };
    let is_sound = |conditions: Vec<Condition>| {
        let entry = Entry {
            conditions: conditions.leak(),
            ..entry(1)
        };
        table(vec![entry], Vec::new()).is_sound()
    };
    for count in 0..=8 {
        assert_eq!(is_sound(vec![CONDITION; count]), count <= 4, "{count}");
    }
    for (at, last) in [
        (Place::Config, 0xffc),
        (Place::Capability(0x10), 0xbc),
        (Place::Extended(0x0b), 0xefc),
    ] {
        for offset in (0..0x1004).chain([0xfffc, 0xffff]) {
            let condition = Condition {
                at,
                offset,
                ..CONDITION
            };
            let expected = offset % 4 == 0 && offset <= last;
            assert_eq!(is_sound(vec![condition]), expected, "{condition:?}");
            let second = vec![CONDITION, condition];
            assert_eq!(is_sound(second), expected, "{condition:?}");
        }
    }
    for (mask, value, expected) in [
        (0xff, 0xff, true),
        (0xff, 0, true),
        (0xff, 0x100, false),
        (0, 0, false),
        (u32::MAX, u32::MAX - 1, true),
        (u32::MAX, u32::MAX, false),
    ] {
        let condition = Condition {
            mask,
            value,
            ..CONDITION
        };
        assert_eq!(is_sound(vec![condition]), expected, "{condition:?}");
    }
}
