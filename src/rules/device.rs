// SPDX-License-Identifier: GPL-2.0-only

//! The interface through which the decision asks about a function.

use super::pcie::PcieType;

/// What the module's record of the kernel's functions contains at a device and function number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Record {
    /// No function, or a virtual function.
    None,
    /// A physical function that is neither untrusted nor external-facing.
    Known,
    /// A physical function that is untrusted or external-facing.
    Exposed,
    /// The record lacks a function, because memory ran out, so no answer is safe.
    Incomplete,
}

/// A function as the decision sees it. In the kernel, `struct pci_dev` answers; in tests and tools,
/// a description does.
pub trait Function {
    /// PCI vendor id.
    fn vendor(&self) -> u16;
    /// PCI device id.
    fn device(&self) -> u16;
    /// Device and function number on the bus: device in bits 7:3, function in bits 2:0. Under ARI
    /// the whole byte is the function number.
    fn devfn(&self) -> u8;
    /// PCIe type; `None` for a conventional PCI function or a reserved type.
    fn pcie_type(&self) -> Option<PcieType>;
    /// Whether the function is a virtual function (SR-IOV).
    fn is_virtual(&self) -> bool;
    /// Whether the function has an ACS Extended Capability.
    fn has_acs(&self) -> bool;
    /// Whether the kernel marks the function, or a bridge above it, as untrusted or
    /// external-facing.
    fn is_exposed(&self) -> bool;
    /// Whether the kernel's error state says that the function failed or was removed.
    fn is_gone(&self) -> bool;
    /// Whether ARI forwarding is enabled in the port above the bus, so that `devfn` is one function
    /// number.
    fn is_ari(&self) -> bool;
    /// Whether a function numbered `first` to `last` on this bus sends under a second requester ID,
    /// or another function of the bus sends under one of these numbers. Source:
    /// `pci_dev::dma_alias_mask` of the functions that the kernel has.
    fn is_aliased(&self, first: u8, last: u8) -> bool;
    /// Whether the module can record a decision on the function.
    fn is_recordable(&self) -> bool;
    /// What the module's record contains at number `devfn` of the same bus.
    fn record(&self, devfn: u8) -> Record;
    /// Reads the aligned dword at `offset` (below 4096) from configuration space of the function
    /// `devfn` on the same bus; `None` if the access fails. An absent function reads as all ones.
    fn read_config(&self, devfn: u8, offset: u16) -> Option<u32>;
}
