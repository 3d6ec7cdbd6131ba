// SPDX-License-Identifier: GPL-2.0-only

//! Turns a topology into a description for the synthetic bus.
//!
//! A description consists of registers, so that the kernel itself interprets them. Registers that
//! the topology does not record get the values that [`grouping::view()`] assumes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use grouping::{
    Seen, View,
    handlers::{Grant, Handlers},
    model::{Interface, release::Release},
};
use rules::{acs::AcsFlags, pcie::PcieType};
use topology::{Bdf, Domain, Header, Topology};

use super::description::{self, Function, Patch, Questions, Traits};

/// The description of a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Described {
    /// The description in the form that the module reads.
    pub bytes: Vec<u8>,
    /// The address of each function, in the order of the description. `None` for a function that is
    /// not in the topology: the kernel removes it after the scan.
    pub addresses: Vec<Option<Bdf>>,
    /// What the module answers in addition to the groups.
    pub questions: Questions,
}

/// Why a machine cannot be described.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cannot {
    /// A virtual function: only a driver could create it.
    Virtual(Bdf),
    /// A vendor id that the kernel treats as an absent function, or as a function that is not ready
    /// yet.
    Vendor(Bdf),
    /// The domain has no bus number left for a bridge.
    Buses(Domain),
}

impl fmt::Display for Cannot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Virtual(bdf) => write!(f, "{bdf} is a virtual function; take those out"),
            Self::Vendor(bdf) => write!(f, "{bdf} has a vendor id that no function can have"),
            Self::Buses(domain) => write!(f, "domain {domain} has no bus number left for a bridge"),
        }
    }
}

impl std::error::Error for Cannot {}

/// Describes a machine. `questions` selects what the module answers in addition to the groups.
///
/// `kernel_quirks` supply a fact that configuration space does not show: the kernel sets up some
/// ports through registers in memory, and records this.
///
/// # Errors
///
/// [`Cannot`], for a machine that the synthetic bus cannot present.
pub fn describe(
    topology: &Topology,
    kernel_quirks: &Handlers,
    questions: Questions,
) -> Result<Described, Cannot> {
    let view = grouping::view(topology);
    let mut describer = Describer {
        view: &view,
        ari: ari_devices(&view),
        free: free_buses(topology),
    };
    let mut functions = Vec::new();
    let mut addresses = Vec::new();
    for seen in &view.functions {
        functions.push(describer.function(seen, kernel_quirks)?);
        addresses.push(Some(seen.function.bdf));
    }
    for stand_in in describer.stand_ins() {
        functions.push(stand_in);
        addresses.push(None);
    }
    Ok(Described {
        bytes: bytes(&functions, &[], questions),
        questions,
        addresses,
    })
}

pub(super) fn bytes(functions: &[Function], patches: &[Patch], questions: Questions) -> Vec<u8> {
    let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
    let header = description::Header {
        functions: count(functions.len()),
        patches: count(patches.len()),
        questions,
    };
    let functions = functions.iter().flat_map(|function| function.to_bytes());
    let patches = patches.iter().flat_map(|patch| patch.to_bytes());
    let header = header.to_bytes().into_iter();
    header.chain(functions).chain(patches).collect()
}

/// Domain and bus number.
type Bus = (Domain, u8);

struct Describer<'a> {
    view: &'a View<'a>,
    /// The function numbers of each ARI device, by bus. 0 is always among them.
    ari: BTreeMap<Bus, BTreeSet<u8>>,
    /// The unused bus numbers of each domain.
    free: BTreeMap<Domain, Vec<u8>>,
}

impl Describer<'_> {
    fn function(&mut self, seen: &Seen<'_>, kernel_quirks: &Handlers) -> Result<Function, Cannot> {
        let found = seen.function;
        let bdf = found.bdf;
        if found.physfn.is_some() {
            return Err(Cannot::Virtual(bdf));
        }
        // The kernel treats 0001 as a function that is not ready, and the other ids as an absent
        // function.
        let vendor = found.vendor.value();
        if matches!(vendor, 0x0000 | 0x0001 | 0xffff) {
            return Err(Cannot::Vendor(bdf));
        }
        let (layout, class) = match found.header {
            Header::Endpoint => (0, 0),
            Header::Bridge => (1, 0x0006_0400),
            Header::Cardbus => (2, 0x0006_0700),
        };
        let class = found.class.map_or(class, |class| class.0);
        let revision = found.revision.map_or(0, |revision| revision.0);
        let multifunction = found.multifunction.unwrap_or(seen.facts.multifunction);
        let mut traits = 0;
        let mut has = |which, it_has| traits |= if it_has { which } else { 0 };
        has(Traits::TAKES_PART, seen.facts.takes_part);
        has(Traits::ACS, found.acs.is_some());
        let chain = self.ari.get(&bdf.bus());
        has(Traits::ARI, chain.is_some());
        let behind = found.secondary.map(|bus| (bdf.domain, bus));
        let forwards = behind.is_some_and(|bus| self.ari.contains_key(&bus));
        has(Traits::ARI_FORWARDING, forwards);
        let asked = Release::LINUX_7_3.required;
        let verdict = kernel_quirks.of_seen(seen, asked);
        let by = verdict.by.and_then(|entry| kernel_quirks.by_entry(entry));
        let by_memory = by.is_some_and(|handler| matches!(handler.grant, Grant::IfSetUp(_)));
        has(Traits::SET_UP, verdict.assumed && by_memory);
        let ari_next = chain.and_then(|chain| chain.range(bdf.devfn..).nth(1).copied());
        let acs = registers(seen);
        let buses = match found.header {
            Header::Endpoint => [0; 3],
            _ => self.buses(seen)?,
        };
        Ok(Function {
            domain: bdf.domain.0,
            bus: bdf.bus,
            devfn: bdf.devfn,
            header_type: layout | if multifunction { 0x80 } else { 0 },
            pcie_type: pcie_type(seen),
            vendor,
            device: found.device.map_or(0, topology::Hex::value),
            class_revision: (class << 8) | revision,
            subsystem_vendor: found.subsystem.map_or(0, |ids| ids.vendor),
            subsystem: found.subsystem.map_or(0, |ids| ids.device),
            buses,
            ari_next: ari_next.unwrap_or(0),
            traits: Traits(traits),
            acs_capability: acs.capability,
            acs_control: acs.control,
            acs_dword8: acs.dword8,
            vmd: seen.facts.dma_device.unwrap_or(Function::NOT_BEHIND),
        })
    }

    /// The bus numbers of a bridge. A bridge that leads nowhere gets an unused number: otherwise
    /// the kernel would choose one.
    fn buses(&mut self, seen: &Seen<'_>) -> Result<[u8; 3], Cannot> {
        let bdf = seen.function.bdf;
        let known = seen.function.secondary.filter(|&bus| bus != 0);
        let free = self.free.get_mut(&bdf.domain);
        let chosen = || free.and_then(Vec::pop).filter(|&last| last > bdf.bus);
        let secondary = known.or_else(chosen).ok_or(Cannot::Buses(bdf.domain))?;
        let subordinate = seen.function.subordinate.unwrap_or(secondary);
        Ok([bdf.bus, secondary, subordinate.max(secondary)])
    }

    /// Stand-ins for missing functions 0. The kernel finds no function of a device that lacks
    /// function 0. So the device had one, and the description has a function that is removed after
    /// the scan.
    fn stand_ins(&self) -> Vec<Function> {
        let mut slots: BTreeMap<(Domain, u8, u8), (bool, bool)> = BTreeMap::new();
        for seen in &self.view.functions {
            let bdf = seen.function.bdf;
            let (first, is_first) = if self.ari.contains_key(&bdf.bus()) {
                (0, bdf.devfn == 0)
            } else {
                (bdf.devfn & !7, bdf.function() == 0)
            };
            let (has_first, is_express) = slots.entry((bdf.domain, bdf.bus, first)).or_default();
            *has_first |= is_first;
            *is_express |= pcie_type(seen) != Function::CONVENTIONAL;
        }
        let without = slots.into_iter().filter(|(_, (has_first, _))| !has_first);
        without
            .map(|((domain, bus, devfn), (_, is_express))| {
                let chain = self.ari.get(&(domain, bus));
                let ari = if chain.is_some() { Traits::ARI } else { 0 };
                let ari_next = chain.and_then(|chain| chain.range(1..).next());
                Function {
                    domain: domain.0,
                    bus,
                    devfn,
                    header_type: 0x80,
                    pcie_type: if is_express {
                        0
                    } else {
                        Function::CONVENTIONAL
                    },
                    // Red Hat's ids for virtual devices. No quirk of the kernel matches them.
                    vendor: 0x1b36,
                    device: 0xfff0,
                    ari_next: ari_next.copied().unwrap_or(0),
                    traits: Traits(Traits::REMOVED | ari),
                    vmd: Function::NOT_BEHIND,
                    ..Function::default()
                }
            })
            .collect()
    }
}

/// The raw Device/Port Type: as recorded, or else as the view assumes it.
fn pcie_type(seen: &Seen<'_>) -> u8 {
    let raw = |kind: PcieType| (0..16).find(|&raw| PcieType::from_raw(raw) == Some(kind));
    let was_seen = seen
        .function
        .pcie_type
        .as_ref()
        .filter(|_| seen.function.pcie_known);
    let kind = was_seen.and_then(topology::Port::kind);
    let kind = match (kind, seen.facts.interface) {
        (None, Interface::Express(kind)) | (Some(kind), _) => Some(kind),
        (None, Interface::Conventional) => return Function::CONVENTIONAL,
        (None, Interface::Reserved) => None,
    };
    // The last reserved type.
    kind.and_then(raw).unwrap_or(0xf)
}

/// The registers of an ACS capability.
struct Registers {
    capability: u16,
    control: u16,
    dword8: u32,
}

fn registers(seen: &Seen<'_>) -> Registers {
    let acs = seen.function.acs;
    // The view assumes that registers that were not recorded have everything enabled.
    let on = AcsFlags::GROUPING.bits();
    Registers {
        capability: acs.map_or(0, |acs| acs.cap.unwrap_or(on)),
        control: acs.map_or(0, |acs| acs.ctl.unwrap_or(on)),
        dword8: acs.map_or(0, |acs| acs.dword8.unwrap_or(on.into())),
    }
}

/// The devices whose functions are numbered by ARI: below a port, in more than one slot. A link has
/// only one device.
fn ari_devices(view: &View<'_>) -> BTreeMap<Bus, BTreeSet<u8>> {
    let mut below_ports: BTreeMap<Bus, BTreeSet<u8>> = BTreeMap::new();
    for seen in &view.functions {
        let above = seen
            .facts
            .above
            .map(|above| &view.functions[above as usize]);
        let below_port = above.is_some_and(|above| {
            matches!(
                above.facts.interface,
                Interface::Express(
                    PcieType::RootPort | PcieType::DownstreamPort | PcieType::PcieBridge
                )
            )
        });
        if below_port && seen.function.physfn.is_none() {
            let bdf = seen.function.bdf;
            let numbers = below_ports.entry(bdf.bus()).or_insert_with(|| [0].into());
            numbers.insert(bdf.devfn);
        }
    }
    below_ports.retain(|_, numbers| numbers.iter().any(|&number| number > 7));
    below_ports
}

/// The unused bus numbers of each domain, ascending.
fn free_buses(topology: &Topology) -> BTreeMap<Domain, Vec<u8>> {
    let mut used: BTreeMap<Domain, BTreeSet<u8>> = BTreeMap::new();
    for function in &topology.functions {
        let bdf = function.bdf;
        let used = used.entry(bdf.domain).or_default();
        used.insert(bdf.bus);
        if let Some(secondary) = function.secondary.filter(|&bus| bus != 0) {
            used.extend(secondary..=function.subordinate.unwrap_or(secondary).max(secondary));
        }
    }
    let free = |used: BTreeSet<u8>| (1..=u8::MAX).filter(|bus| !used.contains(bus)).collect();
    used.into_iter()
        .map(|(domain, used)| (domain, free(used)))
        .collect()
}
