// SPDX-License-Identifier: GPL-2.0-only

//! How far the kernel reaches through a bridge.

use grouping::model::Interface;
use rules::pcie::PcieType;

/// Whether extended configuration space can be reached through a bridge of this kind, if it is one
/// without PCI-X: `pci_bridge_child_ext_cfg_accessible()` in `drivers/pci/probe.c`.
pub(crate) const fn passes_extended(interface: Interface) -> bool {
    use PcieType::{DownstreamPort, RootPort, UpstreamPort};
    matches!(
        interface,
        Interface::Express(RootPort | UpstreamPort | DownstreamPort)
    )
}
