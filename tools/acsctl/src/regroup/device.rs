// SPDX-License-Identifier: GPL-2.0-only

//! Finds the functions to remove when a device is regrouped.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use grouping::{Seen, device_of, view};
use quirk_data::error::Error;
use topology::{Bdf, Header, Topology};

use crate::host::HostPaths;

/// The functions of a device, and the functions below them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// The device's functions in removal order: the highest address first, as the kernel removes
    /// them when a device is unplugged (`pciehp_unconfigure_device()`). Function 0 must go last,
    /// for three reasons. The kernel uses it for the link's power management as long as other
    /// functions are present (`pcie_aspm_exit_link_state()`). Drivers of other functions may depend
    /// on it. A concurrent scan finds the other functions only if function 0 answers.
    pub own: Vec<Bdf>,
    /// Functions behind bridges of the device, lowest first. The kernel removes them together with
    /// the bridges.
    pub below: Vec<Bdf>,
    /// The endpoints among `own` that have functions below them: their driver makes these
    /// (`drivers/pci/controller/vmd.c`).
    pub with_children: Vec<Bdf>,
    /// The bridge above; `None` on a root bus.
    pub bridge: Option<Bdf>,
}

impl Device {
    /// The device that a function belongs to.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such function, or it is a virtual function.
    pub fn of(topology: &Topology, paths: &HostPaths, bdf: Bdf) -> Result<Self, Error> {
        let view = view(topology);
        let refuse = |why: &str| Err(Error::NotFound(format!("{bdf}: {why}")));
        let mut functions = view.functions.iter();
        let Some(seen) = functions.find(|seen| seen.function.bdf == bdf) else {
            return refuse("there is no such function; lspci -D lists all functions");
        };
        if let Some(physical) = seen.function.physfn {
            return refuse(&format!(
                "it is a virtual function of {physical}; name {physical} instead"
            ));
        }
        let device = device_of(&view, seen);
        let physical = view.functions.iter().rev();
        let physical: Vec<_> = physical
            .filter(|seen| seen.function.physfn.is_none())
            .collect();
        let address = |seen: &&Seen<'_>| seen.function.bdf;
        let own = physical
            .iter()
            .filter(|other| device_of(&view, other) == device);
        let mut own: Vec<_> = own.map(address).collect();
        own.sort_unstable_by(|a, b| b.cmp(a));
        let folders: BTreeSet<PathBuf> = own.iter().filter_map(|&one| paths.device(one)).collect();
        let is_below = |other: &Bdf| {
            let folder = paths.device(*other);
            folder.is_some_and(|folder| has_above(&folder, &folders))
        };
        let below: Vec<_> = physical.iter().map(address).filter(is_below).collect();
        let has_children = |bdf: &Bdf| {
            let folder = paths.device(*bdf).into_iter().collect();
            let is_below = |other: &Bdf| {
                let other = paths.device(*other);
                other.is_some_and(|other| has_above(&other, &folder))
            };
            !is_bridge(topology, *bdf) && below.iter().any(is_below)
        };
        let with_children = own.iter().copied().filter(has_children).collect();
        Ok(Self {
            with_children,
            own,
            below,
            bridge: view.above(seen).map(|above| above.function.bdf),
        })
    }

    /// All functions to remove, in removal order.
    pub fn all(&self) -> impl Iterator<Item = Bdf> {
        self.below.iter().chain(&self.own).copied()
    }

    /// All functions to remove, as a set.
    #[must_use]
    pub fn function_set(&self) -> BTreeSet<Bdf> {
        self.all().collect()
    }

    /// The sysfs file that makes the kernel rescan the device.
    ///
    /// This is the `rescan` file of the bridge above. Through it, the kernel powers the bridge up
    /// and scans the bridge's bus and everything below. The `rescan` file of the bus below the
    /// bridge does not power the bridge up. A port that went to sleep when its last device was
    /// removed would then show nothing. A device on a root bus has no bridge, so the file of the
    /// bus is used.
    #[must_use]
    pub fn rescan(&self, paths: &HostPaths) -> PathBuf {
        let folder = match (self.bridge, self.own.first()) {
            (Some(bridge), _) => paths.function(bridge),
            (None, Some(one)) => bus(paths, *one),
            (None, None) => paths.pci(),
        };
        folder.join("rescan")
    }

    /// Whether the rescan may find a function at this address: it scans the bus of the bridge above, or else that of the
    /// device, and all buses below (`dev_rescan_store()` in `drivers/pci/pci-sysfs.c`).
    #[must_use]
    pub fn scans(&self, paths: &HostPaths, bdf: Bdf) -> bool {
        let scanned = self.bridge.or_else(|| self.own.first().copied());
        let scanned = scanned.and_then(|one| fs::canonicalize(paths.function(one)).ok());
        let scanned = scanned.as_deref().and_then(Path::parent);
        let bus = fs::canonicalize(bus(paths, bdf)).ok();
        // A bus that is gone comes back with the bridge above it, which may be anywhere.
        scanned
            .zip(bus)
            .is_none_or(|(scanned, bus)| bus.starts_with(scanned))
    }
}

/// The folder of a function's bus.
fn bus(paths: &HostPaths, bdf: Bdf) -> PathBuf {
    let bus = format!("{}:{:02x}", bdf.domain, bdf.bus);
    paths.sys.join("class/pci_bus").join(bus)
}

fn has_above(folder: &Path, folders: &BTreeSet<PathBuf>) -> bool {
    folder
        .ancestors()
        .skip(1)
        .any(|above| folders.contains(above))
}

pub(super) fn is_bridge(topology: &Topology, bdf: Bdf) -> bool {
    let mut functions = topology.functions.iter();
    let found = functions.find(|function| function.bdf == bdf);
    found.is_some_and(|function| function.header != Header::Endpoint)
}
