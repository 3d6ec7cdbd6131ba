// SPDX-License-Identifier: GPL-2.0-only

//! Models `pci_acs_enabled()` in `drivers/pci/pci.c`.

use crate::rules::{acs::AcsFlags, decision::KernelVerdict, pcie::PcieType};

use super::{function::Interface, release::Release};

/// The registers of an ACS capability: PCI Express Base Specification 6.0, sections 7.7.11.2 and
/// 7.7.11.3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcsRegisters {
    /// The ACS Capability register: the implemented flags.
    pub capability: AcsFlags,
    /// The ACS Control register: the enabled flags.
    pub control: AcsFlags,
}

/// The switches with broken Source Validation: IDT 89HPES.
const IDT: u16 = 0x111d;
const SWITCH_1: u16 = 0x80b5;
const SWITCH_2: u16 = 0x8090;

impl AcsRegisters {
    /// The registers as the kernel uses them for a function with these ids. For two switches a
    /// kernel with [`Release::broken_source_validation`] treats Source Validation as not implemented
    /// (`pci_disable_broken_acs_cap()` in `drivers/pci/quirks.c`).
    #[must_use]
    pub const fn of_device(self, vendor: u16, device: u16, release: &Release) -> Self {
        match (vendor, device) {
            (IDT, SWITCH_1 | SWITCH_2) if release.broken_source_validation => {
                let capability = self.capability.bits() & !AcsFlags::SV.bits();
                Self {
                    capability: AcsFlags::from_bits(capability),
                    control: self.control,
                }
            }
            _ => self,
        }
    }

    /// The registers as the kernel may use them for a function with an unknown device id.
    /// `vendor` is `None` if it is unknown, too.
    pub fn of_some_device(self, vendor: Option<u16>, release: &Release) -> [Self; 2] {
        let vendor = vendor.unwrap_or(IDT);
        [self, self.of_device(vendor, SWITCH_1, release)]
    }

    /// Whether every flag of `required` is enabled: `pci_acs_flags_enabled()`. A flag that is not
    /// implemented counts as enabled by the hardware, except P2P Egress Control.
    pub const fn enabled(self, required: AcsFlags) -> bool {
        let can_be_asked = self.capability.bits() | AcsFlags::EC.bits();
        let asked = AcsFlags::from_bits(required.bits() & can_be_asked);
        self.control.contains(asked)
    }
}

/// Whether a function counts as isolated with the flags `required`.
///
/// `quirk` is the answer of `pci_dev_specific_acs_enabled()`, `multifunction` is
/// `pci_dev.multifunction`, and `acs` holds the registers of the function's ACS capability, if it
/// has one, after [`AcsRegisters::of_device`].
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
        // Every device on a conventional bus sees all transfers on it.
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
