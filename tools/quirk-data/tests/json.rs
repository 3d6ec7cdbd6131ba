// SPDX-License-Identifier: GPL-2.0-only

//! The JSON form of entries, which `acsctl` prints, and which its build stores.

mod common;

use std::path::Path;

use quirk_data::{
    entry::Entry,
    folder::{self, Scope},
    source::{self, DataFile},
};

use common::accepted;

fn entries(files: &[DataFile]) -> Vec<Entry> {
    folder::check(files, Scope::now(None)).expect("the files have no fault")
}

/// An entry from JSON is the entry that was written, with every part.
#[test]
fn json_tells_everything_about_an_entry() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../quirks");
    let own = source::read(&folder).expect("the folder is there").files;
    let mut entries = [entries(&own), entries(&accepted())].concat();
    let some = |has: fn(&Entry) -> bool| entries.iter().any(has);
    assert!(some(|entry| entry.acs_registers.is_some()));
    assert!(some(|entry| !entry.conditions.is_empty()));
    assert!(some(|entry| !entry.program.is_empty()));
    assert!(some(|entry| !entry.excludes.is_empty()));
    assert!(some(|entry| {
        let mainline = entry.mainline.as_ref();
        mainline.is_some_and(|mainline| mainline.not_expressed.is_some())
    }));
    assert!(some(|entry| {
        let mut limits = entry.devices.iter().map(|devices| &devices.limits);
        limits.any(|limits| limits.class.is_some() && !limits.subsystems.is_empty())
    }));
    // Every bit of a mask and of a value.
    let mut wide = entries
        .iter()
        .find(|entry| !entry.conditions.is_empty())
        .expect("one has")
        .clone();
    for condition in &mut wide.conditions {
        condition.register.mask = u32::MAX >> (32 - condition.register.width);
        condition.value = condition.register.mask;
    }
    entries.push(wide);
    let json = serde_json::to_vec(&entries).expect("entries have a JSON form");
    let read: Vec<Entry> = serde_json::from_slice(&json).expect("it is one");
    assert!(read == entries);
}

#[test]
fn bits_without_a_register_are_an_error() {
    let found = entries(&accepted());
    let entry = found.iter().find(|entry| !entry.conditions.is_empty());
    let json = serde_json::to_string(entry.expect("one has")).expect("it has a JSON form");
    for (old, new) in [
        ("\"mask\":\"0x", "\"mask\":\"0x0"),
        ("\"at\":\"", "\"at\":\"x"),
    ] {
        assert!(json.contains(old), "{json}");
        let changed = json.replace(old, new);
        assert!(
            serde_json::from_str::<Entry>(&changed).is_err(),
            "{changed}"
        );
    }
}
