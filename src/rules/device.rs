// SPDX-License-Identifier: GPL-2.0-only

//! What the decision must know of a function, and where it asks.

use super::pcie::PcieType;

/// What the kernel's record of devices has at a function number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Record {
    /// Nothing.
    None,
    /// A function that is neither virtual nor exposed.
    Known,
    /// A function that is untrusted or faces outside.
    Exposed,
    /// The record may lack something.
    Incomplete,
}

/// A function as the decision sees it. The kernel answers from `struct pci_dev`; tests and tools
/// answer from a description.
pub trait Function {
    /// PCI vendor id.
    fn vendor(&self) -> u16;
    /// PCI device id.
    fn device(&self) -> u16;
    /// Device and function number on the bus: slot in bits 7:3, function in bits 2:0; under ARI
    /// the whole byte is the function.
    fn devfn(&self) -> u8;
    /// PCIe type; `None` for a conventional PCI function or a reserved value.
    fn pcie_type(&self) -> Option<PcieType>;
    /// Whether it is a virtual function (SR-IOV).
    fn is_virtual(&self) -> bool;
    /// Whether it has an ACS Extended Capability of its own.
    fn has_acs(&self) -> bool;
    /// Whether the kernel marks it, or a port above it, as untrusted or as facing outside.
    fn is_exposed(&self) -> bool;
    /// Whether the kernel knows its link as failed or the device as gone.
    fn is_gone(&self) -> bool;
    /// Whether the port above its bus forwards by ARI, so that `devfn` is one function number.
    fn is_ari(&self) -> bool;
    /// Whether a function of the same bus with a number from `first` to `last` sends under a second
    /// requester ID, or another function of the bus under one of these: `pci_dev::dma_alias_mask` of
    /// the functions that the kernel has.
    fn is_aliased(&self, first: u8, last: u8) -> bool;
    /// Whether a decision on the function can be recorded.
    fn is_recordable(&self) -> bool;
    /// What the kernel has on record as the function `devfn` of the same bus.
    fn record(&self, devfn: u8) -> Record;
    /// Reads an aligned dword at `offset` (below 4096) from the configuration space of the
    /// function `devfn` on the same bus; `None` when the access itself fails. All ones is what an
    /// absent function reads as.
    fn read_config(&self, devfn: u8, offset: u16) -> Option<u32>;
}
