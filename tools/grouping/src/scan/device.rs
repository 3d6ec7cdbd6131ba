// SPDX-License-Identifier: GPL-2.0-only

//! Finds the functions of one device.

use rules::pcie::PcieType;
use topology::{Bdf, Domain};

use super::{Seen, View};

/// A device: all functions below a port with a link, or the functions of one device number
/// elsewhere. Virtual functions belong to the device of their physical function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Device {
    /// PCI domain.
    pub domain: Domain,
    /// Bus number.
    pub bus: u8,
    /// Device number; `None` if the device has the bus to itself, so that its function numbers use
    /// all 8 bits (ARI).
    pub slot: Option<u8>,
}

impl View<'_> {
    /// The bridge above a function; `None` on a root bus.
    #[must_use]
    pub fn above(&self, seen: &Seen<'_>) -> Option<&Seen<'_>> {
        self.functions.get(usize::try_from(seen.facts.above?).ok()?)
    }
}

/// The device of a function.
#[must_use]
pub fn device_of(view: &View<'_>, seen: &Seen<'_>) -> Device {
    let port = view.above(seen).and_then(Seen::pcie_type);
    let below_port = matches!(port, Some(PcieType::RootPort | PcieType::DownstreamPort));
    // A virtual function is below the same bridge as its physical function, even on a bus of its
    // own.
    let Bdf { domain, bus, devfn } = seen.function.physfn.unwrap_or(seen.function.bdf);
    Device {
        domain,
        bus,
        slot: (!below_port).then_some(devfn >> 3),
    }
}
