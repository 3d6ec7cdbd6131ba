// SPDX-License-Identifier: GPL-2.0-only

//! The differences between kernel releases in grouping. All of them belong here.

use crate::rules::{acs::AcsFlags, pcie::PcieType};

/// The grouping procedure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Procedure {
    /// A function joins the first group that the search finds, and groups never merge:
    /// `pci_device_group()`.
    FirstFound,
}

/// The kernel's correction for a switch port whose type contradicts its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PortCorrection {
    /// The type becomes Endpoint. `set_pcie_port_type()` in `drivers/pci/probe.c` clears the type
    /// and then sets the right one four bits too low (`PCI_EXP_TYPE_*` without the shift of
    /// `PCI_EXP_FLAGS_TYPE`), so that the type reads as 0.
    ToEndpoint,
}

impl PortCorrection {
    /// The corrected type of a port that acts as `acts_as` and claims the other type.
    pub(super) const fn apply(self, _acts_as: PcieType) -> PcieType {
        match self {
            Self::ToEndpoint => PcieType::Endpoint,
        }
    }
}

/// The grouping rules of a kernel release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Release {
    /// The flags that the grouping asks of each function: `REQ_ACS_FLAGS` in
    /// `drivers/iommu/iommu.c`.
    pub required: AcsFlags,
    /// The procedure.
    pub procedure: Procedure,
    /// The correction of switch port types.
    pub port_correction: PortCorrection,
}

impl Release {
    /// Linux 7.2 and 7.3, whose code is the same here.
    pub const LINUX_7_3: Self = Self {
        required: AcsFlags::GROUPING,
        procedure: Procedure::FirstFound,
        port_correction: PortCorrection::ToEndpoint,
    };
}
