// SPDX-License-Identifier: GPL-2.0-only

//! What only the running host tells of its functions: which driver is bound to each.

use topology::Bdf;

use crate::host::HostPaths;

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

/// The driver of a function; `None` where none is bound, or it cannot be read.
pub(super) fn driver(paths: &HostPaths, bdf: Bdf) -> Option<Driver> {
    Some(Driver {
        name: paths.driver(bdf)?,
        has_vfio_device: paths.function(bdf).join("vfio-dev").is_dir(),
    })
}
