// SPDX-License-Identifier: GPL-2.0-only

//! What only the running host tells of its functions: which driver is bound to each.

use std::{collections::BTreeMap, fs};

use topology::{Bdf, Host};

/// The driver of a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Driver {
    /// Its name.
    pub(super) name: String,
    /// Whether the function is a device of VFIO.
    has_vfio_device: bool,
}

impl Driver {
    /// Whether it is one of VFIO: `vfio-pci`, or one for a certain device as `mlx5_vfio_pci`.
    pub(super) fn is_vfio(&self) -> bool {
        self.has_vfio_device || self.name.contains("vfio")
    }
}

/// The drivers of a host's functions. What cannot be read has none.
pub(super) fn drivers(host: &Host) -> BTreeMap<Bdf, Driver> {
    let folder = host.sysfs.join("bus/pci/devices");
    let Ok(entries) = fs::read_dir(&folder) else {
        return BTreeMap::new();
    };
    let of = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let bdf: Bdf = entry.file_name().to_str()?.parse().ok()?;
        let path = entry.path();
        let target = fs::read_link(path.join("driver")).ok()?;
        let name = target.file_name()?.to_str()?.to_owned();
        let has_vfio_device = path.join("vfio-dev").is_dir();
        let driver = Driver {
            name,
            has_vfio_device,
        };
        Some((bdf, driver))
    };
    entries.filter_map(of).collect()
}
