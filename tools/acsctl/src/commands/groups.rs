// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl groups`.

use std::path::{Path, PathBuf};

use clap::Args;
use quirk_data::error::Error;
use topology::names::Names;

use super::{Failure, Format, capture::unseen, input::Input, warn};
use crate::{
    listing::{
        Listing,
        filter::{Class, Filter, Ids, Slot},
    },
    output,
};

/// List the IOMMU groups and their functions.
///
/// Shows each function's name (from pci.ids), its driver, and what makes it isolated or not: its
/// ACS capability, a quirk of the kernel, or an entry of the module. Lists a group with all its
/// functions when one of them matches. If the kernel has not made groups, lists the predicted ones.
///
/// Exit status: 0 when a group is listed; 1 when none matches; 2 when the machine or the entries
/// cannot be read.
#[derive(Args, Debug)]
pub(super) struct Groups {
    /// Match functions at [[[domain]:]bus]:[slot][.function], as lspci does.
    #[arg(short = 's', long, value_name = "SLOT")]
    slot: Option<Slot>,
    /// Match functions with [vendor]:[device][:class], as lspci does.
    #[arg(short = 'd', long, value_name = "IDS")]
    device: Option<Ids>,
    /// Match functions of a class: 02, 0200 or 020000.
    #[arg(short = 'c', long, value_name = "CLASS")]
    class: Option<Class>,
    /// List only groups with more than one function. Bridges do not count: they stay with the host.
    #[arg(long)]
    shared: bool,
    /// Show the PCI tree with the borders of the groups.
    #[arg(long, conflicts_with = "format")]
    tree: bool,
    /// Draw the PCI tree as an SVG, with the groups as coloured areas, into FILE; - is the standard
    /// output.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "tree"])]
    svg: Option<PathBuf>,
    /// Write the PCI tree as a web page into FILE; - is the standard output. Each function unfolds to
    /// what "acsctl why" prints of it. The page names the host or the input files, and needs no other
    /// file, script or network.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "tree", "svg"])]
    html: Option<PathBuf>,
    #[command(flatten)]
    input: Input,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Groups {
    pub(super) fn run(&self) -> Result<String, Failure> {
        let snapshot = self.input.snapshot()?;
        let entries = self.input.database().entries()?;
        let names = Names::of_system(&snapshot.topology);
        let filter = Filter {
            slot: self.slot,
            device: self.device,
            class: self.class,
            shared: self.shared,
        };
        let machine = snapshot.view(&entries);
        let listing = Listing::of(&machine, &names, &filter)?;
        let unseen = unseen(&snapshot.topology, &snapshot.source);
        if let Some(text) = &unseen {
            warn(text);
        }
        if listing.is_empty() {
            let printed = match self.format {
                Format::Text => listing.text(),
                Format::Json => listing.json()?,
            };
            let error = Error::NotFound(self.none().to_owned());
            return Err(Failure { printed, error });
        }
        if let Some(file) = &self.svg {
            return put(file, listing.svg(), &listing);
        }
        if let Some(file) = &self.html {
            let page = listing.html(&names, &snapshot.source, unseen.as_deref())?;
            return put(file, page, &listing);
        }
        if self.tree {
            return Ok(listing.tree());
        }
        match self.format {
            Format::Text => Ok(listing.text()),
            Format::Json => Ok(listing.json()?),
        }
    }

    /// The message if no group matches.
    const fn none(&self) -> &'static str {
        let asks = self.slot.is_some() || self.device.is_some() || self.class.is_some();
        match (asks, self.shared) {
            (false, true) => {
                "no group has more than one function, not counting bridges; omit --shared to list \
                 all groups"
            }
            (true, true) => {
                "no matching function shares its group, not counting bridges; omit --shared to \
                 list its group"
            }
            _ => "no function matches; omit -s, -d and -c to list all",
        }
    }
}

/// Writes a drawing or page to a file, or returns it for the standard output.
fn put(file: &Path, text: String, listing: &Listing<'_>) -> Result<String, Failure> {
    if output::is_standard(file) {
        return Ok(text);
    }
    output::write(file, &text)?;
    Ok(format!(
        "{}: written, groups {}\n",
        file.display(),
        listing.groups.len()
    ))
}
