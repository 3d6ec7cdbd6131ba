// SPDX-License-Identifier: GPL-2.0-only

//! Drafts an entry for a captured device.
//!
//! | file | contents |
//! |---|---|
//! | `device.rs` | the functions of the device, and whether an entry for them makes sense |
//! | `page.rs` | the entry's file, with a question wherever the vendor must answer |

mod device;
mod page;

use std::collections::BTreeSet;

use topology::{Bdf, Topology, around, names::Names};

use self::device::Device;
pub use self::device::Refused;
use crate::entry::Entry;

/// A drafted entry.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The text of the entry's file.
    pub data: String,
    /// The part of the topology that determines the device's groups, for the capture beside the
    /// file.
    pub capture: Topology,
}

/// Drafts an entry for the device of the function at `bdf`, and returns its name and the draft.
/// `name` is the entry's name (`vendor/family`); `None` chooses one. `entries` are the existing
/// entries.
///
/// # Errors
///
/// [`Refused`] if an entry for this device makes no sense, or the capture does not show whether it
/// does.
pub fn draft(
    topology: &Topology,
    bdf: Bdf,
    name: Option<&str>,
    entries: &[Entry],
) -> Result<(String, Draft), Refused> {
    let addresses: BTreeSet<_> = device::addresses(topology, bdf)?;
    let mut capture = around(topology, &addresses);
    // The name of the machine and the origin of the report do not concern the device.
    capture.id = None;
    capture.model = None;
    capture.model_from = None;
    capture.source = None;
    let device = Device::examine(&capture, &addresses, entries)?;
    let name = name.map_or_else(|| device.name(entries), str::to_owned);
    let data = page::page(&device, &name, entries, &Names::of_system(&capture));
    Ok((name, Draft { data, capture }))
}
