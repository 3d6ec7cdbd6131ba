// SPDX-License-Identifier: GPL-2.0-only

//! Presents a captured function to the module's decision.
//!
//! The decision reads configuration space. Where the capture has no dump of it, this code builds
//! the dwords that follow from the captured properties; any other dword is unreadable.

use std::collections::{BTreeMap, BTreeSet};

use rules::{
    device::{Function, Record},
    pcie::PcieType,
};
use topology::{Bdf, ConfigSpace, Header, Hex, Removable};

use crate::{
    model::Interface,
    scan::{Seen, View},
};

/// Offset of the PCI Express capability in built configuration space.
const PCIE: u16 = 0x40;
/// Offset of the one extended capability in built configuration space: ACS or ARI.
const ARI: u16 = 0x100;

/// The functions of a machine, by address.
pub(super) struct Machine<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) by_address: BTreeMap<Bdf, &'a Seen<'a>>,
    /// Dumps of configuration space, where available.
    pub(super) spaces: Option<&'a BTreeMap<Bdf, ConfigSpace>>,
    /// The exposed functions, if a module reported them.
    pub(super) exposed: Option<&'a BTreeSet<Bdf>>,
}

impl<'a> Machine<'a> {
    pub(super) fn of(view: &'a View<'a>) -> Self {
        let functions = view.functions.iter();
        Self {
            view,
            by_address: functions.map(|seen| (seen.function.bdf, seen)).collect(),
            spaces: None,
            exposed: None,
        }
    }

    /// A dword of a dump; `None` without one.
    fn dword(&self, bdf: Bdf, offset: u16) -> Option<u32> {
        self.spaces?.get(&bdf)?.dword(offset.into())
    }

    fn above(&self, seen: &Seen<'_>) -> Option<&'a Seen<'a>> {
        let above = usize::try_from(seen.facts.above?).ok()?;
        self.view.functions.get(above)
    }

    /// Whether the function is untrusted or external-facing, or below such a port, as far as is
    /// known.
    fn is_exposed(&self, seen: &Seen<'_>) -> bool {
        if let Some(exposed) = self.exposed {
            return exposed.contains(&seen.function.bdf);
        }
        seen.function.removable == Some(Removable::Removable)
            || self.above(seen).is_some_and(|above| self.is_exposed(above))
    }
}

/// One captured function, with its machine.
pub(super) struct Captured<'a> {
    machine: &'a Machine<'a>,
    seen: &'a Seen<'a>,
}

impl<'a> Captured<'a> {
    pub(super) const fn new(machine: &'a Machine<'a>, seen: &'a Seen<'a>) -> Self {
        Self { machine, seen }
    }

    fn on_bus(&self, devfn: u8) -> Option<&'a Seen<'a>> {
        let bdf = Bdf {
            devfn,
            ..self.seen.function.bdf
        };
        self.machine.by_address.get(&bdf).copied()
    }

    /// The functions of the bus, except virtual functions, by number.
    fn bus(&self) -> impl Iterator<Item = &'a Seen<'a>> {
        (0..=u8::MAX)
            .filter_map(|devfn| self.on_bus(devfn))
            .filter(|seen| seen.function.physfn.is_none())
    }

    /// The number of the next function of an ARI device; 0 after the last.
    fn next(&self, devfn: u8) -> u8 {
        let numbers = self.bus().map(|seen| seen.function.bdf.devfn);
        numbers
            .into_iter()
            .find(|&number| number > devfn)
            .unwrap_or(0)
    }

    /// A built dword of configuration space; `None` if it does not follow from the capture.
    fn dword(&self, seen: &Seen<'_>, offset: u16) -> Option<u32> {
        let function = seen.function;
        Some(match offset {
            0x00 => {
                let device = function.device?.value();
                (u32::from(device) << 16) | u32::from(function.vendor.value())
            }
            // Status register: Capabilities List.
            0x04 if shown_type(seen).is_some() => 0x0010_0000,
            0x04 => 0,
            0x08 => (function.class?.0 << 8) | function.revision?.0,
            0x0c => {
                let layout = match function.header {
                    Header::Endpoint => 0,
                    Header::Bridge => 1,
                    Header::Cardbus => 2,
                };
                let multifunction = if seen.facts.multifunction { 0x80 } else { 0 };
                (layout | multifunction) << 16
            }
            0x2c => {
                let subsystem = function.subsystem?;
                (u32::from(subsystem.device) << 16) | u32::from(subsystem.vendor)
            }
            0x34 => PCIE.into(),
            PCIE => (u32::from(raw(shown_type(seen)?)) << 20) | 0x0002_0010,
            ARI if has_acs(seen) => 0x0001_000d,
            ARI if self.is_ari() => 0x0001_000e,
            ARI => 0,
            // Registers that were not seen count as disabled.
            0x104 if has_acs(seen) => {
                let control = function.acs.and_then(|acs| acs.ctl).unwrap_or(0);
                u32::from(control) << 16
            }
            0x104 if self.is_ari() => u32::from(self.next(function.bdf.devfn)) << 8,
            _ => return None,
        })
    }
}

/// Whether the function has an ACS capability. An unknown capability counts as present, so that
/// there is no claim.
fn has_acs(seen: &Seen<'_>) -> bool {
    !seen.function.acs_known || seen.function.acs.is_some()
}

/// The PCIe type in configuration space, which the kernel corrects for itself alone.
fn shown_type(seen: &Seen<'_>) -> Option<PcieType> {
    if seen.function.pcie_known {
        seen.function.pcie_type.as_ref()?.kind()
    } else {
        seen.pcie_type()
    }
}

/// The register value of a PCIe type.
fn raw(found: PcieType) -> u8 {
    let mut values = 0..=0xf;
    values
        .find(|&raw| PcieType::from_raw(raw) == Some(found))
        .unwrap_or(0)
}

impl Function for Captured<'_> {
    fn vendor(&self) -> u16 {
        self.seen.function.vendor.value()
    }

    fn device(&self) -> u16 {
        // No entry lists device id ffffh together with a valid vendor.
        self.seen.function.device.map_or(u16::MAX, Hex::value)
    }

    fn devfn(&self) -> u8 {
        self.seen.function.bdf.devfn
    }

    fn pcie_type(&self) -> Option<PcieType> {
        self.seen.pcie_type()
    }

    fn is_virtual(&self) -> bool {
        self.seen.function.physfn.is_some()
    }

    fn has_acs(&self) -> bool {
        has_acs(self.seen)
    }

    fn is_exposed(&self) -> bool {
        self.machine.is_exposed(self.seen)
    }

    fn is_gone(&self) -> bool {
        self.seen.function.unreadable
    }

    /// A link has one device, so a function with a higher device number is an ARI function.
    fn is_ari(&self) -> bool {
        let above = self.machine.above(self.seen);
        let port = above.map(|above| above.facts.interface);
        matches!(
            port,
            Some(Interface::Express(
                PcieType::RootPort | PcieType::DownstreamPort
            ))
        ) && self.bus().any(|seen| seen.function.bdf.slot() > 0)
    }

    fn is_aliased(&self, first: u8, last: u8) -> bool {
        let range = first..=last;
        self.bus().any(|seen| {
            let own = seen.function.bdf.devfn;
            let aliases = &seen.facts.dma_aliases;
            let mut others = (0..=u8::MAX).filter(|&to| to != own && aliases.contains(to));
            others.any(|to| range.contains(&own) || range.contains(&to))
        })
    }

    fn is_recordable(&self) -> bool {
        true
    }

    fn record(&self, devfn: u8) -> Record {
        match self.on_bus(devfn) {
            None => Record::None,
            Some(seen) if seen.function.physfn.is_some() => Record::None,
            Some(seen) if self.machine.is_exposed(seen) => Record::Exposed,
            Some(_) => Record::Known,
        }
    }

    fn read_config(&self, devfn: u8, offset: u16) -> Option<u32> {
        match self.on_bus(devfn) {
            None => Some(u32::MAX),
            Some(seen) if seen.function.physfn.is_some() => Some(u32::MAX),
            Some(seen) if seen.function.unreadable => Some(u32::MAX),
            Some(seen) => {
                let bdf = seen.function.bdf;
                let found = self.machine.dword(bdf, offset);
                found.or_else(|| self.dword(seen, offset))
            }
        }
    }
}
