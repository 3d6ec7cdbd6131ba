// SPDX-License-Identifier: GPL-2.0-only

//! The order in which the kernel adds the functions of a machine at boot, and the bridge above
//! each.
//!
//! The order is that of `pci_scan_child_bus_extend()` in `drivers/pci/probe.c`: all functions of a
//! bus by ascending number, then everything behind each of its bridges, depth first. Functions that
//! drivers create come last: the domains of a VMD, then virtual functions.

use std::collections::BTreeMap;

use topology::{Bdf, Domain, Topology};

use super::vmd::Vmds;

type Bus = (Domain, u8);

/// The order of a topology.
pub(super) struct Order {
    /// Positions in the topology's list of functions, in the kernel's order.
    pub(super) positions: Vec<usize>,
    /// For each bus, the position of the bridge that leads to it.
    bridges: BTreeMap<Bus, usize>,
    /// For each bus that only virtual functions use, the position of the bridge above the physical
    /// function, if there is one.
    added: BTreeMap<Bus, Option<usize>>,
    /// For each address, the position of the function.
    addresses: BTreeMap<Bdf, usize>,
}

impl Order {
    /// The order of a topology that [`topology::parse`] has checked.
    pub(super) fn of(topology: &Topology) -> Self {
        let mut buses: BTreeMap<Bus, BTreeMap<u8, usize>> = BTreeMap::new();
        let mut order = Self {
            positions: Vec::with_capacity(topology.functions.len()),
            bridges: BTreeMap::new(),
            added: BTreeMap::new(),
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
        last.sort_by_key(|&position: &usize| {
            let function = &topology.functions[position];
            (function.physfn, function.bdf)
        });
        order.add_buses(topology, &last, &buses);
        let vmds = Vmds::of(topology);
        let behind_vmd = |bus: &Bus| vmds.above(bus.0).is_some();
        let is_root = |bus: &Bus| !order.bridges.contains_key(bus);
        let mut roots: Vec<_> = buses.keys().copied().filter(is_root).collect();
        roots.sort_by_key(|bus| (behind_vmd(bus), *bus));
        // The remaining buses, the next one last.
        let mut left: Vec<_> = roots.into_iter().rev().collect();
        while let Some(bus) = left.pop() {
            // One bridge leads to a bus, so each bus occurs once.
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
        order.positions.extend(last);
        order
    }

    /// Adds the buses that the kernel creates for virtual functions if no bus has that number:
    /// `virtfn_add_bus()` in `drivers/pci/iov.c`. They have no bridge, and are below the bus of the
    /// first physical function that needs them.
    fn add_buses(
        &mut self,
        topology: &Topology,
        virtual_functions: &[usize],
        buses: &BTreeMap<Bus, BTreeMap<u8, usize>>,
    ) {
        for &position in virtual_functions {
            let function = &topology.functions[position];
            let bus = function.bdf.bus();
            if buses.contains_key(&bus) || self.bridges.contains_key(&bus) {
                continue;
            }
            let of_physical = function.physfn.map(Bdf::bus);
            let above = of_physical.and_then(|bus| self.bridges.get(&bus)).copied();
            self.added.entry(bus).or_insert(above);
        }
    }

    /// The position of the bridge above a function; `None` on a root bus.
    pub(super) fn above(&self, topology: &Topology, position: usize) -> Option<usize> {
        let bus = topology.functions[position].bdf.bus();
        let added = || self.added.get(&bus).copied().flatten();
        self.bridges.get(&bus).copied().or_else(added)
    }

    pub(super) fn position(&self, bdf: Bdf) -> Option<usize> {
        self.addresses.get(&bdf).copied()
    }
}
