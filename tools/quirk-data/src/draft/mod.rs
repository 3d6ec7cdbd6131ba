// SPDX-License-Identifier: GPL-2.0-only

//! The draft of an entry for a captured device.
//!
//! | file | what it does |
//! |---|---|
//! | `package.rs` | the functions of the device, and whether an entry makes sense for them |
//! | `page.rs` | the data file, with a question where the vendor has to answer |

mod package;
mod page;

use std::collections::BTreeSet;

use topology::{Bdf, Topology, around, names::Names};

use self::package::Package;
pub use self::package::Refused;
use crate::quirk::Quirk;

/// What a text begins with where a draft has a question instead of an answer.
pub(crate) const QUESTION: &str = "QUESTION:";

/// The draft of an entry.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The data file.
    pub data: String,
    /// What decides on the groups of the device, for the file beside it.
    pub capture: Topology,
}

/// The draft of an entry for the device that the function at `bdf` is of. `name` is the name of the
/// entry, `vendor/family`, and `quirks` is what there is.
///
/// # Errors
///
/// [`Refused`], when an entry for this device makes no sense or nobody can tell.
pub fn draft(
    topology: &Topology,
    bdf: Bdf,
    name: Option<&str>,
    quirks: &[Quirk],
) -> Result<(String, Draft), Refused> {
    let addresses: BTreeSet<_> = package::addresses(topology, bdf)?;
    let mut capture = around(topology, &addresses);
    // Whose machine it is, and what else was reported of it, says nothing on the device.
    capture.id = None;
    capture.model = None;
    capture.model_from = None;
    capture.source = None;
    let package = Package::examine(&capture, &addresses, quirks)?;
    let name = name.map_or_else(|| package.name(quirks), str::to_owned);
    let data = page::page(&package, &name, quirks, &Names::of_system(&capture));
    Ok((name, Draft { data, capture }))
}
