// SPDX-License-Identifier: GPL-2.0-only

//! The functions that are emulated for an entry, without a kernel: everything that the entry
//! claims, and the nearest functions that it does not claim.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, Result, ensure};
use boot::{
    scenarios::entries::{decision::KnownClaims, device::TestedEntry, plan},
    space::Space,
};
use quirk_data::{
    built,
    edition::Edition,
    entry::{Entry, Ids},
    folder::{self, Scope},
};

fn load(folder: &str, edition: Option<Edition>) -> Result<Vec<Entry>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(folder);
    Ok(folder::load(&folder, Scope::now(edition))?)
}

/// The entries of the test edition, and one of each form that an entry can have.
fn entries() -> Result<Vec<Entry>> {
    let mut quirks = load("tests/kernel/module/quirks", Some(Edition::Test))?;
    for mut quirk in load("tools/quirk-data/tests/export/entries", None)? {
        quirk.number += 1000;
        quirks.push(quirk);
    }
    quirks.sort_by_key(|quirk| quirk.number);
    Ok(quirks)
}

/// The devices for an entry, on a kernel without quirks.
fn entry(quirk: &Entry) -> Result<TestedEntry> {
    let mut quirks = entries()?;
    quirks.retain(|other| other.number != quirk.number);
    quirks.push(quirk.clone());
    quirks.sort_by_key(|quirk| quirk.number);
    let claims = KnownClaims {
        kernel: &quirk_data::handlers::newest(&[]),
        table: &built::table(&quirks.iter().collect::<Vec<_>>()),
    };
    TestedEntry::of(quirk, &claims)
}

fn named(name: &str) -> Result<Entry> {
    let mut quirks = entries()?.into_iter();
    quirks
        .find(|quirk| quirk.name == name)
        .context("no such entry")
}

#[test]
fn all_that_is_claimed_is_in_devices_that_split() -> Result<()> {
    let mut shown = 0;
    for quirk in entries()? {
        let Ok(entry) = entry(&quirk) else {
            continue;
        };
        shown += 1;
        for kind in quirk.kinds() {
            let of_kind = entry.devices.iter().filter(|device| device.kind == kind);
            let (apart, together): (Vec<_>, Vec<_>) =
                of_kind.partition(|device| device.stranger.is_none());
            let emulated: BTreeSet<_> = apart
                .iter()
                .flat_map(|device| &device.functions)
                .filter_map(Space::ids)
                .collect();
            let claimed = quirk.devices.iter().filter(|one| one.limits.allow(kind));
            let claimed: BTreeSet<_> = claimed
                .flat_map(|one| &one.ids)
                .flat_map(|ids| [(ids.vendor, ids.first), (ids.vendor, ids.last)])
                .collect();
            ensure!(emulated == claimed, "{}: {emulated:04x?}", quirk.name);
            let counts = apart.iter().map(|device| device.functions.len());
            ensure!(counts.into_iter().all(|count| (2..=8).contains(&count)));
            let has_neighbours = !together.is_empty() || quirk.ids().any(Ids::is_any);
            ensure!(has_neighbours, "{}: no neighbours", quirk.name);
        }
    }
    ensure!(shown > 20, "{shown}");
    Ok(())
}

/// If an entry has more functions than a device can have, it gets several devices, and none has a
/// single function.
#[test]
fn nine_functions_take_two_devices() -> Result<()> {
    let mut quirk = named("test/rciep")?;
    quirk.devices = vec![quirk.devices[0].clone(); 9];
    let devices = entry(&quirk)?.devices;
    let apart = devices.iter().filter(|device| device.stranger.is_none());
    let counts: Vec<_> = apart.map(|device| device.functions.len()).collect();
    ensure!(counts == [8, 2], "{counts:?}");
    Ok(())
}

/// Each device that must stay together has one function outside the claim. All ways to be outside
/// are covered.
#[test]
fn the_nearest_strangers_are_there() -> Result<()> {
    let strangers = |name: &str| -> Result<Vec<String>> {
        let devices = entry(&named(name)?)?.devices.into_iter();
        Ok(devices.filter_map(|device| device.stranger).collect())
    };
    for (name, wanted) in [
        (
            "test/adapter",
            &["1077:802f, another device", "1077:8033, another device"][..],
        ),
        ("test/revisions", &["revision 02", "revision 08"]),
        ("test/class", &["class 020100"]),
        ("test/subsystems", &["subsystem 1234:0011"]),
        (
            "test/condition",
            &["condition 1 not met", "condition 2 not met"],
        ),
    ] {
        let found = strangers(name)?;
        for expected in wanted {
            ensure!(
                found.iter().any(|what| what == expected),
                "{name}: {found:?}"
            );
        }
    }
    Ok(())
}

/// Every entry of the editions can be emulated. Entries on the skip list are refused for the listed
/// reason.
#[test]
fn no_entry_is_refused() -> Result<()> {
    for series in ["7.2", "7.3"] {
        let plan = plan(series.parse()?, |_| true)?;
        ensure!(plan.refused.is_empty(), "{:?}", plan.refused);
        let names = plan.boots.iter().flat_map(|boot| &boot.entries);
        ensure!(names.count() >= 13);
    }
    Ok(())
}

/// An entry that the module would not split is refused with the module's reason, before any boot.
#[test]
fn what_splits_nothing_is_refused() -> Result<()> {
    let Err(error) = entry(&named("acme/two-flags")?) else {
        anyhow::bail!("it is taken");
    };
    let said = error.to_string();
    ensure!(said.contains("does not grant all of SV RR CR UF"), "{said}");
    Ok(())
}
