// SPDX-License-Identifier: GPL-2.0-only

//! Checks whether the kernel would find exactly this topology when it scans the corresponding
//! configuration space: `drivers/pci/probe.c` of Linux 7.3.
//!
//! A missing function 0 counts as removed after the scan. During the scan it had the multi-function
//! bit.

use std::collections::BTreeMap;

use grouping::{
    Seen,
    model::{
        Interface,
        aliases::{ALIAS_QUIRKS, Numbers},
    },
    view,
};
use rules::{aliases::has, pcie::PcieType};
use topology::{Bdf, Domain, Function, Header, Port, Topology};

use crate::{CARDBUS_BUSES, DEEPEST, express, ids};

/// Checks that the kernel would find the topology as it is.
///
/// # Errors
///
/// The first reason why it would not.
pub fn check(topology: &Topology) -> Result<(), String> {
    for function in &topology.functions {
        alone(function).map_err(|problem| at(function, problem))?;
    }
    vmd(topology)?;
    let view = view(topology);
    let mut buses: BTreeMap<(Domain, u8), Vec<&Seen<'_>>> = BTreeMap::new();
    let mut bridges: BTreeMap<(Domain, u8), &Seen<'_>> = BTreeMap::new();
    for seen in &view.functions {
        let function = seen.function;
        buses.entry(function.bdf.bus()).or_default().push(seen);
        if let Some(secondary) = function.secondary {
            bridges.insert((function.bdf.domain, secondary), seen);
        }
    }
    let tree = BusTree { buses, bridges };
    for (&bus, members) in &tree.buses {
        tree.devices(bus, members)?;
        tree.numbers(bus, members)?;
    }
    tree.roots()
}

fn at(function: &Function, problem: &str) -> String {
    format!("{}: {problem}", function.bdf)
}

/// Checks a function by itself.
fn alone(function: &Function) -> Result<(), &'static str> {
    let (Some(device), Some(class)) = (function.device, function.class) else {
        return Err("its device id or its class is not known");
    };
    let (vendor, device) = (function.vendor.value(), device.value());
    let known = function.pcie_known && function.acs_known && function.multifunction.is_some();
    if !known || function.revision.is_none() || function.physfn.is_some() {
        return Err("something is not known of it, or it is a virtual function");
    }
    if function.subsystem.is_some() != (function.header == Header::Endpoint) {
        return Err("endpoints have a subsystem, and no others");
    }
    // `pci_setup_device()` ignores a function with this class and header.
    let sub_class = class.0 >> 8;
    if (function.header == Header::Endpoint && sub_class == 0x0604)
        || (function.header == Header::Cardbus && sub_class != 0x0607)
    {
        return Err("its class does not go with its header");
    }
    let port = function.pcie_type.as_ref();
    if port.is_some_and(|port| port.raw().is_none()) {
        return Err("the value of its PCIe type is not known");
    }
    match (port.and_then(Port::kind), function.header) {
        (
            Some(
                PcieType::RootPort
                | PcieType::UpstreamPort
                | PcieType::DownstreamPort
                | PcieType::PciBridge
                | PcieType::PcieBridge,
            ),
            Header::Bridge,
        )
        | (
            Some(
                PcieType::Endpoint
                | PcieType::LegacyEndpoint
                | PcieType::RcEndpoint
                | PcieType::RcEventCollector,
            ),
            Header::Endpoint,
        )
        | (None, _) => {}
        _ => return Err("its type does not go with its header"),
    }
    let numbers = [function.primary, function.secondary, function.subordinate];
    let sound = match (function.header, numbers) {
        (Header::Bridge, [Some(primary), Some(secondary), Some(subordinate)]) => {
            let bus = function.bdf.bus;
            primary == bus && bus < secondary && secondary <= subordinate
        }
        (Header::Bridge, _) => false,
        (_, numbers) => numbers.iter().all(Option::is_none),
    };
    if !sound {
        return Err("its bus numbers are not what firmware gives");
    }
    if let Some(acs) = function.acs {
        if acs.cap.is_none() || acs.dword8.is_some() != ids::has_dword(vendor, device) {
            return Err("not all of its ACS registers is known, or what does not matter");
        }
    }
    let programmed = ALIAS_QUIRKS
        .iter()
        .any(|quirk| quirk.numbers == Numbers::Programmed && has(quirk.devices, vendor, device));
    if programmed || !ids::answer_is_known(vendor, device) {
        return Err("what the kernel's quirks make of it is not known");
    }
    Ok(())
}

/// Checks the domains behind a VMD.
fn vmd(topology: &Topology) -> Result<(), String> {
    let behind = |domain: &Domain| topology.vmd.contains_key(domain);
    for function in &topology.functions {
        let domain = function.bdf.domain;
        if behind(&domain) != (domain.0 > 0xffff) {
            return Err(at(function, "only what is behind a VMD has a high domain"));
        }
    }
    for (domain, vmd) in &topology.vmd {
        let found = topology
            .functions
            .iter()
            .find(|function| function.bdf == *vmd);
        if !found.is_some_and(|vmd| vmd.header == Header::Endpoint && !behind(&vmd.bdf.domain)) {
            return Err(format!("domain {domain} is behind {vmd}, which is no VMD"));
        }
    }
    Ok(())
}

/// The functions on each bus, and the bridge above it.
struct BusTree<'a> {
    buses: BTreeMap<(Domain, u8), Vec<&'a Seen<'a>>>,
    bridges: BTreeMap<(Domain, u8), &'a Seen<'a>>,
}

impl BusTree<'_> {
    /// The number of bridges above a bus.
    fn depth(&self, bus: (Domain, u8)) -> usize {
        let above = self.bridges.get(&bus);
        above.map_or(0, |above| 1 + self.depth(above.function.bdf.bus()))
    }

    /// Whether the functions on a bus have extended configuration space.
    fn is_extended(&self, bus: (Domain, u8)) -> bool {
        self.bridges.get(&bus).is_none_or(|above| {
            express::passes_extended(above.facts.interface)
                && self.is_extended(above.function.bdf.bus())
        })
    }

    /// Checks all slots of a bus: `pci_scan_slot()`.
    fn devices(&self, bus: (Domain, u8), members: &[&Seen<'_>]) -> Result<(), String> {
        let above = self.bridges.get(&bus).map(|above| above.facts.interface);
        let is_link = above.is_some_and(Interface::leads_to_link);
        let is_ari = is_link && members.iter().any(|seen| seen.function.bdf.slot() > 0);
        let extended = self.is_extended(bus);
        if self.depth(bus) > DEEPEST {
            let (domain, number) = bus;
            return Err(format!(
                "bus {domain}:{number:02x}: too many bridges are above each other"
            ));
        }
        for seen in members {
            let function = seen.function;
            let bdf = function.bdf;
            let express = function.pcie_type.is_some();
            if function.acs.is_some() && !(extended && express) {
                return Err(at(function, "its ACS cannot be reached"));
            }
            if is_ari && !(extended && express && function.header == Header::Endpoint) {
                return Err(at(function, "it cannot be one of many by ARI"));
            }
            let has = |number: u8| {
                members
                    .iter()
                    .any(|other| other.function.bdf.devfn == number)
            };
            if is_ari && !has(0) {
                return Err(at(function, "by ARI, and there is no function 0"));
            }
            let mut others = (1..8).map(|number| bdf.devfn + number);
            let first = !is_ari && bdf.function() == 0;
            if first && function.multifunction == Some(false) && others.any(has) {
                return Err(at(function, "its header says that there are no others"));
            }
            // `alloc_pcie_link_state()` in `drivers/pci/pcie/aspm.c` follows the bridge above the
            // bus.
            let downstream = seen.pcie_type() == Some(PcieType::DownstreamPort);
            let leads = (bdf.domain, function.secondary.unwrap_or(0));
            if downstream && seen.on_root_bus() && self.buses.contains_key(&leads) {
                return Err(at(
                    function,
                    "it has no upstream port, and something behind it",
                ));
            }
        }
        Ok(())
    }

    /// The last bus number that the kernel needs for a bus and everything behind it.
    fn last(&self, bus: (Domain, u8)) -> u16 {
        let members = self.buses.get(&bus).into_iter().flatten();
        let (mut last, mut cardbus) = (u16::from(bus.1), 0);
        for seen in members {
            last = last.max(seen.function.subordinate.unwrap_or(0).into());
            cardbus += u16::from(seen.function.header == Header::Cardbus);
        }
        last + cardbus * CARDBUS_BUSES
    }

    /// Checks all bridges of a bus: their bus numbers ascend. `pci_scan_bridge_extend()`.
    fn numbers(&self, bus: (Domain, u8), members: &[&Seen<'_>]) -> Result<(), String> {
        let mut before = bus.1;
        for seen in members {
            let function = seen.function;
            let (Some(secondary), Some(subordinate)) = (function.secondary, function.subordinate)
            else {
                continue;
            };
            if secondary <= before {
                return Err(at(function, "its buses do not come after those before it"));
            }
            if self.last((bus.0, secondary)) > subordinate.into() {
                return Err(at(function, "not all buses behind it are within its own"));
            }
            before = subordinate;
        }
        Ok(())
    }

    /// Checks the root buses, which have no bridge above. The bus numbers of each end before the
    /// next one.
    fn roots(&self) -> Result<(), String> {
        let mut before: Option<(Domain, u16)> = None;
        for (&bus, members) in &self.buses {
            if self.bridges.contains_key(&bus) {
                continue;
            }
            let is_free =
                before.is_none_or(|(domain, last)| domain != bus.0 || last < bus.1.into());
            let last = self.last(bus);
            if !is_free || last > 0xff {
                let bdf: Option<Bdf> = members.first().map(|seen| seen.function.bdf);
                return Err(format!(
                    "{bdf:?}: no bridge leads to it, or there is no room"
                ));
            }
            before = Some((bus.0, last));
        }
        Ok(())
    }
}
