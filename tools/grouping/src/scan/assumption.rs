// SPDX-License-Identifier: GPL-2.0-only

//! What is assumed where a topology does not show a property.

use std::fmt;

/// A property that the capture does not contain, with the value assumed for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Assumption {
    /// PCIe type. Assumed: endpoint or upstream port below a port, otherwise conventional PCI.
    PcieType,
    /// Whether the function has an ACS capability. Assumed: it has none.
    NoAcs,
    /// The registers of the ACS capability. Assumed: every flag that grouping asks for is enabled.
    AcsOn,
    /// The numbers under which the function may send requests. Assumed: no further ones.
    NoMoreAliases,
    /// The bridge that leads to the function's bus. Assumed: there is none, the bus is a root bus. No function
    /// on it shows that it is one.
    NoBridge,
    /// The buses to which a bridge leads. Assumed: none.
    NoBuses,
    /// Whether the device has other functions, where the input leaves lines out. Assumed: it has none.
    MoreFunctions,
    /// Function 0 of the device, without which the kernel finds no other (`pci_scan_slot()`). Assumed: the input has all that
    /// share its group.
    NoFunction0,
    /// The VMD that sends the requests of the function's PCI domain. Assumed: there is none. No function that is one, or may
    /// be one, is there.
    NoVmd,
    /// Which of several functions is the VMD of a PCI domain. Assumed: the first of the likeliest.
    FirstVmd,
    /// Whether the kernel enables the services of the ACS capability at boot, which were off when the
    /// machine was read without an IOMMU. Assumed: it does.
    AcsAtBoot,
    /// The multi-function bit of a bridge, on which the isolation of what is below it depends. Assumed: off.
    OneFunction,
    /// The rest of the function's properties, because the source ends within the function.
    Rest,
}

impl Assumption {
    /// Whether the group of a function with this assumption, and of the functions below it, cannot be
    /// computed.
    #[must_use]
    pub const fn hides_group(self) -> bool {
        matches!(
            self,
            Self::NoBridge | Self::NoBuses | Self::NoFunction0 | Self::NoVmd
        )
    }
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PcieType => "PCIe type not seen, taken from where it is",
            Self::NoAcs => "not seen whether it has an ACS capability, taken as without",
            Self::AcsOn => "ACS registers not seen, taken as on",
            Self::NoMoreAliases => "may have DMA aliases that were not seen, taken as without",
            Self::NoBridge => {
                "the input does not show which bridge leads to its bus, or that this is a root bus, so its group cannot be known"
            }
            Self::NoBuses => {
                "the buses to which it leads are not in the input, so what is below it cannot be known"
            }
            Self::MoreFunctions => {
                "other functions of its device may be missing, because the input leaves lines out, or is a part of the \
                 machine; taken as having none"
            }
            Self::NoFunction0 => {
                "function 0 of its device is not in the input, so its group cannot be known"
            }
            Self::NoVmd => {
                "the input does not show the VMD (Volume Management Device) of its PCI domain, in whose group all functions \
                 of the domain are, so its group cannot be known"
            }
            Self::FirstVmd => {
                "the input does not show which function is the VMD (Volume Management Device) of a PCI domain, in whose \
                 group all functions of the domain are; taken as the first that is likely to be it"
            }
            Self::AcsAtBoot => {
                "ACS is off, because no IOMMU is in use; with an IOMMU, the kernel enables at boot what the \
                 capability implements"
            }
            Self::OneFunction => {
                "multi-function bit not seen (lspci -xxxx shows it), taken as off: no other function of the device \
                 is there"
            }
            Self::Rest => {
                "the input may end within this function: properties of it, and functions after it, may be missing"
            }
        })
    }
}
