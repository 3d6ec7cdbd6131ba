// SPDX-License-Identifier: GPL-2.0-only

//! The table: the lookup compared with a linear search, and every way in which a table is unsound.
//! `shared/tables.rs` has more.

mod common;

use common::{
    check::Outcome,
    every_set_of_kinds, shared,
    tables::{self, entry, row, table},
};
use rules::{
    acs::AcsFlags,
    condition::{Condition, Place},
    entry::{CatchAll, Entry, Kind, Kinds},
    limits::Limits,
    table::{IdRange, Table},
};

#[test]
fn lookup_finds_what_a_plain_search_finds() -> Outcome {
    let mut random = fastrand::Rng::with_seed(0x1d17);
    for _ in 0..300 {
        let table = tables::random(&mut random);
        assert!(table.is_sound());
        shared::tables::lookup_finds_what_a_plain_search_finds(&table, 1)?;
        for _ in 0..200 {
            shared::tables::lookup_finds(&table, random.u16(..), random.u16(..))?;
        }
    }
    Ok(())
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
fn a_large_table_is_sound_up_to_the_largest_number() {
    assert!(tables::evenly_spread(10_000).is_sound());
    let up_to = |number| table((1..=number).map(entry).collect(), Vec::new());
    assert!(up_to(Table::MAX_NUMBER).is_sound());
    assert!(!up_to(Table::MAX_NUMBER + 1).is_sound());
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
