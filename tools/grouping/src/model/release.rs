// SPDX-License-Identifier: GPL-2.0-only

//! What may differ between kernel releases: this is the one place for it.

use crate::rules::{acs::AcsFlags, pcie::PcieType};

/// By what procedure the kernel groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Procedure {
    /// A function joins the first group that the search comes upon, and groups never merge:
    /// `pci_device_group()`.
    FirstFound,
}

/// What becomes of the type of a switch port that claims to be the other kind of port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PortCorrection {
    /// It becomes Endpoint: `set_pcie_port_type()` in `drivers/pci/probe.c` clears the type and then
    /// sets the right one four bits too low (`PCI_EXP_TYPE_*` without the shift of
    /// `PCI_EXP_FLAGS_TYPE`), so that the type reads as 0.
    ToEndpoint,
}

impl PortCorrection {
    /// The type of a port that acts as `acts_as` and claims to be the other kind.
    pub(super) const fn apply(self, _acts_as: PcieType) -> PcieType {
        match self {
            Self::ToEndpoint => PcieType::Endpoint,
        }
    }
}

/// The rules of a kernel release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Release {
    /// Which flags the grouping asks of each function: `REQ_ACS_FLAGS` in `drivers/iommu/iommu.c`.
    pub required: AcsFlags,
    /// By what procedure it groups.
    pub procedure: Procedure,
    /// What it makes of switch ports that claim to be the other kind.
    pub port_correction: PortCorrection,
}

impl Release {
    /// Linux 7.2 and 7.3, which have the same code here.
    pub const LINUX_7_3: Self = Self {
        required: AcsFlags::GROUPING,
        procedure: Procedure::FirstFound,
        port_correction: PortCorrection::ToEndpoint,
    };
}
