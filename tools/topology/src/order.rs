// SPDX-License-Identifier: GPL-2.0-only

//! The order in which the kernel adds the functions of a machine at boot, and the bridge above each.
//!
//! All functions of a bus by ascending number, then what is behind each bridge of it, depth first:
//! `pci_scan_child_bus_extend()` in `drivers/pci/probe.c`. What a driver makes comes last: the domains
//! behind a VMD, then virtual functions.

use std::collections::BTreeMap;

use crate::{
    Topology,
    bdf::{Bdf, Domain},
    vmd,
};

type Bus = (Domain, u8);

/// Where each function stands.
pub(crate) struct Order {
    /// Positions in the topology's list of functions, in the kernel's order.
    pub(crate) positions: Vec<usize>,
    /// By bus: the position of the bridge that leads to it.
    bridges: BTreeMap<Bus, usize>,
    /// By address: the position of the function.
    addresses: BTreeMap<Bdf, usize>,
}

impl Order {
    /// The order of a topology that [`check`](crate::check) has passed.
    pub(crate) fn of(topology: &Topology) -> Self {
        let mut buses: BTreeMap<Bus, BTreeMap<u8, usize>> = BTreeMap::new();
        let mut order = Self {
            positions: Vec::with_capacity(topology.functions.len()),
            bridges: BTreeMap::new(),
            addresses: BTreeMap::new(),
        };
        let mut last = Vec::new();
        for (position, function) in topology.functions.iter().enumerate() {
            let bdf = function.bdf;
            order.addresses.insert(bdf, position);
            if let Some(bus) = function.secondary.filter(|&bus| bus != 0) {
                order.bridges.insert((bdf.domain, bus), position);
            }
            if function.physfn.is_some() {
                last.push(position);
            } else {
                buses
                    .entry(bdf.bus())
                    .or_default()
                    .insert(bdf.devfn, position);
            }
        }
        let behind_vmd = |bus: &Bus| vmd::of_domain(topology, bus.0).is_some();
        let is_root = |bus: &Bus| !order.bridges.contains_key(bus);
        let mut roots: Vec<_> = buses.keys().copied().filter(is_root).collect();
        roots.sort_by_key(|bus| (behind_vmd(bus), *bus));
        // Buses that are still to come, the next one last.
        let mut left: Vec<_> = roots.into_iter().rev().collect();
        while let Some(bus) = left.pop() {
            // A bus is behind one bridge, so it comes up once.
            let Some(members) = buses.remove(&bus) else {
                continue;
            };
            let behind = members.values().rev().filter_map(|&position| {
                let bus = topology.functions[position]
                    .secondary
                    .filter(|&bus| bus != 0)?;
                Some((topology.functions[position].bdf.domain, bus))
            });
            left.extend(behind);
            order.positions.extend(members.values());
        }
        last.sort_by_key(|&position| topology.functions[position].bdf);
        order.positions.extend(last);
        order
    }

    /// The position of the bridge above a function; `None` on a root bus.
    pub(crate) fn above(&self, topology: &Topology, position: usize) -> Option<usize> {
        let function = &topology.functions[position];
        let own = self.bridges.get(&function.bdf.bus()).copied();
        // virtfn_add_bus() in drivers/pci/iov.c gives virtual functions a bus without a bridge, if
        // there is none with that number.
        own.or_else(|| {
            let bus = self.addresses.get(&function.physfn?)?;
            self.bridges
                .get(&topology.functions[*bus].bdf.bus())
                .copied()
        })
    }

    /// The position of the function at an address.
    pub(crate) fn position(&self, bdf: Bdf) -> Option<usize> {
        self.addresses.get(&bdf).copied()
    }
}
