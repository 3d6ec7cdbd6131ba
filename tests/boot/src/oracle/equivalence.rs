// SPDX-License-Identifier: GPL-2.0-only

//! Functions that test the kernel's quirks: for every entry that mainline has, its ids and their
//! neighbours, with every type, in both places, alone and with a sibling, in every state of ACS.
//!
//! `topologies()` arranges the functions as machines. Three answers about each function must be the
//! same: the kernel's, the quirk database's, and the module's decision with the entry in its table.

use std::collections::BTreeSet;

use quirk_data::entry::{Entry, Requirement};
use rules::{acs::AcsFlags, pcie::PcieType};
use topology::{Acs, Bdf, Domain, Function, Header, Hex, Port, Topology};

/// A function to ask about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Case {
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// The raw Device/Port Type, 0 to 15. `None` for conventional PCI.
    pub pcie_type: Option<u8>,
    /// Whether the function has a sibling with the same properties.
    pub multifunction: bool,
    /// Whether the function is on a root bus.
    pub root_bus: bool,
    /// State of the ACS capability.
    pub acs: AcsState,
}

/// The states of an ACS capability that a handler may distinguish.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AcsState {
    /// No capability.
    None,
    /// All flags that grouping asks for are present and enabled, in either layout.
    On,
    /// The flags are present and disabled.
    Off,
    /// All flags are present. Request and Completion Redirect are enabled.
    RedirectOn,
    /// Only Source Validation is present and enabled.
    ValidationOnly,
}

impl AcsState {
    const ALL: [Self; 5] = [
        Self::None,
        Self::On,
        Self::Off,
        Self::RedirectOn,
        Self::ValidationOnly,
    ];

    fn registers(self) -> Option<Acs> {
        let every = 0x7f;
        let grouping = AcsFlags::GROUPING.bits();
        let redirect = AcsFlags::RR.union(AcsFlags::CR).bits();
        let validation = AcsFlags::SV.bits();
        let (cap, ctl) = match self {
            Self::None => return None,
            Self::On => (grouping, grouping),
            Self::Off => (grouping, 0),
            Self::RedirectOn => (every, redirect),
            Self::ValidationOnly => (validation, validation),
        };
        Some(Acs {
            cap: Some(cap),
            ctl: Some(ctl),
            dword8: Some(ctl.into()),
        })
    }
}

/// All types, conventional PCI, and a reserved type.
const TYPES: [Option<u8>; 11] = [
    None,
    Some(0x0),
    Some(0x1),
    Some(0x4),
    Some(0x5),
    Some(0x6),
    Some(0x7),
    Some(0x8),
    Some(0x9),
    Some(0xa),
    Some(0xf),
];

/// The functions to ask about for an entry. A property that the handler reads takes every value,
/// any other property takes two values. The first id of each range and the ids next to the range
/// take all these values. All other ids of the range take only the values that the entry covers.
#[must_use]
pub fn cases(quirk: &Entry) -> Vec<Case> {
    let mut full = BTreeSet::new();
    let mut brief = BTreeSet::new();
    for ids in quirk.ids() {
        if ids.is_any() {
            full.extend([0x0000, 0x1234, 0xfffe].map(|device| (ids.vendor, device)));
            continue;
        }
        full.insert((ids.vendor, ids.first));
        brief.extend((ids.first..=ids.last).map(|device| (ids.vendor, device)));
        let beside = [ids.first.checked_sub(1), ids.last.checked_add(1)];
        brief.extend(
            beside
                .into_iter()
                .flatten()
                .map(|device| (ids.vendor, device)),
        );
    }
    let states: &[AcsState] = if quirk.acs_registers.is_some() {
        &AcsState::ALL
    } else {
        &[AcsState::None, AcsState::On, AcsState::Off]
    };
    let by_place = [Requirement::Multifunction, Requirement::RootBus];
    let places: &[(bool, bool)] = if quirk
        .requires
        .iter()
        .any(|requirement| by_place.contains(requirement))
    {
        &[(false, false), (false, true), (true, false), (true, true)]
    } else {
        &[(false, false), (true, true)]
    };
    let is_of_kind = |raw: &u8| {
        let found = PcieType::from_raw(*raw);
        found.is_some_and(|found| quirk.kinds().any(|kind| kind.applies_to(found)))
    };
    let mut cases = BTreeSet::new();
    for (vendor, device) in full {
        for pcie_type in TYPES {
            for &acs in states {
                for &(multifunction, root_bus) in places {
                    cases.insert(Case {
                        vendor,
                        device,
                        pcie_type,
                        multifunction,
                        root_bus,
                        acs,
                    });
                }
            }
        }
    }
    for (vendor, device) in brief {
        for raw in (0..=0xf).filter(is_of_kind) {
            for acs in [AcsState::None, AcsState::On] {
                cases.insert(Case {
                    vendor,
                    device,
                    pcie_type: Some(raw),
                    multifunction: true,
                    root_bus: true,
                    acs,
                });
            }
        }
    }
    cases.into_iter().collect()
}

/// Slots of a bus.
const SLOTS: u8 = 32;
/// Slot of the bridge on the root bus.
const BRIDGE: u8 = 31;
/// Number of the bus behind the bridge.
const BEHIND: u8 = 1;

/// Arranges the functions as machines. Returns each machine with the addresses of its functions.
#[must_use]
pub fn topologies(cases: &[Case]) -> Vec<(Topology, Vec<(Bdf, Case)>)> {
    let (root, other): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.root_bus);
    let mut root = root.chunks(usize::from(BRIDGE));
    let mut other = other.chunks(usize::from(SLOTS));
    let mut machines = Vec::new();
    loop {
        let (root, other) = (root.next(), other.next());
        if root.is_none() && other.is_none() {
            return machines;
        }
        machines.push(machine(root.unwrap_or_default(), other.unwrap_or_default()));
    }
}

/// A machine with only the function and its sibling, and the address of the function. A port counts
/// for all others of its bus, so it must be alone.
#[must_use]
pub fn alone(case: &Case) -> (Topology, Bdf) {
    let cases = [*case];
    let (mut topology, addresses) = if case.root_bus {
        machine(&cases, &[])
    } else {
        machine(&[], &cases)
    };
    if case.root_bus {
        topology
            .functions
            .retain(|function| function.bdf != bridge().bdf);
    }
    (topology, addresses[0].0)
}

/// A machine with the functions of `root` on its root bus, and those of `other` behind a bridge.
fn machine(root: &[Case], other: &[Case]) -> (Topology, Vec<(Bdf, Case)>) {
    let mut topology = Topology::default();
    let mut addresses = Vec::new();
    let mut next_bus = BEHIND + 1;
    for (bus, cases) in [(0, root), (BEHIND, other)] {
        for (slot, case) in (0..).zip(cases) {
            for number in 0..=u8::from(case.multifunction) {
                let bdf = Bdf {
                    domain: Domain(0),
                    bus,
                    devfn: (slot << 3) | number,
                };
                let function = case.function(bdf, &mut next_bus);
                topology.functions.push(function);
                addresses.push((bdf, *case));
            }
        }
        if bus == 0 {
            topology.functions.push(bridge());
        }
    }
    let last = next_bus - 1;
    let functions = &mut topology.functions;
    if let Some(bridge) = functions
        .iter_mut()
        .find(|function| function.bdf == bridge().bdf)
    {
        bridge.subordinate = Some(last);
    }
    (topology, addresses)
}

/// An upstream port: any function can be behind it, and all its configuration space is reachable.
/// Behind a conventional bridge, configuration space ends at 100h.
fn bridge() -> Function {
    let bdf = Bdf {
        domain: Domain(0),
        bus: 0,
        devfn: BRIDGE << 3,
    };
    Function {
        header: Header::Bridge,
        pcie_type: Some(Port::Known(PcieType::UpstreamPort)),
        class: Some(Hex(0x06_0400)),
        primary: Some(0),
        secondary: Some(BEHIND),
        multifunction: Some(false),
        ..Function::new(bdf, 0x104c, 0x8232)
    }
}

impl Case {
    fn function(&self, bdf: Bdf, next_bus: &mut u8) -> Function {
        let mut function = Function::new(bdf, self.vendor, self.device);
        function.multifunction = Some(self.multifunction);
        function.pcie_type = self.pcie_type.map(Port::from_raw);
        function.acs = self.acs.registers().filter(|_| self.pcie_type.is_some());
        function.revision = Some(Hex(0));
        function.class = Some(Hex(0x02_0000));
        // Root, upstream and downstream ports, and bridges to PCI and back.
        if matches!(self.pcie_type, Some(0x4..=0x8)) {
            function.header = Header::Bridge;
            function.class = Some(Hex(0x06_0400));
            function.primary = Some(bdf.bus);
            function.secondary = Some(*next_bus);
            function.subordinate = Some(*next_bus);
            *next_bus += 1;
        }
        function
    }
}
