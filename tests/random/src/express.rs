// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel takes a PCI Express function for, as far as that decides where it looks for others.

use isolation::pcie::PcieType;

/// The type of a PCI Express function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Express {
    /// This one.
    Known(PcieType),
    /// A reserved one.
    Reserved,
}

impl Express {
    /// From what it claims to be, 0 to 15, and what is above it: `set_pcie_port_type()` in
    /// `drivers/pci/probe.c`.
    pub(crate) fn of(raw: u8, above: Option<Self>) -> Self {
        match (PcieType::from_raw(raw), above) {
            (None, _) => Self::Reserved,
            (Some(PcieType::DownstreamPort), Some(above)) if above.leads_to_a_link() => {
                Self::Known(PcieType::UpstreamPort)
            }
            (Some(PcieType::UpstreamPort), Some(Self::Known(PcieType::UpstreamPort))) => {
                Self::Known(PcieType::DownstreamPort)
            }
            (Some(known), _) => Self::Known(known),
        }
    }

    /// Whether there is one device behind it: `only_one_child()` and `pcie_downstream_port()`.
    pub(crate) const fn leads_to_a_link(self) -> bool {
        use PcieType::{DownstreamPort, PcieBridge, RootPort};
        matches!(self, Self::Known(RootPort | DownstreamPort | PcieBridge))
    }

    /// Whether extended configuration space can be reached through it, if it is a bridge without
    /// PCI-X: `pci_bridge_child_ext_cfg_accessible()`.
    pub(crate) const fn passes_extended(self) -> bool {
        use PcieType::{DownstreamPort, RootPort, UpstreamPort};
        matches!(self, Self::Known(RootPort | UpstreamPort | DownstreamPort))
    }
}
