// SPDX-License-Identifier: GPL-2.0-only

//! Assigns addresses to the functions of a plan as firmware does: bus numbers follow the order in
//! which the kernel scans. A function without room is left out.

use std::collections::BTreeMap;

use grouping::model::{Interface, release::Release};
use rules::pcie::PcieType;
use topology::{Acs, Bdf, Domain, Function, Header, Hex, Port, Subsystem, Topology};

use crate::{
    CARDBUS_BUSES, express, ids,
    plan::{Form, Part, Plan, Start},
};

/// The first domain number behind a VMD.
const FIRST_VMD_DOMAIN: u32 = 0x10000;

/// Lays out a plan as a topology.
pub(crate) fn lay_out(plan: &Plan) -> Topology {
    let mut layout = Layout::default();
    for part in &plan.parts {
        layout.add(part);
    }
    layout.close_to(0);
    let mut topology = Topology {
        iommu: plan.iommu.map(str::to_owned),
        vmd: layout.vmd,
        functions: layout.functions,
        ..Topology::default()
    };
    topology.functions.sort_by_key(|function| function.bdf);
    topology
}

#[derive(Default)]
struct Layout {
    functions: Vec<Function>,
    vmd: BTreeMap<Domain, Bdf>,
    /// Functions that can have domains behind them.
    vmds: Vec<Bdf>,
    /// Number of domains, and of domains behind a VMD.
    domains: u32,
    vmd_domains: u32,
    /// The bus of the next function, and the buses above it.
    open: Vec<Bus>,
    /// The next bus number of the domain, and how many numbers the open buses still need.
    next_bus: u16,
    reserved: u16,
}

struct Bus {
    domain: Domain,
    number: u8,
    /// The bridge above the bus.
    above: Option<Above>,
    /// Whether all bridges above pass on extended configuration space.
    extended: bool,
    /// Indices of the functions on the bus. Their addresses are distinct and ascending.
    members: Vec<usize>,
    /// Bus numbers that the kernel assigns to CardBus bridges.
    reserved: u16,
}

struct Above {
    function: usize,
    interface: Interface,
}

impl Bus {
    fn above(&self) -> Option<Interface> {
        self.above.as_ref().map(|above| above.interface)
    }

    fn is_link(&self) -> bool {
        self.above().is_some_and(Interface::leads_to_link)
    }
}

impl Layout {
    fn add(&mut self, part: &Part) {
        self.begin(part.start);
        self.close_to(usize::from(part.depth) + 1);
        let Some(bus) = self.open.last() else { return };
        let form = part.form;
        let Some(devfn) = self.number(bus, part) else {
            return;
        };
        let needs = match form.header {
            Header::Endpoint => 0,
            Header::Bridge => 1,
            Header::Cardbus => CARDBUS_BUSES,
        };
        if self.next_bus + self.reserved + needs > 0x100 {
            return;
        }
        let bdf = Bdf {
            domain: bus.domain,
            bus: bus.number,
            devfn,
        };
        let function = function(part, bdf, bus.extended);
        let claims = Interface::from_raw(form.raw);
        let interface = claims.behind(bus.above(), &Release::LINUX_7_3);
        let is_vmd = ids::VMD.contains(&(part.ids.vendor, part.ids.device));
        if is_vmd && form.header == Header::Endpoint && bdf.domain.0 < FIRST_VMD_DOMAIN {
            self.vmds.push(bdf);
        }
        let index = self.functions.len();
        self.functions.push(function);
        if let Some(bus) = self.open.last_mut() {
            bus.members.push(index);
            if form.header == Header::Cardbus {
                bus.reserved += needs;
                self.reserved += needs;
            }
        }
        if form.is_bridge() {
            self.bridge(index, interface);
        }
    }

    /// Assigns the next bus number to a bridge, and continues on that bus.
    fn bridge(&mut self, index: usize, interface: Interface) {
        let Some(bus) = self.open.last() else { return };
        let number = u8::try_from(self.next_bus).unwrap_or(u8::MAX);
        let function = &mut self.functions[index];
        function.primary = Some(bus.number);
        function.secondary = Some(number);
        function.subordinate = Some(number);
        self.next_bus += 1;
        let downstream = Interface::Express(PcieType::DownstreamPort);
        if bus.above.is_none() && interface == downstream {
            // A downstream port on a root bus stays empty. Otherwise the kernel would follow a null
            // pointer above the root bus (`alloc_pcie_link_state()` in `drivers/pci/pcie/aspm.c`).
            return;
        }
        let extended = bus.extended && express::passes_extended(interface);
        let domain = bus.domain;
        self.open.push(Bus {
            domain,
            number,
            above: Some(Above {
                function: index,
                interface,
            }),
            extended,
            members: Vec::new(),
            reserved: 0,
        });
    }

    fn begin(&mut self, start: Start) {
        let vmd = match start {
            Start::Vmd(which) if !self.vmds.is_empty() => {
                let index = usize::from(which) % self.vmds.len();
                self.vmds.iter().rev().nth(index).copied()
            }
            _ => None,
        };
        let domain = match (start, self.open.first()) {
            (Start::Here, Some(_)) => return,
            (Start::RootBus, Some(root)) => root.domain,
            _ if vmd.is_some() => {
                self.vmd_domains += 1;
                Domain(FIRST_VMD_DOMAIN + self.vmd_domains - 1)
            }
            _ => {
                self.domains += 1;
                Domain(self.domains - 1)
            }
        };
        self.close_to(0);
        if start != Start::RootBus || self.functions.is_empty() {
            self.next_bus = 0;
        }
        // Without a free bus number, the domain gets no further root bus.
        if self.next_bus > 0xff {
            self.domains += 1;
            self.root_bus(Domain(self.domains - 1), 0);
            return;
        }
        if let Some(vmd) = vmd {
            self.vmd.insert(domain, vmd);
        }
        self.root_bus(domain, self.next_bus);
    }

    fn root_bus(&mut self, domain: Domain, number: u16) {
        self.next_bus = number + 1;
        self.open.push(Bus {
            domain,
            number: u8::try_from(number).unwrap_or(u8::MAX),
            above: None,
            extended: true,
            members: Vec::new(),
            reserved: 0,
        });
    }

    /// The number of a function on the bus, if there is room.
    fn number(&self, bus: &Bus, part: &Part) -> Option<u8> {
        let last = bus.members.last();
        let last = last.map(|&index| u16::from(self.functions[index].bdf.devfn));
        let is_link = bus.is_link();
        let wanted = u16::from(part.devfn);
        let number = match last {
            Some(last) if wanted <= last && is_link => last + 1,
            Some(last) if wanted <= last => (last / 8 + 1) * 8,
            _ => wanted,
        };
        let has_room = !is_link || number < 8 || self.can_be_ari(bus, part.form);
        u8::try_from(number).ok().filter(|_| has_room)
    }

    /// Whether the device of a link can have more than eight functions, including one of this form.
    /// All functions, with function 0 among them, need extended configuration space for the ARI
    /// capability.
    fn can_be_ari(&self, bus: &Bus, form: Form) -> bool {
        let members = || bus.members.iter().map(|&index| &self.functions[index]);
        let fits = |header, express: bool| header == Header::Endpoint && express;
        let have = members().all(|member| fits(member.header, member.pcie_type.is_some()));
        let first = members().next().is_some_and(|first| first.bdf.devfn == 0);
        bus.extended && first && have && fits(form.header, form.raw.is_some())
    }

    /// Closes buses until `open` are left.
    fn close_to(&mut self, open: usize) {
        while self.open.len() > open {
            let Some(bus) = self.open.pop() else { return };
            self.reserved -= bus.reserved;
            self.next_bus += bus.reserved;
            if let Some(above) = &bus.above {
                let last = u8::try_from(self.next_bus - 1).unwrap_or(u8::MAX);
                self.functions[above.function].subordinate = Some(last);
            }
            self.close(&bus);
        }
    }

    /// Sets the multi-function bit where the kernel needs it to continue after function 0. With
    /// ARI, the kernel continues in any case.
    fn close(&mut self, bus: &Bus) {
        let devfn = |index: usize| self.functions[index].bdf.devfn;
        if bus.is_link() && bus.members.iter().any(|&index| devfn(index) >= 8) {
            return;
        }
        let with_others: Vec<_> = bus
            .members
            .windows(2)
            .filter(|pair| {
                self.functions[pair[0]].bdf.function() == 0 && devfn(pair[0]) | 7 >= devfn(pair[1])
            })
            .map(|pair| pair[0])
            .collect();
        for index in with_others {
            self.functions[index].multifunction = Some(true);
        }
    }
}

/// The function at an address. Without extended configuration space, it has no ACS.
fn function(part: &Part, bdf: Bdf, extended: bool) -> Function {
    let Part { form, ids, .. } = part;
    let class = match (form.header, form.raw) {
        _ if part.left_out && form.header != Header::Cardbus => 0x08_0600,
        (Header::Bridge, _) => 0x06_0400,
        (Header::Cardbus, _) => 0x06_0700,
        (Header::Endpoint, Some(0xa)) => 0x08_0700,
        (Header::Endpoint, _) => ids.class,
    };
    let (vendor, device) = ids.subsystem;
    let acs = part.acs.filter(|_| extended && form.raw.is_some());
    Function {
        class: Some(Hex(class)),
        revision: Some(Hex(ids.revision.into())),
        subsystem: (form.header == Header::Endpoint).then_some(Subsystem { vendor, device }),
        header: form.header,
        multifunction: Some(part.multifunction),
        pcie_type: form.raw.map(Port::from_raw),
        acs: acs.map(|(cap, ctl)| Acs {
            cap: Some(cap),
            ctl: Some(ctl),
            dword8: ids.dword8,
        }),
        ..Function::new(bdf, ids.vendor, ids.device)
    }
}
