// SPDX-License-Identifier: GPL-2.0-only

//! Narrows a capture to the slots that can decide on the groups of a device.

use std::collections::BTreeSet;

use topology::{Bdf, Domain, Function, Topology};

/// The capture without functions of the buses above that can hardly decide on the groups of `device`,
/// whose members are `touched`. Whether the groups stay the same must be seen: a function in another
/// slot may decide on them, as a bridge beside root ports does.
pub(crate) fn narrowed(
    capture: &Topology,
    device: &BTreeSet<Bdf>,
    touched: &BTreeSet<Bdf>,
) -> Topology {
    let slots = slots_of(capture, touched);
    let of_device = capture
        .functions
        .iter()
        .filter(|one| device.contains(&one.bdf));
    let has_ports = of_device.clone().any(|one| one.secondary.is_some());
    let buses: BTreeSet<_> = device.iter().map(|bdf| bdf.bus()).collect();
    let is_kept = |function: &&Function| {
        let is_port =
            has_ports && function.secondary.is_some() && buses.contains(&function.bdf.bus());
        is_port || slots.contains(&slot_of(function))
    };
    let kept = capture.functions.iter().filter(is_kept);
    let kept: BTreeSet<_> = kept.map(|one| one.bdf).collect();
    // A second look: the slots of ports beside the device matter, too.
    let slots = slots_of(capture, &kept);
    let mut fewer = capture.clone();
    fewer
        .functions
        .retain(|one| kept.contains(&one.bdf) || slots.contains(&slot_of(one)));
    let addresses: BTreeSet<_> = fewer.functions.iter().map(|one| one.bdf).collect();
    fewer.regrouped.retain(|bdf| addresses.contains(bdf));
    fewer
}

/// A bus and the number of a device on it.
type Slot = ((Domain, u8), u8);

/// The slot of a function; for a virtual function, that of its physical function.
fn slot_of(function: &Function) -> Slot {
    let of = function.physfn.unwrap_or(function.bdf);
    (of.bus(), of.devfn >> 3)
}

/// The slots of functions and of all bridges above them.
fn slots_of(topology: &Topology, functions: &BTreeSet<Bdf>) -> BTreeSet<Slot> {
    let mut slots = BTreeSet::new();
    let mut open: Vec<_> = functions.iter().copied().collect();
    while let Some(bdf) = open.pop() {
        if !slots.insert((bdf.bus(), bdf.devfn >> 3)) {
            continue;
        }
        let is_above = |bridge: &&Function| {
            bridge.bdf.domain == bdf.domain && bridge.secondary == Some(bdf.bus)
        };
        let above = topology.functions.iter().filter(is_above);
        open.extend(above.map(|bridge| bridge.bdf));
        open.extend(topology.vmd.get(&bdf.domain).copied());
    }
    slots
}
