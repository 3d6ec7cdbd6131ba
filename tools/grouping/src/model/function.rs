// SPDX-License-Identifier: GPL-2.0-only

//! The model's input for one function.

use crate::rules::pcie::PcieType;

use super::devfns::DevfnSet;

use super::{
    release::Release, //
};

/// The bus interface of a function, as `pci_is_pcie()` and `pci_pcie_type()` report it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interface {
    /// Conventional PCI or PCI-X: no PCI Express capability.
    Conventional,
    /// PCI Express with this Device/Port Type.
    Express(PcieType),
    /// PCI Express with a reserved Device/Port Type.
    Reserved,
}

impl Interface {
    /// The interface for a raw Device/Port Type (0 to 15); `None` for a function without a PCI
    /// Express capability.
    pub const fn from_raw(raw: Option<u8>) -> Self {
        match raw {
            None => Self::Conventional,
            Some(raw) => match PcieType::from_raw(raw) {
                Some(found) => Self::Express(found),
                None => Self::Reserved,
            },
        }
    }

    /// The interface after the kernel's correction: a switch port whose type contradicts the bridge
    /// above it gets another type (`set_pcie_port_type()` in `drivers/pci/probe.c`). `above` is the
    /// corrected interface of that bridge.
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

    /// Whether a link with a single device is below the function: `pcie_downstream_port()` in
    /// `drivers/pci/pci.h`.
    pub const fn leads_to_link(self) -> bool {
        matches!(
            self,
            Self::Express(PcieType::RootPort | PcieType::DownstreamPort | PcieType::PcieBridge)
        )
    }
}

/// One function, as the model sees it. Its index is its position in the order in which the kernel
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
    /// Index of the bridge whose secondary bus is this bus; `None` on a root bus. For a virtual
    /// function on a bus of its own, which has no bridge (`virtfn_add_bus()` in
    /// `drivers/pci/iov.c`), the index of the bridge above the physical function.
    pub above: Option<u32>,
    /// Index of the function whose requester ID the requests carry at the IOMMU, if it is another
    /// one: the VMD for the functions behind it (`pci_real_dma_dev()` in `arch/x86/pci/common.c`).
    pub dma_device: Option<u32>,
    /// The bus interface, corrected as in `set_pcie_port_type()` in `drivers/pci/probe.c`.
    pub interface: Interface,
    /// For a bridge: `PCI_DEV_FLAGS_BRIDGE_XLATE_ROOT`, the IOMMU translates here and not at the
    /// root bus.
    pub translation_root: bool,
    /// For a PCI Express to PCI bridge: `PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS`, requester IDs pass
    /// unchanged.
    pub keeps_requester_ids: bool,
    /// `pci_dev.multifunction`: the multi-function bit of the header, or a function number other
    /// than 0 (`pci_scan_slot()`). Never set for a virtual function (`pci_iov_add_virtfn()`).
    pub multifunction: bool,
    /// The result of `pci_acs_enabled()` for the flags that the grouping asks of each function.
    pub isolated: bool,
    /// `pci_dev.dma_alias_mask`: the device and function numbers of the same bus under which the
    /// function may send requests.
    pub dma_aliases: DevfnSet,
    /// Whether the IOMMU driver manages the function. A function that it does not manage, such as
    /// the IOMMU itself or one that the firmware tables omit, is in no group and passes none on.
    /// The kernel still searches through it.
    pub takes_part: bool,
}

impl Function {
    /// Device number: bits 7 to 3 of the device and function number, `PCI_SLOT()`. The kernel uses
    /// these bits also under ARI.
    pub const fn slot(&self) -> u8 {
        self.devfn >> 3
    }
}
