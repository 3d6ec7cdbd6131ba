// SPDX-License-Identifier: GPL-2.0-only

//! Turns a topology into the model's input: the functions in the kernel's order, each with the
//! properties that the kernel gives it.

mod assumption;
mod device;
mod order;
mod properties;
mod siblings;
mod vmd;

use std::collections::{BTreeMap, BTreeSet};

use rules::{acs::AcsFlags, decision::KernelVerdict, pcie::PcieType};
use topology::{Bdf, Domain, Function, Header, Topology};

use self::{
    order::Order,
    properties::{acs, acs_dword8, dma_aliases, interface, takes_part},
    siblings::Missing,
    vmd::Vmds,
};
use crate::model::{
    self, Interface, Search as _,
    acs_enabled::{AcsRegisters, acs_enabled},
    aliases::{self, Bridge},
    release::Release,
};

pub(crate) use siblings::{Siblings, is_link};

pub use assumption::Assumption;
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
    /// The dword at offset 8 of the ACS capability, if it is known: where some Intel ports have their
    /// ACS controls.
    pub acs_dword8: Option<u32>,
    /// Whether the machine has an AMD IOMMU (an IVRS table in ACPI).
    pub amd_iommu: bool,
    /// Whether the input shows `pci_dev.multifunction`, or other functions and groups do.
    pub shows_multifunction: bool,
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
    /// The domains behind a VMD that the topology does not show, with the functions that may be it.
    pub unsure_vmds: BTreeMap<Domain, Vec<Bdf>>,
}

/// A topology as the kernel sees it. The topology must come from [`topology::parse`] or
/// [`topology::Host::capture`].
#[must_use]
pub fn view(topology: &Topology) -> View<'_> {
    view_of(topology, false)
}

/// As [`view`]. If the topology has no groups, the view is that of a kernel with an IOMMU: it
/// enables at boot what each ACS capability implements, and an AMD machine has an AMD IOMMU.
#[must_use]
pub fn view_with_iommu(topology: &Topology) -> View<'_> {
    let mut functions = topology.functions.iter();
    view_of(
        topology,
        functions.all(|function| function.iommu_group.is_none()),
    )
}

/// Whether the host bridge of the machine is AMD's.
fn is_amd(topology: &Topology) -> bool {
    let mut functions = topology.functions.iter();
    functions.any(|function| {
        let class = function.class.map(|class| class.0 >> 8);
        class == Some(0x0600) && matches!(function.vendor.value(), 0x1022 | 0x1002)
    })
}

fn view_of(topology: &Topology, starts_iommu: bool) -> View<'_> {
    let has_amd_iommu = topology.iommu.as_deref() == Some("AMD-Vi");
    let starts_amd_iommu = starts_iommu && topology.iommu.is_none() && is_amd(topology);
    let order = Order::of(topology);
    let mut index = vec![None; topology.functions.len()];
    let siblings = Siblings::of(&topology.functions);
    let vmds = Vmds::of(topology);
    let grouped = topology
        .functions
        .iter()
        .any(|function| function.iommu_group.is_some());
    let kernel = topology.kernel.as_deref().and_then(topology::release_of);
    let release = kernel.map_or(Release::NEWEST, Release::of);
    let root_buses = root_buses(topology);
    let separates = separating(topology);
    let missing = Missing::of(topology);
    let mut view = View {
        release,
        functions: Vec::with_capacity(topology.functions.len()),
        assumptions: Vec::new(),
        unsure_vmds: vmds.unsure.clone(),
    };
    for &position in &order.positions {
        let function = &topology.functions[position];
        let place = |at: Option<usize>| at.and_then(|at| index[at]);
        let above = place(order.above(topology, position));
        let parent = above.map(|above: u32| &view.functions[above as usize].facts);
        let mut assumed = Vec::new();
        let interface = interface(function, parent, &release, &mut assumed);
        let mut acs = acs(function, &release, &mut assumed);
        if let Some(registers) = acs.as_mut().filter(|_| starts_iommu) {
            let on = registers.control.bits()
                | registers.capability.intersection(AcsFlags::GROUPING).bits();
            if on != registers.control.bits() {
                registers.control = AcsFlags::from_bits(on);
                assumed.push(Assumption::AcsAtBoot);
            }
        }
        let acs_dword8 = acs_dword8(function, starts_iommu);
        let bus = function.physfn.unwrap_or(function.bdf).bus();
        // No bridge leads to bus 0.
        if above.is_none() && bus.1 != 0 && !root_buses.contains(&bus) {
            assumed.push(Assumption::NoBridge);
        }
        if function.header == Header::Bridge && function.secondary.is_none() && function.pcie_known
        {
            assumed.push(Assumption::NoBuses);
        }
        assumed.extend(vmds.assumption(function.bdf));
        if topology.incomplete == Some(function.bdf) {
            assumed.push(Assumption::Rest);
        }
        let aliases = dma_aliases(function, &mut assumed);
        let multifunction = siblings.multifunction(function, is_link(parent));
        let shows_multifunction = multifunction.is_some() || separates.contains(&function.bdf);
        if !shows_multifunction && depends_on_bit(function, interface, acs, &release) {
            assumed.push(Assumption::OneFunction);
        }
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
            multifunction: multifunction.unwrap_or(false),
            isolated: false,
            dma_aliases: aliases,
            takes_part: takes_part(function, grouped),
        };
        let seen = Seen {
            function,
            facts,
            acs,
            acs_dword8,
            amd_iommu: has_amd_iommu || starts_amd_iommu,
            shows_multifunction,
        };
        let facts = seen.with(&release, KernelVerdict::NoOpinion);
        // Whether other functions of its device make no difference to it.
        let verdict = KernelVerdict::NoOpinion;
        let shows_isolation = acs_enabled(release.required, verdict, interface, true, acs)
            && facts.dma_aliases.is_empty()
            && assumed.iter().all(|one| *one == Assumption::AcsAtBoot);
        if !shows_isolation {
            assumed.extend(missing.of_device(&order, function, is_link(parent), multifunction));
        }
        index[position] = u32::try_from(view.functions.len()).ok();
        view.functions.push(Seen { facts, ..seen });
        let assumed = assumed.into_iter().map(|it| (function.bdf, it));
        view.assumptions.extend(assumed);
    }
    view
}

/// The buses with a function that exists only on root buses, by its PCIe type or as a host bridge.
fn root_buses(topology: &Topology) -> BTreeSet<(Domain, u8)> {
    let is_root = |function: &&Function| {
        let kind = function.pcie_type.as_ref().and_then(topology::Port::kind);
        let is_host_bridge = function.class.is_some_and(|class| class.0 >> 8 == 0x0600);
        is_host_bridge
            || matches!(
                kind,
                Some(PcieType::RootPort | PcieType::RcEndpoint | PcieType::RcEventCollector)
            )
    };
    let functions = topology.functions.iter().filter(is_root);
    functions.map(|function| function.bdf.bus()).collect()
}

/// Whether the multi-function bit of a bridge decides if it is isolated.
fn depends_on_bit(
    function: &Function,
    interface: Interface,
    acs: Option<AcsRegisters>,
    release: &Release,
) -> bool {
    let isolated = |multifunction| {
        let verdict = KernelVerdict::NoOpinion;
        acs_enabled(release.required, verdict, interface, multifunction, acs)
    };
    let leads = function.secondary.is_some_and(|bus| bus != 0);
    leads && isolated(false) != isolated(true)
}

/// The bridges that separate a function directly below them from their own group, so that they are isolated.
fn separating(topology: &Topology) -> BTreeSet<Bdf> {
    // The override isolates bridges without regard to the bit.
    if topology.acs_override.is_some() {
        return BTreeSet::new();
    }
    let mut groups: BTreeMap<(Domain, u8), BTreeSet<u32>> = BTreeMap::new();
    for function in &topology.functions {
        let of_bus = groups.entry(function.bdf.bus()).or_default();
        of_bus.extend(function.iommu_group);
    }
    let separates = |function: &&Function| {
        let bus = function.secondary.map(|bus| (function.bdf.domain, bus));
        let below = bus.and_then(|bus| groups.get(&bus));
        let own = function.iommu_group;
        own.is_some_and(|own| below.is_some_and(|below| below.iter().any(|&group| group != own)))
    };
    let functions = topology.functions.iter().filter(separates);
    functions.map(|function| function.bdf).collect()
}
