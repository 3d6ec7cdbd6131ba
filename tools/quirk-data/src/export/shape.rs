// SPDX-License-Identifier: GPL-2.0-only

//! Chooses the name of an entry's handler, and how the rows select its devices.

use std::collections::BTreeSet;

use rules::entry::Kind;

use super::{claim::Claim, code::Code, error::Error};
use crate::entry::Ids;

/// The largest number of devices with a row each, as in mainline's longest such list (NXP root
/// ports). More devices are listed in a switch statement.
const MAX_ROWS: usize = 24;

/// The form of an entry in C: a handler of its own, and rows that name it.
///
/// The existing handlers in mainline check less than an entry states, such as the PCIe type, so a
/// row for one of them would claim more.
pub(super) struct Shape {
    /// The name of the handler.
    pub(super) name: String,
    /// How the handler's devices are selected.
    pub(super) select: Select,
    /// Whether devices have different limits, so that the handler must distinguish them.
    pub(super) limits_differ: bool,
}

/// How a handler's devices are selected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Select {
    /// One row for each device.
    Rows,
    /// One row for every device of the vendor, and a switch statement in the handler.
    Listed,
}

impl Shape {
    /// Chooses the form.
    ///
    /// # Errors
    ///
    /// [`Error::Inexpressible`] if no form fits.
    pub(super) fn choose(claim: &Claim<'_>, code: &Code) -> Result<Self, Error> {
        let mut limits = claim.entry.devices.iter().map(|devices| &devices.limits);
        let first = limits.next();
        let shape = Self {
            name: new_name(claim, code)?,
            select: select(claim)?,
            limits_differ: limits.any(|other| Some(other) != first),
        };
        let vendors: BTreeSet<_> = claim.entry.ids().map(|ids| ids.vendor).collect();
        if shape.has_switch() && vendors.len() > 1 {
            return Err(claim.inexpressible(
                "match.vendor: it takes a switch on the device id, for its many devices or their \
                 different limits, and that cannot tell its vendors apart; make the patch of an entry \
                 for each vendor",
            ));
        }
        Ok(shape)
    }

    /// Whether the handler has a switch statement on the device id.
    pub(super) fn has_switch(&self) -> bool {
        self.select == Select::Listed || self.limits_differ
    }
}

fn select(claim: &Claim<'_>) -> Result<Select, Error> {
    let entry = claim.entry;
    if entry.ids().any(Ids::is_any) {
        return match entry.excludes.first() {
            None => Ok(Select::Rows),
            Some(_) => Err(claim.inexpressible(
                "match.excludes: it speaks for every device of the vendor, and leaves some of them \
                 out; list the devices that it speaks for",
            )),
        };
    }
    let devices: usize = entry.ids().map(Ids::count).sum();
    // Device id ffffh in a row would read as `PCI_ANY_ID`.
    if devices <= MAX_ROWS && entry.ids().all(|ids| ids.last != u16::MAX) {
        Ok(Select::Rows)
    } else {
        Ok(Select::Listed)
    }
}

/// A handler name that the source does not contain yet.
fn new_name(claim: &Claim<'_>, code: &Code) -> Result<String, Error> {
    let words = claim.entry.name.replace('-', "_");
    let (vendor, family) = words.split_once('/').unwrap_or((&words, "family"));
    let kinds: Vec<_> = claim.entry.kinds().collect();
    let what = match kinds[..] {
        [Kind::MfEndpoint] => "mf",
        [Kind::RcEndpoint] => "rciep",
        [Kind::RootPort] => "rp",
        [Kind::DownstreamPort] => "dp",
        [Kind::RootPort | Kind::DownstreamPort, ..] => "ports",
        _ => "functions",
    };
    let names = [
        format!("pci_quirk_{vendor}_{what}_acs"),
        format!("pci_quirk_{vendor}_{family}_acs"),
        format!("pci_quirk_{vendor}_{family}_{what}_acs"),
    ];
    let is_free = |name: &&String| code.words(name, 0..code.mask.len()).next().is_none();
    names.iter().find(is_free).cloned().ok_or_else(|| {
        claim.inexpressible(format!(
            "{} has all names that its handler could get: {}",
            code.path.display(),
            names.join(", ")
        ))
    })
}
