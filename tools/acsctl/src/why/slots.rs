// SPDX-License-Identifier: GPL-2.0-only

//! Remedies outside the device: other slots, and firmware settings.

use std::collections::BTreeSet;

use rules::pcie::PcieType;
use topology::{Bdf, Domain, Header};

use super::{
    grouped::GroupedHost,
    remedy::{Remedy, What},
};

/// The number of ports to name.
const NAMED: usize = 4;

/// Ports with slots, which are isolated up to the root, by address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ports {
    /// Nothing is below these.
    pub(super) free: Vec<Bdf>,
    /// Other devices are below these.
    pub(super) taken: Vec<Bdf>,
}

/// The port whose slot holds a function.
///
/// `None` for a function that is not on a card: a function on a root bus, or below a port without a
/// slot.
pub(super) fn slot_of(grouped: &GroupedHost<'_, '_>, target: usize) -> Option<usize> {
    let port = grouped.above(target).next()?;
    (grouped.seen(port).function.slot != Some(false)).then_some(port)
}

/// The ports, other than those above a function, to which a card can move and be apart from all
/// other devices.
pub(super) fn ports(grouped: &GroupedHost<'_, '_>, target: usize) -> Ports {
    let above: BTreeSet<usize> = grouped.above(target).collect();
    let mut occupied: BTreeSet<(Domain, u8)> = BTreeSet::new();
    for seen in &grouped.machine.view.functions {
        occupied.insert(seen.function.bdf.bus());
    }
    let mut ports = Ports::default();
    for index in 0..grouped.machine.view.functions.len() {
        let seen = grouped.seen(index);
        let is_port = matches!(
            seen.pcie_type(),
            Some(PcieType::RootPort | PcieType::DownstreamPort)
        );
        let leads = seen.function.secondary.filter(|&bus| bus != 0);
        let is_slot = seen.function.slot != Some(false) && seen.function.header == Header::Bridge;
        let mut path = std::iter::once(index).chain(grouped.above(index));
        let is_isolated =
            path.all(|index| grouped.facts(index).isolated && !grouped.assumes_acs(index));
        let (true, true, true, Some(bus)) = (is_port, is_slot, is_isolated, leads) else {
            continue;
        };
        if above.contains(&index) || seen.facts.dma_device.is_some() {
            continue;
        }
        let bdf = seen.function.bdf;
        if occupied.contains(&(bdf.domain, bus)) {
            ports.taken.push(bdf);
        } else {
            ports.free.push(bdf);
        }
    }
    ports
}

/// The remedy to move a card below a port that separates it from all other devices.
///
/// `None` for a function that is not on a card, and if there is no such port.
pub(super) fn other_slot(grouped: &GroupedHost<'_, '_>, target: usize) -> Option<Remedy> {
    slot_of(grouped, target)?;
    move_to(&ports(grouped, target))
}

/// The remedy to move a card below one of these ports; `None` if there is none.
pub(super) fn move_to(ports: &Ports) -> Option<Remedy> {
    let list = |ports: &[Bdf]| {
        let named = ports.iter().take(NAMED).map(ToString::to_string);
        let more = match ports.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        named.collect::<Vec<_>>().join(" ") + &more
    };
    let ports = match (&ports.free[..], &ports.taken[..]) {
        ([], []) => return None,
        ([], taken) => format!("{} (occupied now)", list(taken)),
        (free, []) => format!("{} (empty now)", list(free)),
        (free, taken) => format!(
            "{} (empty now) or {} (occupied now)",
            list(free),
            list(taken)
        ),
    };
    Some(Remedy::new(
        What::Slot,
        format!(
            "If this device is a card that can be moved, put it into a slot below one of these \
             ports: {ports}. It would then share no group with other devices, because these ports \
             are isolated up to the root. The board's manual says which slot a port leads to."
        ),
    ))
}

/// The firmware setting that disables a VMD.
pub(super) fn without_vmd(vmd: Bdf) -> Remedy {
    Remedy::new(
        What::FirmwareSetting,
        format!(
            "Disable VMD in the firmware setup (also called RST or RAID mode): without {vmd}, the \
             functions behind it appear as separate devices. An operating system on these disks \
             may need preparation for that change."
        ),
    )
}
