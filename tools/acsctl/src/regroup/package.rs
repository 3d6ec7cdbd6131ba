// SPDX-License-Identifier: GPL-2.0-only

//! Which functions have to be removed for a package to be grouped anew.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use grouping::{Seen, device_of, view};
use quirk_data::error::Error;
use topology::{Bdf, Header, Topology};

use crate::host::HostPaths;

/// The functions of a package, and what goes along with them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Package {
    /// Its functions, in the order in which they are removed: the highest first, as the kernel does
    /// when a device is pulled out (`pciehp_unconfigure_device()`). Function 0 goes last: while one of
    /// the others is there, the kernel keeps the power management of the link through it
    /// (`pcie_aspm_exit_link_state()`), drivers of the others may lean on it, and a scan by somebody
    /// else in between finds the others again only where function 0 answers.
    pub own: Vec<Bdf>,
    /// Functions below those, behind bridges, which the kernel removes along with them; the lowest
    /// ones first.
    pub below: Vec<Bdf>,
    /// The bridge above; `None` on a root bus.
    pub bridge: Option<Bdf>,
}

impl Package {
    /// The package that a function is of.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such function, or it is a virtual one.
    pub fn of(topology: &Topology, paths: &HostPaths, bdf: Bdf) -> Result<Self, Error> {
        let view = view(topology);
        let refuse = |why: &str| Err(Error::NotFound(format!("{bdf}: {why}")));
        let mut functions = view.functions.iter();
        let Some(seen) = functions.find(|seen| seen.function.bdf == bdf) else {
            return refuse("there is no such function; lspci -D shows those that there are");
        };
        if let Some(physical) = seen.function.physfn {
            return refuse(&format!(
                "it is a virtual function, which comes and goes with {physical}; name that one"
            ));
        }
        let of = device_of(&view, seen);
        let physical = view.functions.iter().rev();
        let physical: Vec<_> = physical
            .filter(|seen| seen.function.physfn.is_none())
            .collect();
        let address = |seen: &&Seen<'_>| seen.function.bdf;
        let own = physical
            .iter()
            .filter(|other| device_of(&view, other) == of);
        let mut own: Vec<_> = own.map(address).collect();
        own.sort_unstable_by(|a, b| b.cmp(a));
        let folders: BTreeSet<PathBuf> = own.iter().filter_map(|&one| paths.device(one)).collect();
        let is_below = |other: &Bdf| {
            let folder = paths.device(*other);
            folder.is_some_and(|folder| has_above(&folder, &folders))
        };
        let below = physical.iter().map(address).filter(is_below).collect();
        Ok(Self {
            own,
            below,
            bridge: view.above(seen).map(|above| above.function.bdf),
        })
    }

    /// All functions that go, in the order in which they go.
    pub fn all(&self) -> impl Iterator<Item = Bdf> {
        self.below.iter().chain(&self.own).copied()
    }

    /// Its functions and those below as a set.
    #[must_use]
    pub fn set(&self) -> BTreeSet<Bdf> {
        self.all().collect()
    }

    /// The file that has the kernel look for the package again.
    ///
    /// It is the one of the bridge above. That has the kernel look at the bus of the bridge and at
    /// all that is below it, and power the bridge up for that. The file of the bus below the bridge
    /// does not power it up, and a port that has gone to sleep when its last device went would show
    /// nothing. On a root bus there is only the file of the bus.
    #[must_use]
    pub fn rescan(&self, paths: &HostPaths) -> PathBuf {
        let folder = match (self.bridge, self.own.first()) {
            (Some(bridge), _) => paths.function(bridge),
            (None, Some(one)) => {
                let bus = format!("{}:{:02x}", one.domain, one.bus);
                paths.sys.join("class/pci_bus").join(bus)
            }
            (None, None) => paths.pci(),
        };
        folder.join("rescan")
    }
}

/// Whether one of `folders` is above `folder`.
fn has_above(folder: &Path, folders: &BTreeSet<PathBuf>) -> bool {
    folder
        .ancestors()
        .skip(1)
        .any(|above| folders.contains(above))
}

/// Whether a function is a bridge.
pub(super) fn is_bridge(topology: &Topology, bdf: Bdf) -> bool {
    let mut functions = topology.functions.iter();
    let found = functions.find(|function| function.bdf == bdf);
    found.is_some_and(|function| function.header != Header::Endpoint)
}
