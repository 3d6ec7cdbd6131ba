// SPDX-License-Identifier: GPL-2.0-only

//! Turns mainline entries into the handlers of a kernel.

use grouping::handlers::{Grant, Handler, Handlers, Ids};
use rules::{entry::Kinds, release::Release};

use crate::quirk::{AcsRegisters, Mainline, Quirk};

/// The handlers of the newest kernel, according to these entries.
#[must_use]
pub fn newest(quirks: &[Quirk]) -> Handlers {
    in_kernel(quirks, None)
}

/// The handlers of this kernel release, according to these entries; those of the newest kernel if
/// the release is unknown.
#[must_use]
pub fn in_kernel(quirks: &[Quirk], kernel: Option<Release>) -> Handlers {
    let handler = |quirk: &Quirk| {
        let mainline = quirk.mainline.as_ref()?;
        let is_missing = kernel.map_or(mainline.is_taken_back(), |kernel| {
            mainline.is_missing_in(kernel)
        });
        (!is_missing).then(|| handler(quirk, mainline))
    };
    quirks.iter().filter_map(handler).collect()
}

fn handler(quirk: &Quirk, mainline: &Mainline) -> Handler {
    let ids = quirk.ids().map(|ids| Ids {
        vendor: ids.vendor,
        first: ids.first,
        last: ids.last,
    });
    let kinds = quirk.kinds().map(Kinds::of).fold(Kinds::NONE, Kinds::union);
    Handler {
        entry: quirk.number,
        name: mainline.handler.clone(),
        ids: ids.collect(),
        kinds: (!mainline.any_type).then_some(kinds),
        requires: quirk.requires.clone(),
        grant: match quirk.acs_registers {
            Some(AcsRegisters::Dword) => Grant::Dwords,
            None if mainline.not_expressed.is_some() => Grant::IfSetUp(quirk.acs),
            None => Grant::Flags(quirk.acs),
        },
    }
}
