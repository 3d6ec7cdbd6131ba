// SPDX-License-Identifier: GPL-2.0-only

//! What the grouping goes by of one function.

use crate::rules::pcie::PcieType;

use super::devfns::DevfnSet;

use super::{
    release::Release, //
};

/// What the kernel takes a function for, as `pci_is_pcie()` and `pci_pcie_type()` have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interface {
    /// Conventional PCI or PCI-X: no PCI Express capability.
    Conventional,
    /// PCI Express, with this Device/Port Type.
    Express(PcieType),
    /// PCI Express, with a Device/Port Type that is reserved.
    Reserved,
}

impl Interface {
    /// From the raw Device/Port Type (0 to 15); `None` for a function without a PCI Express
    /// capability.
    pub const fn from_raw(raw: Option<u8>) -> Self {
        match raw {
            None => Self::Conventional,
            Some(raw) => match PcieType::from_raw(raw) {
                Some(found) => Self::Express(found),
                None => Self::Reserved,
            },
        }
    }

    /// What the kernel takes a function for that claims to be this, behind a bridge that it takes for
    /// `above`: a switch port that cannot be what it says is corrected, `set_pcie_port_type()` in
    /// `drivers/pci/probe.c`.
    pub const fn behind(self, above: Option<Self>, release: &Release) -> Self {
        let acts_as = match (self, above) {
            (Self::Express(PcieType::DownstreamPort), Some(above)) if above.leads_to_link() => {
                PcieType::UpstreamPort
            }
            (
                Self::Express(PcieType::UpstreamPort),
                Some(Self::Express(PcieType::UpstreamPort)),
            ) => PcieType::DownstreamPort,
            _ => return self,
        };
        Self::Express(release.port_correction.apply(acts_as))
    }

    /// Whether a link is behind it, which has one device: `pcie_downstream_port()` in
    /// `drivers/pci/pci.h`.
    pub const fn leads_to_link(self) -> bool {
        matches!(
            self,
            Self::Express(PcieType::RootPort | PcieType::DownstreamPort | PcieType::PcieBridge)
        )
    }
}

/// One function, as the grouping sees it. Its index is its place in the order in which the kernel
/// adds functions; see [the module](super).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one fact that the kernel goes by"
)]
pub struct Function {
    /// PCI domain (segment).
    pub domain: u32,
    /// Bus number.
    pub bus: u8,
    /// Device and function number on the bus.
    pub devfn: u8,
    /// Index of the bridge whose secondary bus this one is; `None` on a root bus. For a virtual
    /// function on a bus of its own, which has no bridge (`virtfn_add_bus()` in
    /// `drivers/pci/iov.c`): the bridge above the physical function.
    pub above: Option<u32>,
    /// Index of the function as which its requests reach the IOMMU, where that is another one
    /// altogether: the VMD function for what is behind it (`pci_real_dma_dev()` in
    /// `arch/x86/pci/common.c`).
    pub dma_device: Option<u32>,
    /// Conventional PCI, or which PCIe type; after `set_pcie_port_type()` in
    /// `drivers/pci/probe.c` has corrected it.
    pub interface: Interface,
    /// For a bridge: the IOMMU is here and not at the root bus,
    /// `PCI_DEV_FLAGS_BRIDGE_XLATE_ROOT`.
    pub translation_root: bool,
    /// For a PCI Express to PCI bridge: it passes requester ids on as they are,
    /// `PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS`.
    pub keeps_requester_ids: bool,
    /// What the kernel has in `pci_dev.multifunction`: the header's multi-function bit, or a
    /// function number other than 0 (`pci_scan_slot()`), and never for a virtual function
    /// (`pci_iov_add_virtfn()`).
    pub multifunction: bool,
    /// What `pci_acs_enabled()` says for the flags that the grouping asks of each function.
    pub isolated: bool,
    /// The device and function numbers of the same bus as which it may send requests,
    /// `pci_dev.dma_alias_mask`.
    pub dma_aliases: DevfnSet,
    /// Whether the IOMMU driver takes the function on. One that it does not, the IOMMU itself or
    /// what the firmware's tables leave out, is in no group and has none to pass on, but the kernel
    /// still looks through it at others.
    pub takes_part: bool,
}

impl Function {
    /// Slot number: bits 7 to 3 of the device and function number, `PCI_SLOT()`. The kernel takes
    /// these for the slot also under ARI.
    pub const fn slot(&self) -> u8 {
        self.devfn >> 3
    }
}
