// SPDX-License-Identifier: GPL-2.0-only

//! The groups under a series that is proposed for mainline and not merged: "Fix incorrect
//! `iommu_groups` with PCIe ACS", version 3 of 2025-09-05, by Jason Gunthorpe
//! (<https://lore.kernel.org/r/0-v3-8827cc7fc4e0+23f-pcie_switch_groups_jgg@nvidia.com>).
//!
//! The series judges buses instead of paths. All functions below the first bus that is not isolated
//! share a group. The ports of a switch share a group unless all of them are isolated. A function of
//! a multi-function device, or a root port, without an ACS capability counts as one that does not
//! loop back; one whose ACS is off joins all functions of its device.
//!
//! No kernel was compared with this code. It follows the patches 2, 3, 5, 6 and 11, with these
//! differences:
//!
//! - The bits of ACS Enhanced count as the series sets them at boot: enabled.
//! - Captures do not record memory BARs. A bridge from PCI Express to PCI counts as one without
//!   memory of its own.

use std::collections::{BTreeMap, BTreeSet};

use rules::decision::KernelVerdict;
use topology::{Partition, by_number};

use crate::{
    model::{
        self, Interface,
        aliases::{Bridge, bridge_does},
    },
    rules::pcie::PcieType,
    scan::{Seen, View},
};

/// One function, as the series sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Function {
    /// What the kernel's present grouping sees of it. `isolated` includes the answers of quirks.
    pub facts: model::Function,
    /// Whether it has an ACS capability.
    pub has_acs: bool,
    /// Whether it is a virtual function.
    pub is_virtual: bool,
    /// `PCI_DEV_FLAG_PCIE_BRIDGE_ALIAS`: a bridge without a PCI Express capability that is one from
    /// PCI Express to PCI.
    pub is_hidden_bridge: bool,
}

/// The groups that a kernel with the series makes of a machine. `verdict_of` returns the answer of
/// the kernel's quirks for a function.
#[must_use]
pub fn partition(view: &View<'_>, verdict_of: impl Fn(&Seen<'_>) -> KernelVerdict) -> Partition {
    let release = &view.release;
    let function = |seen: &Seen<'_>| {
        let vendor = seen.function.vendor.value();
        let mut devices = seen.function.devices();
        Function {
            facts: seen.with(release, verdict_of(seen)),
            has_acs: seen.acs.is_some(),
            is_virtual: seen.function.physfn.is_some(),
            is_hidden_bridge: devices
                .any(|device| bridge_does(vendor, device, Bridge::SecondaryBusId, release)),
        }
    };
    let functions: Vec<_> = view.functions.iter().map(function).collect();
    let addresses = view.functions.iter().map(|seen| seen.function.bdf);
    by_number(addresses.zip(groups(&functions)))
}

/// The number of each function's group, from 0; `None` for a function in no group. The functions
/// are in the order in which the kernel adds them. Costs O(n) in their number, and at most 256 steps
/// for each pair of functions of a bus.
#[must_use]
pub fn groups(functions: &[Function]) -> Vec<Option<u32>> {
    let mut kernel = Kernel {
        functions,
        buses: BTreeMap::new(),
        group: vec![None; functions.len()],
        non_isolated: BTreeSet::new(),
        count: 0,
    };
    for (index, function) in functions.iter().enumerate() {
        kernel
            .buses
            .entry(bus_of(function))
            .or_default()
            .push(index);
    }
    for (index, function) in functions.iter().enumerate() {
        if function.facts.takes_part {
            kernel.group[index] = kernel.device_group(index);
        }
    }
    kernel.group
}

/// How the devices on a bus are isolated: `enum pci_bus_isolation`.
enum Isolation {
    /// `PCIE_ISOLATED`.
    Isolated,
    /// `PCIE_SWITCH_DSP_NON_ISOLATED` and `PCI_BUS_NON_ISOLATED`: the devices on the bus share a
    /// group, without the bridge.
    Bus,
    /// `PCIE_NON_ISOLATED` and `PCI_BRIDGE_NON_ISOLATED`: the bridge is in that group, too.
    Bridge,
}

/// PCI domain and bus number.
const fn bus_of(function: &Function) -> (u32, u8) {
    (function.facts.domain, function.facts.bus)
}

/// An index in the list of functions.
fn index_of(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

struct Kernel<'a> {
    functions: &'a [Function],
    buses: BTreeMap<(u32, u8), Vec<usize>>,
    group: Vec<Option<u32>>,
    /// `BUS_DATA_PCI_NON_ISOLATED`: the groups that everything below them joins.
    non_isolated: BTreeSet<u32>,
    count: u32,
}

impl Kernel<'_> {
    fn new_group(&mut self) -> u32 {
        let number = self.count;
        self.count = self.count.saturating_add(1);
        number
    }

    fn new_non_isolated(&mut self) -> u32 {
        let number = self.new_group();
        self.non_isolated.insert(number);
        number
    }

    /// Marks the group as one that everything below joins.
    fn join_all(&mut self, group: u32) -> u32 {
        self.non_isolated.insert(group);
        group
    }

    /// `pci_device_group()`. `None` also where the kernel waits for another function, which has no
    /// group.
    fn device_group(&mut self, index: usize) -> Option<u32> {
        let facts = &self.functions[index].facts;
        if let Some(real) = facts.dma_device {
            return self.group.get(index_of(real)).copied().flatten();
        }
        if facts.translation_root {
            return Some(self.new_group());
        }
        let bridge = facts.above.map(index_of);
        if let Some(bridge) = bridge {
            let above = self.group.get(bridge).copied().flatten()?;
            if self.non_isolated.contains(&above) {
                return Some(above);
            }
        }
        match self.bus_isolated(index) {
            Isolation::Isolated => Some(self.function_group(index)),
            Isolation::Bridge => {
                let above = self.group.get(bridge?).copied().flatten()?;
                Some(self.join_all(above))
            }
            Isolation::Bus => {
                let mut on_bus = self.on_bus(index).iter();
                let shared = on_bus.find_map(|&other| self.group[other]);
                Some(match shared {
                    Some(group) => self.join_all(group),
                    None => self.new_non_isolated(),
                })
            }
        }
    }

    fn on_bus(&self, index: usize) -> &[usize] {
        let bus = self.buses.get(&bus_of(&self.functions[index]));
        bus.map_or(&[], Vec::as_slice)
    }

    /// `pci_bus_isolated()`, of the bus that the function, or the physical function of a virtual
    /// one, is on.
    fn bus_isolated(&self, index: usize) -> Isolation {
        let above = self.functions[index].facts.above.map(index_of);
        let Some(bridge) = above.and_then(|above| self.functions.get(above)) else {
            return Isolation::Isolated;
        };
        match bridge.facts.interface {
            Interface::Conventional if bridge.is_hidden_bridge => Isolation::Bus,
            Interface::Express(PcieType::RootPort) => {
                if bridge.has_acs && !bridge.facts.isolated {
                    Isolation::Bridge
                } else {
                    Isolation::Isolated
                }
            }
            Interface::Express(PcieType::DownstreamPort) => Isolation::Isolated,
            Interface::Express(PcieType::UpstreamPort) => self.switch_isolated(index),
            Interface::Express(PcieType::PciBridge) => Isolation::Bus,
            _ => Isolation::Bridge,
        }
    }

    /// `pcie_switch_isolated()`.
    fn switch_isolated(&self, index: usize) -> Isolation {
        for &port in self.on_bus(index) {
            let facts = &self.functions[port].facts;
            let is_port = facts.interface == Interface::Express(PcieType::DownstreamPort);
            if !is_port || !model::Search::is_empty(&facts.dma_aliases) {
                return Isolation::Bridge;
            }
            if !facts.isolated {
                return Isolation::Bus;
            }
        }
        Isolation::Isolated
    }

    /// `pci_get_function_group()`, or a new group.
    fn function_group(&mut self, index: usize) -> u32 {
        let mut reached: BTreeSet<usize> = self.reachable(index);
        reached.remove(&index);
        if reached.is_empty() {
            return self.new_group();
        }
        let mut reached: Vec<_> = reached.into_iter().collect();
        reached.sort_by_key(|&other| self.functions[other].facts.devfn);
        match reached.iter().find_map(|&other| self.group[other]) {
            Some(group) => self.join_all(group),
            None => self.new_non_isolated(),
        }
    }

    /// `pci_reachable_set()` with `pci_devs_are_same_group()`.
    fn reachable(&self, index: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([index]);
        let mut open = vec![index];
        while let Some(one) = open.pop() {
            for &other in self.on_bus(index) {
                if !reached.contains(&other) && self.are_same_group(one, other) {
                    reached.insert(other);
                    open.push(other);
                }
            }
        }
        reached
    }

    /// `pci_devs_are_same_group()`.
    fn are_same_group(&self, one: usize, other: usize) -> bool {
        let (a, b) = (&self.functions[one], &self.functions[other]);
        let sends_as = |from: &Function, to: usize| {
            let (from, number) = (&from.facts, self.functions[to].facts.devfn);
            from.dma_aliases.contains(number) || from.dma_device.map(index_of) == Some(to)
        };
        sends_as(a, other) || sends_as(b, one) || are_same_device(a, b)
    }
}

/// `pci_mfds_are_same_group()`.
const fn are_same_device(a: &Function, b: &Function) -> bool {
    if a.is_virtual || b.is_virtual || a.facts.slot() != b.facts.slot() {
        return false;
    }
    if a.facts.multifunction != b.facts.multifunction {
        return true;
    }
    a.facts.multifunction && ((a.has_acs && !a.facts.isolated) || (b.has_acs && !b.facts.isolated))
}
