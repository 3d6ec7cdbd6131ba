// SPDX-License-Identifier: GPL-2.0-only

//! Which form an entry takes in C.

use std::collections::BTreeSet;

use isolation::entry::Kind;

use super::{
    claim::{Claim, handler_of},
    code::Code,
    error::Error,
    known::{Handler, types},
};
use crate::quirk::Ids;

/// How many devices get rows of their own; the longest such list in mainline, that of NXP's root
/// ports, has as many. More go into a switch.
const MAX_ROWS: usize = 24;

/// Which form an entry takes in C.
pub(super) enum Shape {
    /// Rows that name a handler which the kernel has.
    Shared(&'static str),
    /// A handler of the vendor's own, and rows that name it.
    Own(Own),
    /// More devices in the switch of a handler which the kernel has.
    Extend {
        /// Its name.
        name: &'static str,
        /// Whether it answers for functions of more PCIe types than the entry speaks for.
        is_wider: bool,
    },
}

/// A handler to write.
pub(super) struct Own {
    /// Its name.
    pub(super) name: String,
    /// How it is told for which devices.
    pub(super) select: Select,
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
    /// [`Error::Unexpected`] when a handler that mainline shares is not there;
    /// [`Error::Inexpressible`] when no form will do.
    pub(super) fn choose(claim: &Claim<'_>, code: &Code) -> Result<Self, Error> {
        if let Some(catch_all) = claim.quirk.supersedes {
            let name = handler_of(catch_all);
            let handler = Handler::read(code, name)?;
            let claimed: BTreeSet<_> = claim.quirk.kinds().flat_map(types).collect();
            let mut seen = handler.types.iter();
            return Ok(Self::Extend {
                name,
                is_wider: seen.any(|found| !claimed.contains(&found.as_str())),
            });
        }
        let select = select(claim)?;
        if select == Select::Rows {
            if let Some(name) = shared(claim, code)? {
                return Ok(Self::Shared(name));
            }
        }
        Ok(Self::Own(Own {
            name: new_name(claim, code)?,
            select,
        }))
    }
}

fn select(claim: &Claim<'_>) -> Result<Select, Error> {
    let quirk = claim.quirk;
    let vendors: BTreeSet<_> = quirk.ids().map(|ids| ids.vendor).collect();
    let devices: usize = quirk.ids().map(length).sum();
    if quirk.ids().any(Ids::is_any) {
        return match quirk.excludes.first() {
            None => Ok(Select::Rows),
            Some(_) => Err(claim.inexpressible(
                "it speaks for every device of the vendor, and leaves some of them out",
            )),
        };
    }
    // In a row, the last id of all would read as PCI_ANY_ID.
    if devices <= MAX_ROWS && quirk.ids().all(|ids| ids.last != u16::MAX) {
        return Ok(Select::Rows);
    }
    if vendors.len() > 1 {
        return Err(claim.inexpressible(
            "it takes a switch on the device id, and that cannot tell its vendors apart; make an \
             entry for each vendor",
        ));
    }
    Ok(Select::Listed)
}

/// How many rows a range takes.
fn length(ids: &Ids) -> usize {
    if ids.is_any() {
        1
    } else {
        usize::from(ids.last - ids.first) + 1
    }
}

/// The handler that the kernel has for just this claim, if there is one for the kind and it grants
/// neither more nor less.
fn shared(claim: &Claim<'_>, code: &Code) -> Result<Option<&'static str>, Error> {
    let kinds: Vec<_> = claim.quirk.kinds().collect();
    let (name, looks_at) = match kinds[..] {
        [Kind::MfEndpoint] => ("pci_quirk_mf_endpoint_acs", &[][..]),
        [kind @ Kind::RcEndpoint] => ("pci_quirk_rciep_acs", types(kind)),
        _ => return Ok(None),
    };
    let handler = Handler::read(code, name)?;
    let same = handler.grants == claim.quirk.acs
        && handler.listed.is_empty()
        && handler.types.iter().eq(looks_at);
    Ok(same.then_some(name))
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
