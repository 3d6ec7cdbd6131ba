// SPDX-License-Identifier: GPL-2.0-only

//! Tests made from the entries themselves. `entry::vendor/family` emulates the functions that an
//! entry claims, and shows that the entry splits them and that they stay together without it.
//!
//! | file | content |
//! |---|---|
//! | `function.rs` | the functions inside an entry's claim, and those just outside it |
//! | `layout.rs` | the configuration space of a function |
//! | `decision.rs` | the module's decision about a device, before any guest boots |
//! | `device.rs` | the devices that test an entry |
//! | `slots.rs` | the slots of these devices in a machine |
//! | `boot.rs` | the boot |
//! | `verdict.rs` | the kernel's own answers, recorded in the boot |
//! | `observations.rs` | compares the observations of a boot with the entries |
//! | `skip_list.rs` | entries that split nothing on purpose |

mod boot;
pub mod decision;
pub mod device;
pub mod function;
mod layout;
mod observations;
mod skip_list;
mod slots;
mod verdict;

use std::{path::Path, sync::OnceLock};

use anyhow::{Context, Result};
use quirk_data::{
    built,
    edition::Edition,
    entry::Entry,
    folder::{self, Scope},
    supported,
};
use rules::{entry::Kind, release::Release};

pub use self::boot::{EntryBoot, IOMMU};
use self::{
    decision::KnownClaims,
    device::{EmulatedDevice, TestedEntry},
    slots::SLOTS,
};

/// Root of the checkout.
const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The tests of the entries, for one kernel.
#[derive(Debug, Default)]
pub struct Plan {
    /// The boots. Each tests several entries. An entry with many functions needs several boots.
    pub boots: Vec<EntryBoot>,
    /// Names of entries that cannot be tested, and why.
    pub refused: Vec<(String, String)>,
}

/// Plans the tests of every entry that the modules ship and that the kernel of this release lacks.
/// Entries whose names `is_wanted` accepts share boots only with each other.
///
/// # Errors
///
/// When the data has faults or cannot be read.
pub fn plan(kernel: Release, is_wanted: impl Fn(&str) -> bool) -> Result<Plan> {
    let mut plan = Plan::default();
    let oldest = supported::oldest().context("no kernel is supported")?;
    let in_tree = load(Edition::Validated, oldest)?;
    let is_there = |quirk: &Entry| {
        quirk
            .mainline
            .as_ref()
            .is_some_and(|mainline| !mainline.is_missing_in(kernel))
    };
    let in_tree: Vec<Entry> = in_tree.into_iter().filter(is_there).collect();
    let verdicts = quirk_data::handlers::newest(&in_tree);
    for edition in [Edition::Validated, Edition::Candidate, Edition::Test] {
        let quirks = load(edition, oldest)?;
        let table = built::table(&edition.select(&quirks, Some(oldest)));
        let claims = KnownClaims {
            kernel: &verdicts,
            table: &table,
        };
        let mut entries = Vec::new();
        for quirk in edition.select(&quirks, Some(kernel)) {
            let name = quirk.name.clone();
            match (TestedEntry::of(quirk, &claims), skip_list::reason(quirk)) {
                (Ok(entry), None) => entries.push(entry),
                (Ok(_), Some(_)) => {
                    let why = "it is exempt, and does split".to_owned();
                    plan.refused.push((name, why));
                }
                (Err(error), Some(reason)) if error.to_string().contains(reason) => {}
                (Err(error), _) => plan.refused.push((name, format!("{error:#}"))),
            }
        }
        let (wanted, others): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|entry| is_wanted(&entry.name));
        let boots = boots(wanted).into_iter().chain(boots(others));
        for (number, entries) in (1..).zip(boots) {
            plan.boots.push(EntryBoot {
                title: format!("entries-{}-{number}", edition.name()),
                module: edition.module(),
                version: table.version,
                entries,
                observations: OnceLock::new(),
            });
        }
    }
    Ok(plan)
}

/// Distributes entries over boots, in their order. An entry with more devices than a machine has
/// slots takes several boots. Each device of root ports takes its own boot, because the claim for a
/// root port depends on every other root port of the bus.
fn boots(entries: Vec<TestedEntry>) -> Vec<Vec<TestedEntry>> {
    let mut boots: Vec<Vec<TestedEntry>> = Vec::new();
    let mut alone = Vec::new();
    let mut left = 0;
    for mut entry in entries {
        let (ports, others) = entry
            .devices
            .into_iter()
            .partition(|device| device.kind == Kind::RootPort);
        entry.devices = others;
        alone.extend(ports.into_iter().map(|device: EmulatedDevice| {
            vec![TestedEntry {
                devices: vec![device],
                ..entry.clone()
            }]
        }));
        for devices in entry.devices.chunks(SLOTS) {
            let part = TestedEntry {
                devices: devices.to_vec(),
                ..entry.clone()
            };
            match boots.last_mut() {
                Some(boot) if devices.len() <= left => {
                    left -= devices.len();
                    boot.push(part);
                }
                _ => {
                    left = SLOTS - devices.len();
                    boots.push(vec![part]);
                }
            }
        }
    }
    boots.extend(alone);
    boots
}

/// The entries in the folder of an edition.
fn load(edition: Edition, kernel: Release) -> Result<Vec<Entry>> {
    let scope = Scope {
        kernel: Some(kernel),
        ..Scope::now(Some(edition))
    };
    Ok(folder::load(
        &Path::new(PROJECT).join(edition.folder()),
        scope,
    )?)
}
