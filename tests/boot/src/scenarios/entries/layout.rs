// SPDX-License-Identifier: GPL-2.0-only

//! The configuration space of an emulated function.

use anyhow::{Context, Result, bail};
use rules::{
    condition::{Condition, Place},
    entry::Kind,
    pcie::HeaderLayout,
};

use super::function::{EmulatedFunction, port_type};
use crate::space::{SIZE, Space};

/// Areas of configuration space for capabilities, and for extended capabilities.
const STANDARD: std::ops::Range<usize> = 0x40..0x100;
const EXTENDED: std::ops::Range<usize> = 0x100..SIZE;
/// Capability ids: MSI, PCI Express, MSI-X.
const MSI: u8 = 0x05;
const PCIE: u8 = 0x10;
const MSIX: u8 = 0x11;
/// Extended capability ids: ARI, SR-IOV.
const ARI: u16 = 0x0e;
const SRIOV: u16 = 0x10;
/// Minimum size of a capability in bytes.
const LEAST: usize = 0x10;

/// Builds the configuration space of a function.
///
/// # Errors
///
/// The property that cannot be emulated.
pub(super) fn space(function: &EmulatedFunction) -> Result<Space> {
    let EmulatedFunction { vendor, device, .. } = *function;
    let mut space = Space::new(vendor, device, function.class, function.revision);
    // Every function has the multi-function bit here. QEMU shows its own bit to the guest.
    space.put16(0x0e, 0x0080, 0);
    if function.kind.layout() == HeaderLayout::Endpoint {
        space.put16(0x2c, function.subsystem.0, 0);
        space.put16(0x2e, function.subsystem.1, 0);
    }
    let mut room = Room::beside(&function.registers)?;
    let mut list = Vec::new();
    let places = std::iter::once(Place::Capability(PCIE));
    for place in places.chain(function.registers.iter().map(|register| register.at)) {
        if place != Place::Config && list.iter().all(|&(known, _)| known != place) {
            let at = room.take(place, size(place, &function.registers))?;
            list.push((place, at));
        }
    }
    put_lists(&mut space, function.kind, &list);
    for register in &function.registers {
        let at = list.iter().find(|(place, _)| *place == register.at);
        let at = at.map_or(0, |(_, at)| *at);
        space.fix(
            at + usize::from(register.offset),
            register.mask,
            register.value,
        );
    }
    Ok(space)
}

/// Size of a capability in bytes, including all registers of interest.
fn size(place: Place, registers: &[Condition]) -> usize {
    let least = if place == Place::Capability(PCIE) {
        Space::PCIE_SIZE
    } else {
        LEAST
    };
    let of_place = registers.iter().filter(|register| register.at == place);
    let ends = of_place.map(|register| usize::from(register.offset) + 4);
    ends.fold(least, usize::max)
}

/// Writes the capabilities and links them in the order given.
fn put_lists(space: &mut Space, kind: Kind, list: &[(Place, usize)]) {
    // Offset of the pointer to the next capability, and offset of the previous extended capability.
    let mut next = 0x34;
    let mut before: Option<usize> = None;
    for &(place, at) in list {
        match place {
            Place::Config => {}
            Place::Capability(id) => {
                if id == PCIE {
                    space.put_pcie(at, port_type(kind).1);
                    disguise(space, kind, at);
                } else {
                    space.put16(at, id.into(), 0);
                }
                space.put8(next, u8::try_from(at).unwrap_or_default());
                next = at + 1;
            }
            Place::Extended(id) => {
                // Version 1.
                space.put16(at, id, 0);
                space.put16(at + 2, 0x0001, 0);
                if let Some(before) = before {
                    let offset = u16::try_from(at).unwrap_or_default();
                    space.put16(before + 2, (offset << 4) | 0x0001, 0);
                }
                before = Some(at);
            }
        }
    }
}

/// Makes a port look to QEMU like a function that QEMU accepts.
fn disguise(space: &mut Space, kind: Kind, pcie: usize) {
    let (_, shown) = match kind {
        Kind::MfEndpoint | Kind::RcEndpoint => return,
        Kind::RootPort => port_type(Kind::RcEndpoint),
        Kind::DownstreamPort => port_type(Kind::MfEndpoint),
    };
    space.disguise(shown, pcie);
}

/// The free dwords of a configuration space.
struct Room {
    taken: [bool; SIZE / 4],
}

impl Room {
    /// All dwords but the header and the registers at fixed offsets.
    fn beside(registers: &[Condition]) -> Result<Self> {
        let mut room = Self {
            taken: [false; SIZE / 4],
        };
        for register in registers {
            match (register.at, register.offset) {
                (Place::Config, 0x10..0x28 | 0x30) => bail!(
                    "a register at config + {:#04x} cannot be emulated: QEMU has base address registers there",
                    register.offset
                ),
                (Place::Config, offset) => room.taken[usize::from(offset) / 4] = true,
                (Place::Capability(MSI | MSIX) | Place::Extended(ARI | SRIOV), _) => bail!(
                    "a register in {} cannot be emulated: QEMU keeps that capability to itself",
                    register.at
                ),
                _ => {}
            }
        }
        Ok(room)
    }

    /// Reserves the first free range for a capability, and returns its offset.
    fn take(&mut self, place: Place, size: usize) -> Result<usize> {
        let (area, is_first) = match place {
            Place::Extended(_) => (EXTENDED, !self.taken[EXTENDED.start / 4]),
            _ => (STANDARD, false),
        };
        let dwords = size.div_ceil(4);
        let mut starts = area.start / 4..=(area.end / 4).saturating_sub(dwords);
        let is_free = |start: &usize| !self.taken[*start..start + dwords].contains(&true);
        let start = starts
            .find(is_free)
            .filter(|start| !is_first || *start == EXTENDED.start / 4);
        let start = start
            .with_context(|| format!("{place} cannot be emulated: there is no room for it"))?;
        self.taken[start..start + dwords].fill(true);
        Ok(start * 4)
    }
}
