// SPDX-License-Identifier: GPL-2.0-only

//! Turns a topology into the model's input: the functions in the kernel's order, each with the
//! properties that the kernel gives it.

mod device;
mod order;
mod vmd;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use rules::{acs::AcsFlags, decision::KernelVerdict, pcie::PcieType};
use topology::{Bdf, Domain, Function, Header, Hex, Topology};

use self::{order::Order, vmd::Vmds};
use crate::model::{
    self, DevfnSet, Interface, Search as _,
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
    /// The bridge that leads to the function's bus. Assumed: there is none, the bus is a root bus. No function
    /// on it shows that it is one.
    NoBridge,
    /// The buses to which a bridge leads. Assumed: none.
    NoBuses,
    /// Whether the device has other functions, where the input leaves lines out. Assumed: it has none.
    MoreFunctions,
    /// Function 0 of the device, without which the kernel finds no other (`pci_scan_slot()`). Assumed: the input has all that
    /// share its group.
    NoFunction0,
    /// The VMD that sends the requests of the function's PCI domain. Assumed: there is none. No function that is one, or may
    /// be one, is there.
    NoVmd,
    /// Which of several functions is the VMD of a PCI domain. Assumed: the first of the likeliest.
    FirstVmd,
    /// Whether the kernel enables the services of the ACS capability at boot, which were off when the
    /// machine was read without an IOMMU. Assumed: it does.
    AcsAtBoot,
    /// The multi-function bit of a bridge, on which the isolation of what is below it depends. Assumed: off.
    OneFunction,
    /// The rest of the function's properties, because the source ends within the function.
    Rest,
}

impl Assumption {
    /// Whether the group of a function with this assumption, and of the functions below it, cannot be
    /// computed.
    #[must_use]
    pub const fn hides_group(self) -> bool {
        matches!(
            self,
            Self::NoBridge | Self::NoBuses | Self::NoFunction0 | Self::NoVmd
        )
    }
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PcieType => "PCIe type not seen, taken from where it is",
            Self::NoAcs => "not seen whether it has an ACS capability, taken as without",
            Self::AcsOn => "ACS registers not seen, taken as on",
            Self::NoMoreAliases => "may have DMA aliases that were not seen, taken as without",
            Self::NoBridge => {
                "the input does not show which bridge leads to its bus, or that this is a root bus, so its group cannot be known"
            }
            Self::NoBuses => {
                "the buses to which it leads are not in the input, so what is below it cannot be known"
            }
            Self::MoreFunctions => {
                "other functions of its device may be missing, because the input leaves lines out, or is a part of the \
                 machine; taken as having none"
            }
            Self::NoFunction0 => {
                "function 0 of its device is not in the input, so its group cannot be known"
            }
            Self::NoVmd => {
                "the input does not show the VMD (Volume Management Device) of its PCI domain, in whose group all functions \
                 of the domain are, so its group cannot be known"
            }
            Self::FirstVmd => {
                "the input does not show which function is the VMD (Volume Management Device) of a PCI domain, in whose \
                 group all functions of the domain are; taken as the first that is likely to be it"
            }
            Self::AcsAtBoot => {
                "ACS is off, because no IOMMU is in use; with an IOMMU, the kernel enables at boot what the \
                 capability implements"
            }
            Self::OneFunction => {
                "multi-function bit not seen (lspci -xxxx shows it), taken as off: no other function of the device \
                 is there"
            }
            Self::Rest => {
                "the input may end within this function: properties of it, and functions after it, may be missing"
            }
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

/// Signs that a topology lacks functions.
struct Missing<'a> {
    /// Whether it comes from a text. A reading of sysfs shows all functions.
    is_text: bool,
    /// Whether it lacks the first function of a domain, which every recorded machine has.
    is_part: bool,
    gaps: &'a [Bdf],
}

impl<'a> Missing<'a> {
    fn of(topology: &'a Topology) -> Self {
        let evidence = &topology.evidence;
        let is_text = !evidence.is_empty() && !evidence.iter().any(|one| one == "sysfs");
        let mut functions = topology.functions.iter();
        Self {
            is_text,
            is_part: is_text && !functions.any(|one| (one.bdf.bus, one.bdf.devfn) == (0, 0)),
            gaps: &topology.gaps,
        }
    }

    /// What is assumed of other functions of the function's device.
    fn of_device(
        &self,
        order: &Order,
        function: &Function,
        is_on_link: bool,
        multifunction: Option<bool>,
    ) -> Option<Assumption> {
        let bdf = function.bdf;
        let devfn = if is_on_link { 0 } else { bdf.devfn & !7 };
        let is_virtual = function.physfn.is_some();
        if self.is_text && !is_virtual && order.position(Bdf { devfn, ..bdf }).is_none() {
            return Some(Assumption::NoFunction0);
        }
        let may_have_more = match multifunction {
            Some(false) => false,
            Some(true) => self.gaps.contains(&bdf),
            None => self.is_part || self.gaps.contains(&bdf),
        };
        may_have_more.then_some(Assumption::MoreFunctions)
    }
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

/// The dword at offset 8 of the ACS capability. `pci_quirk_enable_intel_spt_pch_acs()` writes it where
/// `pci_std_enable_acs()` writes the ACS Control register. Only handlers of such ports read it.
fn acs_dword8(function: &Function, starts_iommu: bool) -> Option<u32> {
    let acs = function.acs?;
    let implemented = AcsFlags::from_bits(acs.cap?).intersection(AcsFlags::GROUPING);
    let enabled = if starts_iommu { implemented.bits() } else { 0 };
    Some(acs.dword8? | u32::from(enabled))
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

/// Whether the IOMMU driver manages the function. If the capture contains groups and would show that of
/// the function, whether it is in one; otherwise every function except IOMMUs.
fn takes_part(function: &Function, grouped: bool) -> bool {
    const IOMMU: u32 = 0x0806;
    if grouped && function.group_known {
        return function.iommu_group.is_some();
    }
    function.class.is_none_or(|class| class.0 >> 8 != IOMMU)
}

/// Whether a bridge leads to a link, which has one device.
pub(crate) fn is_link(bridge: Option<&model::Function>) -> bool {
    matches!(
        bridge.map(|bridge| bridge.interface),
        Some(Interface::Express(
            PcieType::RootPort | PcieType::DownstreamPort
        ))
    )
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

/// The number of functions by device number and by bus.
pub(crate) struct Siblings {
    slots: BTreeMap<(Domain, u8, u8), u16>,
    buses: BTreeMap<(Domain, u8), u16>,
}

impl Siblings {
    pub(crate) fn of<'f>(functions: impl IntoIterator<Item = &'f Function>) -> Self {
        let mut siblings = Self {
            slots: BTreeMap::new(),
            buses: BTreeMap::new(),
        };
        for function in functions {
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
    ///
    /// `is_on_link` is whether the function is directly below a root port or a downstream port. `None` if
    /// nothing shows it: the kernel found no other function, and may have looked for one.
    pub(crate) fn multifunction(&self, function: &Function, is_on_link: bool) -> Option<bool> {
        if function.physfn.is_some() {
            return Some(false);
        }
        let Bdf { domain, bus, devfn } = function.bdf;
        // A link has one device, so a function with a higher device number is an ARI function.
        let (number, of_device) = if is_on_link {
            (devfn, self.buses.get(&(domain, bus)))
        } else {
            let slot = function.bdf.slot();
            (
                function.bdf.function(),
                self.slots.get(&(domain, bus, slot)),
            )
        };
        let has_others = number > 0 || of_device.is_some_and(|&count| count > 1);
        match function.multifunction {
            Some(bit) => Some(number > 0 || bit),
            None => has_others.then_some(true),
        }
    }
}
