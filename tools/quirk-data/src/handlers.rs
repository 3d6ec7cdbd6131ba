// SPDX-License-Identifier: GPL-2.0-only

//! Turns mainline entries into the handlers of a kernel.

use std::collections::BTreeSet;

use grouping::handlers::{Grant, Handler, Handlers};
use rules::{entry::Kinds, release::Release};

use crate::entry::{AcsRegisters, Devices, Entry, Mainline};

/// The handlers of the newest kernel, according to these entries.
#[must_use]
pub fn newest<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Handlers {
    in_kernel(entries, None)
}

/// The handlers of this kernel release, according to these entries; those of the newest kernel if
/// the release is unknown.
#[must_use]
pub fn in_kernel<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    kernel: Option<Release>,
) -> Handlers {
    of(entries, kernel, Mainline::is_missing_in)
}

/// The handlers that a kernel of this release can have, according to these entries: its own, and
/// those of later releases. Stable updates and distributions take quirks from later releases.
#[must_use]
pub fn possible_in<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    kernel: Option<Release>,
) -> Handlers {
    of(entries, kernel, Mainline::is_removed_in)
}

/// The releases after `oldest` in which mainline changed a quirk of these vendors, according to these entries.
pub fn changed_in<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    oldest: Release,
    is_vendor: impl Fn(u16) -> bool,
) -> BTreeSet<Release> {
    let mut releases = BTreeSet::new();
    for entry in entries {
        if let Some(mainline) = &entry.mainline {
            if entry.ids().any(|ids| is_vendor(ids.vendor)) {
                releases.extend(mainline.since_release());
                releases.extend(mainline.until_release());
            }
        }
    }
    releases.retain(|&one| oldest < one);
    releases
}

fn of<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    kernel: Option<Release>,
    is_missing_in: fn(&Mainline, Release) -> bool,
) -> Handlers {
    let is_there = |mainline: &Mainline| {
        let is_missing = kernel.map_or(mainline.is_taken_back(), |kernel| {
            is_missing_in(mainline, kernel)
        });
        !is_missing
    };
    let handlers = |entry: &'a Entry| {
        let mainline = entry.mainline.as_ref().filter(|one| is_there(one));
        mainline.into_iter().flat_map(move |mainline| {
            let devices = entry.devices.iter();
            devices.map(move |devices| handler(entry, mainline, devices))
        })
    };
    entries.into_iter().flat_map(handlers).collect()
}

fn handler(entry: &Entry, mainline: &Mainline, devices: &Devices) -> Handler {
    let kinds = entry.kinds().map(Kinds::of).fold(Kinds::NONE, Kinds::union);
    Handler {
        entry: entry.number,
        name: mainline.handler.clone(),
        ids: devices.ids.clone(),
        kinds: (!mainline.any_type).then_some(kinds),
        requires: entry.requires.clone(),
        limits: devices.limits.of_handler(),
        is_conditional: !entry.conditions.is_empty(),
        grant: match entry.acs_registers {
            Some(AcsRegisters::Dword) => Grant::Dwords,
            None if mainline.not_expressed.is_some() => Grant::IfSetUp(entry.acs),
            None => Grant::Flags(entry.acs),
        },
    }
}
