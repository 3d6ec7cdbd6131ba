// SPDX-License-Identifier: GPL-2.0-only

//! What `pci_acs_enabled()` in `drivers/pci/pci.c` says of a function.

use crate::rules::{acs::AcsFlags, decision::KernelVerdict, pcie::PcieType};

use super::function::Interface;

/// The registers of an ACS capability.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcsRegisters {
    /// The ACS Capability register: what the function implements.
    pub capability: AcsFlags,
    /// The ACS Control register: what is switched on.
    pub control: AcsFlags,
}

impl AcsRegisters {
    /// The registers as the kernel goes by them, for a function with these ids: it takes Source
    /// Validation of two switches for not there (`pci_disable_broken_acs_cap()` in
    /// `drivers/pci/quirks.c`).
    #[must_use]
    pub const fn of_device(self, vendor: u16, device: u16) -> Self {
        match (vendor, device) {
            // IDT 89HPES switches.
            (0x111d, 0x80b5 | 0x8090) => {
                let capability = self.capability.bits() & !AcsFlags::SV.bits();
                Self {
                    capability: AcsFlags::from_bits(capability),
                    control: self.control,
                }
            }
            _ => self,
        }
    }

    /// Whether all of `required` is switched on, as far as it is implemented; what is not counts
    /// as hardwired, but for Egress Control: `pci_acs_flags_enabled()`.
    pub const fn enabled(self, required: AcsFlags) -> bool {
        let can_be_asked = self.capability.bits() | AcsFlags::EC.bits();
        let asked = AcsFlags::from_bits(required.bits() & can_be_asked);
        self.control.contains(asked)
    }
}

/// Whether a function counts as isolated with the flags `required`.
///
/// `quirk` is what `pci_dev_specific_acs_enabled()` says of it, `multifunction` what the kernel has
/// in `pci_dev.multifunction`, and `acs` what the ACS capability of the function holds, if it has
/// one, after [`AcsRegisters::of_device`].
pub fn acs_enabled(
    required: AcsFlags,
    quirk: KernelVerdict,
    interface: Interface,
    multifunction: bool,
    acs: Option<AcsRegisters>,
) -> bool {
    match quirk {
        KernelVerdict::Isolated => return true,
        KernelVerdict::NotIsolated => return false,
        KernelVerdict::NoOpinion | KernelVerdict::Unknown => {}
    }
    let by_capability = acs.is_some_and(|acs| acs.enabled(required));
    match interface {
        // Whoever is on a conventional bus sees what passes there.
        Interface::Conventional => false,
        Interface::Express(found) => match found {
            PcieType::PcieBridge | PcieType::PciBridge | PcieType::RcEventCollector => false,
            PcieType::DownstreamPort | PcieType::RootPort => by_capability,
            PcieType::Endpoint
            | PcieType::UpstreamPort
            | PcieType::LegacyEndpoint
            | PcieType::RcEndpoint => !multifunction || by_capability,
        },
        Interface::Reserved => true,
    }
}
