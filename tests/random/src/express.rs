// SPDX-License-Identifier: GPL-2.0-only

//! The reach of extended configuration space.

use grouping::model::Interface;
use rules::pcie::PcieType;

/// Whether extended configuration space behind a bridge of this type is reachable. The bridge has
/// no PCI-X capability: `pci_bridge_child_ext_cfg_accessible()` in `drivers/pci/probe.c`.
pub(crate) const fn passes_extended(interface: Interface) -> bool {
    use PcieType::{DownstreamPort, RootPort, UpstreamPort};
    matches!(
        interface,
        Interface::Express(RootPort | UpstreamPort | DownstreamPort)
    )
}
