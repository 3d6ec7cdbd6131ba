// SPDX-License-Identifier: GPL-2.0-only

//! The properties that the kernel gives a function, from its registers.

use rules::{acs::AcsFlags, pcie::PcieType};
use topology::{Function, Header, Hex};

use super::Assumption;
use crate::model::{
    self, DevfnSet, Interface,
    acs_enabled::AcsRegisters,
    aliases::{self, Identity},
    release::Release,
};

/// The interface of a function below `parent`: `set_pcie_port_type()` in `drivers/pci/probe.c`,
/// with its correction of switch ports that claim the other type.
pub(super) fn interface(
    function: &Function,
    parent: Option<&model::Function>,
    release: &Release,
    assumed: &mut Vec<Assumption>,
) -> Interface {
    let above = parent.map(|parent| parent.interface);
    let below_port = above.is_some_and(Interface::leads_to_link);
    if !function.pcie_known {
        assumed.push(Assumption::PcieType);
        return match (below_port, function.header) {
            (false, _) => Interface::Conventional,
            (true, Header::Endpoint) => Interface::Express(PcieType::Endpoint),
            (true, _) => Interface::Express(PcieType::UpstreamPort),
        };
    }
    let Some(port) = &function.pcie_type else {
        return Interface::Conventional;
    };
    let Some(kind) = port.kind() else {
        assumed.push(Assumption::PcieType);
        return Interface::Reserved;
    };
    Interface::Express(kind).behind(above, release)
}

/// The registers of the function's ACS capability, after the kernel's corrections.
pub(super) fn acs(
    function: &Function,
    release: &Release,
    assumed: &mut Vec<Assumption>,
) -> Option<AcsRegisters> {
    if !function.acs_known {
        assumed.push(Assumption::NoAcs);
    }
    let found = function.acs?;
    let registers = if let (Some(capability), Some(control)) = (found.cap, found.ctl) {
        AcsRegisters {
            capability: AcsFlags::from_bits(capability),
            control: AcsFlags::from_bits(control),
        }
    } else {
        assumed.push(Assumption::AcsOn);
        AcsRegisters {
            capability: AcsFlags::GROUPING,
            control: AcsFlags::GROUPING,
        }
    };
    let device = function.device.map_or(0, Hex::value);
    Some(registers.of_device(function.vendor.value(), device, release))
}

/// The dword at offset 8 of the ACS capability. `pci_quirk_enable_intel_spt_pch_acs()` writes it where
/// `pci_std_enable_acs()` writes the ACS Control register. Only handlers of such ports read it.
pub(super) fn acs_dword8(function: &Function, starts_iommu: bool) -> Option<u32> {
    let acs = function.acs?;
    let implemented = AcsFlags::from_bits(acs.cap?).intersection(AcsFlags::GROUPING);
    let enabled = if starts_iommu { implemented.bits() } else { 0 };
    Some(acs.dword8? | u32::from(enabled))
}

/// The aliases that the kernel's quirks give to the function.
pub(super) fn dma_aliases(function: &Function, assumed: &mut Vec<Assumption>) -> DevfnSet {
    let class = function.class.map_or(0, |class| class.0 >> 8);
    let mut found = function.devices().map(|device| {
        let identity = Identity {
            vendor: function.vendor.value(),
            device,
            subsystem: function.subsystem.map(|it| (it.vendor, it.device)),
            class: u16::try_from(class).unwrap_or(0),
        };
        aliases::dma_aliases(&identity, function.bdf.devfn)
    });
    let Some(first) = found.next() else {
        return DevfnSet::EMPTY;
    };
    let is_sure = found.all(|other| other == first);
    if !first.complete || !is_sure {
        assumed.push(Assumption::NoMoreAliases);
    }
    if is_sure {
        first.numbers
    } else {
        DevfnSet::EMPTY
    }
}

/// Whether the IOMMU driver manages the function. If the capture contains groups and would show that of
/// the function, whether it is in one; otherwise every function except IOMMUs.
pub(super) fn takes_part(function: &Function, grouped: bool) -> bool {
    const IOMMU: u32 = 0x0806;
    if grouped && function.group_known {
        return function.iommu_group.is_some();
    }
    function.class.is_none_or(|class| class.0 >> 8 != IOMMU)
}
