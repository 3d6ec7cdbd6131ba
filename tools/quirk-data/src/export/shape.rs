// SPDX-License-Identifier: GPL-2.0-only

//! What the handler of an entry is called, and what the rows of the table tell it.

use std::collections::BTreeSet;

use rules::entry::Kind;

use super::{claim::Claim, code::Code, error::Error};
use crate::quirk::Ids;

/// How many devices get rows of their own; the longest such list in mainline, that of NXP's root
/// ports, has as many. More go into a switch.
const MAX_ROWS: usize = 24;

/// The form that an entry takes in C: a handler of its own, and rows that name it.
///
/// The handlers that mainline shares, and those that it has for a vendor's every device, look at
/// less than an entry says, such as the PCIe type; so what is theirs would claim more than was stated.
pub(super) struct Shape {
    /// The name of the handler.
    pub(super) name: String,
    /// How it is told for which devices.
    pub(super) select: Select,
    /// Whether the limits of its devices differ, so that it must tell the devices apart.
    pub(super) limits_differ: bool,
}

/// How a handler is told for which devices.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Select {
    /// By the rows.
    Rows,
    /// One row for every device of the vendor, and a switch with those that count.
    Listed,
}

impl Shape {
    /// Chooses the form.
    ///
    /// # Errors
    ///
    /// [`Error::Inexpressible`] when no form will do.
    pub(super) fn choose(claim: &Claim<'_>, code: &Code) -> Result<Self, Error> {
        let mut limits = claim.quirk.devices.iter().map(|devices| &devices.limits);
        let first = limits.next();
        let shape = Self {
            name: new_name(claim, code)?,
            select: select(claim)?,
            limits_differ: limits.any(|other| Some(other) != first),
        };
        let vendors: BTreeSet<_> = claim.quirk.ids().map(|ids| ids.vendor).collect();
        if shape.has_switch() && vendors.len() > 1 {
            return Err(claim.inexpressible(
                "match.vendor: it takes a switch on the device id, for its many devices or their \
                 different limits, and that cannot tell its vendors apart; make the patch of an entry \
                 for each vendor",
            ));
        }
        Ok(shape)
    }

    /// Whether the handler has a switch on the device id.
    pub(super) fn has_switch(&self) -> bool {
        self.select == Select::Listed || self.limits_differ
    }
}

fn select(claim: &Claim<'_>) -> Result<Select, Error> {
    let quirk = claim.quirk;
    if quirk.ids().any(Ids::is_any) {
        return match quirk.excludes.first() {
            None => Ok(Select::Rows),
            Some(_) => Err(claim.inexpressible(
                "match.excludes: it speaks for every device of the vendor, and leaves some of them \
                 out; list the devices that it speaks for",
            )),
        };
    }
    let devices: usize = quirk.ids().map(Ids::count).sum();
    // In a row, the last id of all would read as PCI_ANY_ID.
    if devices <= MAX_ROWS && quirk.ids().all(|ids| ids.last != u16::MAX) {
        Ok(Select::Rows)
    } else {
        Ok(Select::Listed)
    }
}

/// A name that the source does not have yet.
fn new_name(claim: &Claim<'_>, code: &Code) -> Result<String, Error> {
    let words = claim.quirk.name.replace('-', "_");
    let (vendor, family) = words.split_once('/').unwrap_or((&words, "family"));
    let kinds: Vec<_> = claim.quirk.kinds().collect();
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
