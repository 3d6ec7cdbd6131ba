// SPDX-License-Identifier: GPL-2.0-only

//! The tables in the source tree: sound, and with the contents that the entries state.

mod common;

use quirk_data::{
    edition::Edition,
    entry::Entry,
    folder::{self, Scope},
    register::Precondition,
    supported,
};

use common::root;
// The tables use `crate::rules`.
use rules::{self, table::Table};

#[path = "../../../src/candidates/table.rs"]
mod candidate;
#[path = "../../../tests/kernel/module/table.rs"]
mod test;
#[path = "../../../src/table.rs"]
mod validated;

/// Each edition, its table, and the path of the table.
const TABLES: [(Edition, &Table, &str); 3] = [
    (Edition::Validated, &validated::TABLE, "src/table.rs"),
    (
        Edition::Candidate,
        &candidate::TABLE,
        "src/candidates/table.rs",
    ),
    (Edition::Test, &test::TABLE, "tests/kernel/module/table.rs"),
];

fn entries(edition: Edition) -> Vec<Entry> {
    let data = root().join(edition.folder());
    let scope = Scope {
        kernel: supported::oldest(),
        ..Scope::now(Some(edition))
    };
    folder::load(&data, scope).expect("the data has no fault")
}

#[test]
fn the_tables_are_sound() {
    for (_, table, path) in TABLES {
        assert!(table.is_sound(), "{path}");
    }
}

/// Each id leads to the entry of its file, and no other id leads anywhere.
#[test]
fn the_tables_say_what_the_data_says() {
    for (edition, table, path) in TABLES {
        let entries = entries(edition);
        let selected = edition.select(&entries, supported::oldest());
        assert_eq!(table.entries.len(), selected.len(), "{path}");
        let mut count = 0;
        for entry in selected {
            let conditions = entry.conditions.iter().map(Precondition::in_dword);
            let conditions: Vec<_> = conditions.collect();
            let devices = entry.devices.iter();
            let rows = devices.flat_map(|one| one.ids.iter().map(move |ids| (ids, &one.limits)));
            for (ids, limits) in rows {
                for device in ids.first..=ids.last {
                    let (_, built) = table.find(ids.vendor, device).expect("it is listed");
                    assert_eq!(built.number, entry.number);
                    assert_eq!(built.name, entry.name);
                    let kinds: Vec<_> = built.kinds.iter().collect();
                    assert!(kinds.len() == entry.kinds().count());
                    assert!(entry.kinds().all(|kind| kinds.contains(&kind)));
                    assert_eq!(built.grants, entry.acs);
                    assert_eq!(built.supersedes, entry.supersedes);
                    assert_eq!(built.conditions, conditions);
                    let row = table.row(ids.vendor, device).expect("it is listed");
                    let revisions = (row.limits.first_revision, row.limits.last_revision);
                    assert_eq!(revisions, limits.revisions.unwrap_or((0x00, 0xff)));
                    assert_eq!(row.limits.class, limits.class);
                    assert_eq!(row.limits.subsystems, limits.subsystems);
                    count += 1;
                }
            }
        }
        let listed = table
            .index
            .iter()
            .map(|row| usize::from(row.last - row.first) + 1);
        assert_eq!(listed.sum::<usize>(), count, "{path}");
    }
}
