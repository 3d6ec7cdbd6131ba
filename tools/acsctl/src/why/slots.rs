// SPDX-License-Identifier: GPL-2.0-only

//! Remedies outside the device: other slots, and firmware settings.

use std::collections::BTreeSet;

use grouping::Seen;
use quirk_data::error::Error;
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
/// slot. Also for one below a bridge that is no port, because the bridge may be a part of the card.
pub(super) fn slot_of(grouped: &GroupedHost<'_, '_>, target: usize) -> Option<usize> {
    grouped
        .above(target)
        .next()
        .filter(|&above| is_slot(grouped.seen(above)))
}

/// Whether a function is a port that may lead to a slot.
fn is_slot(seen: &Seen<'_>) -> bool {
    let is_port = matches!(
        seen.pcie_type(),
        Some(PcieType::RootPort | PcieType::DownstreamPort)
    );
    is_port && seen.function.slot != Some(false) && seen.function.header == Header::Bridge
}

/// The ports to which the card in the slot of a function may move, to be apart from all other devices:
/// those in its domain that are isolated and not on the card.
pub(super) fn ports(grouped: &GroupedHost<'_, '_>, target: usize) -> Ports {
    let above: BTreeSet<usize> = grouped.above(target).collect();
    let slot = slot_of(grouped, target);
    let mut occupied: BTreeSet<(Domain, u8)> = BTreeSet::new();
    for seen in &grouped.machine.view.functions {
        occupied.insert(seen.function.bdf.bus());
    }
    let mut ports = Ports::default();
    for index in 0..grouped.machine.view.functions.len() {
        let seen = grouped.seen(index);
        let leads = seen.function.secondary.filter(|&bus| bus != 0);
        let mut path = std::iter::once(index).chain(grouped.above(index));
        let is_isolated =
            path.all(|index| grouped.facts(index).isolated && !grouped.assumes_acs(index));
        let (true, true, Some(bus)) = (is_slot(seen), is_isolated, leads) else {
            continue;
        };
        let bdf = seen.function.bdf;
        // Bus numbers, which move with a card, are those of one domain.
        let is_elsewhere = bdf.domain != grouped.bdf(target).domain;
        let is_on_card = grouped.above(index).any(|above| Some(above) == slot);
        let is_behind = seen.facts.dma_device.is_some();
        if above.contains(&index) || is_elsewhere || is_on_card || is_behind {
            continue;
        }
        if occupied.contains(&(bdf.domain, bus)) {
            ports.taken.push(bdf);
        } else {
            ports.free.push(bdf);
        }
    }
    ports
}

/// The remedy to move a card below a port after which the group of the function satisfies `is_good` and
/// has no function of another device, by the groups that are computed of the card below that port.
///
/// `None` for a function that is not on a card, and if there is no such port.
///
/// # Errors
///
/// [`Error::CouldNotRun`] for an impossible topology.
pub(super) fn other_slot(
    grouped: &GroupedHost<'_, '_>,
    target: usize,
    is_good: impl Fn(&GroupedHost<'_, '_>) -> bool,
) -> Result<Option<Remedy>, Error> {
    let Some(slot) = slot_of(grouped, target) else {
        return Ok(None);
    };
    let slot = grouped.bdf(slot);
    let own = grouped.device(target);
    let helps = |port: Bdf| -> Result<bool, Error> {
        let moved = grouped.swapped(slot, port)?;
        let others = moved.shared(target).into_iter();
        Ok(is_good(&moved)
            && others
                .map(|index| moved.device(index))
                .all(|one| one == own))
    };
    let mut ports = ports(grouped, target);
    for list in [&mut ports.free, &mut ports.taken] {
        let mut good = Vec::new();
        for &port in list.iter() {
            if good.len() < NAMED && helps(port)? {
                good.push(port);
            }
        }
        *list = good;
    }
    Ok(move_to(&ports))
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
