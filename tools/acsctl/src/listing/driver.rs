// SPDX-License-Identifier: GPL-2.0-only

//! The driver that is bound to a function. Only a running host shows it.

use topology::Bdf;

use crate::host::HostPaths;

/// A driver that is bound to a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Driver {
    pub(super) name: String,
    /// Whether the function has a `vfio-dev` folder in sysfs.
    has_vfio_device: bool,
}

impl Driver {
    /// Whether the driver is a VFIO driver: `vfio-pci`, or a variant such as `mlx5_vfio_pci`.
    pub(super) fn is_vfio(&self) -> bool {
        self.has_vfio_device || self.name.contains("vfio")
    }
}

/// The driver of a function; `None` if no driver is bound or the link cannot be read.
pub(super) fn driver(paths: &HostPaths, bdf: Bdf) -> Option<Driver> {
    Some(Driver {
        name: paths.driver(bdf)?,
        has_vfio_device: paths.function(bdf).join("vfio-dev").is_dir(),
    })
}
