// SPDX-License-Identifier: GPL-2.0-only

//! Which functions are of one device.

use rules::pcie::PcieType;
use topology::{Bdf, Domain};

use super::{Seen, View};

/// A device: what is below a port, and elsewhere what is in one slot. Virtual functions are of the
/// device of their physical function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Device {
    /// Its domain.
    pub domain: Domain,
    /// Its bus.
    pub bus: u8,
    /// Its slot; `None`: it has the bus to itself, so that higher slot numbers are function numbers
    /// (ARI).
    pub slot: Option<u8>,
}

impl View<'_> {
    /// The bridge above a function; `None` on a root bus.
    #[must_use]
    pub fn above(&self, seen: &Seen<'_>) -> Option<&Seen<'_>> {
        self.functions.get(usize::try_from(seen.facts.above?).ok()?)
    }
}

/// The device that a function is of.
#[must_use]
pub fn device_of(view: &View<'_>, seen: &Seen<'_>) -> Device {
    let port = view.above(seen).and_then(Seen::pcie_type);
    let below_port = matches!(port, Some(PcieType::RootPort | PcieType::DownstreamPort));
    // A virtual function is behind the same bridge as its physical one, also on a bus of its own.
    let Bdf { domain, bus, devfn } = seen.function.physfn.unwrap_or(seen.function.bdf);
    Device {
        domain,
        bus,
        slot: (!below_port).then_some(devfn >> 3),
    }
}
