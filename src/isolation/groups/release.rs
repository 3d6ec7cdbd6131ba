// SPDX-License-Identifier: GPL-2.0-only

//! What may differ between kernel releases: this is the one place for it.

use super::super::acs::AcsFlags;

/// By what procedure the kernel groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Procedure {
    /// A function joins the first group that the search comes upon, and groups never merge:
    /// `pci_device_group()`.
    FirstFound,
}

/// The rules of a kernel release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Release {
    /// Which flags the grouping asks of each function: `REQ_ACS_FLAGS` in `drivers/iommu/iommu.c`.
    pub required: AcsFlags,
    /// By what procedure it groups.
    pub procedure: Procedure,
}

impl Release {
    /// Linux 7.2 and 7.3, which have the same code here.
    pub const LINUX_7_3: Self = Self {
        required: AcsFlags::GROUPING,
        procedure: Procedure::FirstFound,
    };
}
