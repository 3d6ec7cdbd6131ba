// SPDX-License-Identifier: GPL-2.0-only

//! Turns a topology into the model's input: the functions in the kernel's order, each with the
//! properties that the kernel gives it.

mod device;
mod order;
mod vmd;

use std::{collections::BTreeMap, fmt};

use rules::{acs::AcsFlags, decision::KernelVerdict, pcie::PcieType};
use topology::{Bdf, Domain, Function, Header, Hex, Topology};

use self::{order::Order, vmd::Vmds};
use crate::model::{
    self, DevfnSet, Interface,
    acs_enabled::{AcsRegisters, acs_enabled},
    aliases::{self, Bridge, Identity},
    release::Release,
};

pub use device::{Device, device_of};

/// A function as the kernel sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The captured function.
    pub function: &'a Function,
    /// The model's input. `isolated` is the result of `pci_acs_enabled()` without an answer of any
    /// quirk.
    pub facts: model::Function,
    /// The registers of the ACS capability, after the kernel's corrections.
    pub acs: Option<AcsRegisters>,
}

impl Seen<'_> {
    /// Whether the function is on a root bus: `pci_is_root_bus()`. False for a virtual function on
    /// a bus of its own, which makes no difference to any quirk.
    #[must_use]
    pub const fn on_root_bus(&self) -> bool {
        self.facts.above.is_none()
    }

    /// PCIe type; `None` for conventional PCI or a reserved type.
    #[must_use]
    pub const fn pcie_type(&self) -> Option<PcieType> {
        match self.facts.interface {
            Interface::Express(kind) => Some(kind),
            Interface::Conventional | Interface::Reserved => None,
        }
    }

    /// The model's input if the kernel's quirks answer `quirk` for the function.
    #[must_use]
    pub fn with(&self, release: &Release, quirk: KernelVerdict) -> model::Function {
        let model::Function {
            interface,
            multifunction,
            ..
        } = self.facts;
        let isolated = acs_enabled(release.required, quirk, interface, multifunction, self.acs);
        model::Function {
            isolated,
            ..self.facts
        }
    }
}

/// A property that the capture does not contain, with the value assumed for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Assumption {
    /// PCIe type. Assumed: endpoint or upstream port below a port, otherwise conventional PCI.
    PcieType,
    /// Whether the function has an ACS capability. Assumed: it has none.
    NoAcs,
    /// The registers of the ACS capability. Assumed: every flag that grouping asks for is enabled.
    AcsOn,
    /// The numbers under which the function may send requests. Assumed: no further ones.
    NoMoreAliases,
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PcieType => "PCIe type not seen, taken from where it is",
            Self::NoAcs => "not seen whether it has an ACS capability, taken as without",
            Self::AcsOn => "ACS registers not seen, taken as on",
            Self::NoMoreAliases => "may have DMA aliases that were not seen, taken as without",
        })
    }
}

/// A machine as the kernel sees it.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The grouping rules of the machine's kernel; those of the newest kernel if the capture does
    /// not name one.
    pub release: Release,
    /// The functions in the order in which the kernel adds them.
    pub functions: Vec<Seen<'a>>,
    /// The assumptions made, in the order of the functions.
    pub assumptions: Vec<(Bdf, Assumption)>,
}

/// A topology as the kernel sees it. The topology must come from [`topology::parse`] or
/// [`topology::Host::capture`].
#[must_use]
pub fn view(topology: &Topology) -> View<'_> {
    let order = Order::of(topology);
    let mut index = vec![None; topology.functions.len()];
    let siblings = Siblings::of(topology);
    let vmds = Vmds::of(topology);
    let grouped = topology
        .functions
        .iter()
        .any(|function| function.iommu_group.is_some());
    let kernel = topology.kernel.as_deref().and_then(topology::release_of);
    let release = kernel.map_or(Release::NEWEST, Release::of);
    let mut view = View {
        release,
        functions: Vec::with_capacity(topology.functions.len()),
        assumptions: Vec::new(),
    };
    for &position in &order.positions {
        let function = &topology.functions[position];
        let place = |at: Option<usize>| at.and_then(|at| index[at]);
        let above = place(order.above(topology, position));
        let parent = above.map(|above: u32| &view.functions[above as usize].facts);
        let mut assumed = Vec::new();
        let interface = interface(function, parent, &release, &mut assumed);
        let acs = acs(function, &release, &mut assumed);
        let aliases = dma_aliases(function, &mut assumed);
        let multifunction = siblings.multifunction(function, parent);
        let does = |what| {
            let vendor = function.vendor.value();
            function
                .devices()
                .any(|device| aliases::bridge_does(vendor, device, what, &release))
        };
        let dma_device = vmds.above(function.bdf.domain);
        let facts = model::Function {
            domain: function.bdf.domain.0,
            bus: function.bdf.bus,
            devfn: function.bdf.devfn,
            above,
            dma_device: place(dma_device.and_then(|vmd| order.position(vmd))),
            interface,
            translation_root: does(Bridge::TranslationRoot),
            keeps_requester_ids: does(Bridge::KeepsRequesterIds),
            multifunction,
            isolated: false,
            dma_aliases: aliases,
            takes_part: takes_part(function, grouped),
        };
        let seen = Seen {
            function,
            facts,
            acs,
        };
        let facts = seen.with(&release, KernelVerdict::NoOpinion);
        index[position] = u32::try_from(view.functions.len()).ok();
        view.functions.push(Seen { facts, ..seen });
        let assumed = assumed.into_iter().map(|it| (function.bdf, it));
        view.assumptions.extend(assumed);
    }
    view
}

/// The interface of a function below `parent`: `set_pcie_port_type()` in `drivers/pci/probe.c`,
/// with its correction of switch ports that claim the other type.
fn interface(
    function: &Function,
    parent: Option<&model::Function>,
    release: &Release,
    assumed: &mut Vec<Assumption>,
) -> Interface {
    let above = parent.map(|parent| parent.interface);
    let below_port = above.is_some_and(Interface::leads_to_link);
    if !function.pcie_known {
        assumed.push(Assumption::PcieType);
        return match (below_port, function.header) {
            (false, _) => Interface::Conventional,
            (true, Header::Endpoint) => Interface::Express(PcieType::Endpoint),
            (true, _) => Interface::Express(PcieType::UpstreamPort),
        };
    }
    let Some(port) = &function.pcie_type else {
        return Interface::Conventional;
    };
    let Some(kind) = port.kind() else {
        assumed.push(Assumption::PcieType);
        return Interface::Reserved;
    };
    Interface::Express(kind).behind(above, release)
}

/// The registers of the function's ACS capability, after the kernel's corrections.
fn acs(
    function: &Function,
    release: &Release,
    assumed: &mut Vec<Assumption>,
) -> Option<AcsRegisters> {
    if !function.acs_known {
        assumed.push(Assumption::NoAcs);
    }
    let found = function.acs?;
    let registers = if let (Some(capability), Some(control)) = (found.cap, found.ctl) {
        AcsRegisters {
            capability: AcsFlags::from_bits(capability),
            control: AcsFlags::from_bits(control),
        }
    } else {
        assumed.push(Assumption::AcsOn);
        AcsRegisters {
            capability: AcsFlags::GROUPING,
            control: AcsFlags::GROUPING,
        }
    };
    let device = function.device.map_or(0, Hex::value);
    Some(registers.of_device(function.vendor.value(), device, release))
}

/// The aliases that the kernel's quirks give to the function.
fn dma_aliases(function: &Function, assumed: &mut Vec<Assumption>) -> DevfnSet {
    let class = function.class.map_or(0, |class| class.0 >> 8);
    let mut found = function.devices().map(|device| {
        let identity = Identity {
            vendor: function.vendor.value(),
            device,
            subsystem: function.subsystem.map(|it| (it.vendor, it.device)),
            class: u16::try_from(class).unwrap_or(0),
        };
        aliases::dma_aliases(&identity, function.bdf.devfn)
    });
    let Some(first) = found.next() else {
        return DevfnSet::EMPTY;
    };
    let is_sure = found.all(|other| other == first);
    if !first.complete || !is_sure {
        assumed.push(Assumption::NoMoreAliases);
    }
    if is_sure {
        first.numbers
    } else {
        DevfnSet::EMPTY
    }
}

/// Whether the IOMMU driver manages the function. If the capture contains groups, the functions in
/// a group; otherwise every function except IOMMUs.
fn takes_part(function: &Function, grouped: bool) -> bool {
    const IOMMU: u32 = 0x0806;
    if grouped {
        return function.iommu_group.is_some();
    }
    function.class.is_none_or(|class| class.0 >> 8 != IOMMU)
}

/// The number of functions by device number and by bus.
struct Siblings {
    slots: BTreeMap<(Domain, u8, u8), u16>,
    buses: BTreeMap<(Domain, u8), u16>,
}

impl Siblings {
    fn of(topology: &Topology) -> Self {
        let mut siblings = Self {
            slots: BTreeMap::new(),
            buses: BTreeMap::new(),
        };
        for function in &topology.functions {
            if function.physfn.is_none() {
                let Bdf { domain, bus, .. } = function.bdf;
                *siblings
                    .slots
                    .entry((domain, bus, function.bdf.slot()))
                    .or_default() += 1;
                *siblings.buses.entry((domain, bus)).or_default() += 1;
            }
        }
        siblings
    }

    /// `pci_dev.multifunction`: the multi-function bit of the header, or not the first function of
    /// its device (`pci_scan_slot()` in `drivers/pci/probe.c`). Never set for a virtual function
    /// (`pci_iov_add_virtfn()` in `drivers/pci/iov.c`). If the bit was not seen, function 0 has it
    /// when other functions exist, because the kernel would not have scanned for them without it.
    fn multifunction(&self, function: &Function, parent: Option<&model::Function>) -> bool {
        if function.physfn.is_some() {
            return false;
        }
        let Bdf { domain, bus, devfn } = function.bdf;
        // A link has one device, so a function with a higher device number is an ARI function.
        let link = matches!(
            parent.map(|parent| parent.interface),
            Some(Interface::Express(
                PcieType::RootPort | PcieType::DownstreamPort
            ))
        );
        let (number, of_device) = if link {
            (devfn, self.buses.get(&(domain, bus)))
        } else {
            let slot = function.bdf.slot();
            (
                function.bdf.function(),
                self.slots.get(&(domain, bus, slot)),
            )
        };
        let inferred = of_device.is_some_and(|&count| count > 1);
        number > 0 || function.multifunction.unwrap_or(inferred)
    }
}
