// SPDX-License-Identifier: GPL-2.0-only

//! The answers of the kernel's own quirks: `pci_dev_specific_acs_enabled()` in
//! `drivers/pci/quirks.c`.
//!
//! The kernel asks one handler after another until one answers. For the flags that the grouping
//! asks for, handlers never disagree on a function, except catch-all handlers, which answer 0 for
//! ids that they do not list. This model therefore lets a granting handler win and ignores the
//! order.

use std::{collections::BTreeMap, fmt, iter};

use rules::{
    acs::AcsFlags,
    decision::KernelVerdict,
    entry::{CatchAll, Kinds},
    limits::Class,
    pcie::PcieType,
};
use topology::{Function, Hex, UNKNOWN_VENDOR};

use crate::{model::acs_enabled::AcsRegisters, scan::Seen};

/// The properties of a function that handlers read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI device id; `None` if unknown, so that only handlers for every device of the vendor
    /// apply.
    pub device: Option<u16>,
    /// PCIe type; `None` for conventional PCI or a reserved type.
    pub pcie_type: Option<PcieType>,
    /// `pci_dev.multifunction`.
    pub multifunction: bool,
    /// Whether the function is on a root bus.
    pub root_bus: bool,
    /// Whether the machine has an AMD IOMMU (an IVRS table in ACPI).
    pub amd_iommu: bool,
    /// The registers of the ACS capability, if the function has one.
    pub acs: Option<Acs>,
    /// What distinguishes the function from others with its ids.
    pub silicon: Silicon,
}

/// The registers in a function's header that distinguish silicon with the same ids; `None` for what was not seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Silicon {
    /// Class code, 24 bits.
    pub class: Option<u32>,
    /// Revision id.
    pub revision: Option<u8>,
    /// Vendor and device id of the subsystem.
    pub subsystem: Option<(u16, u16)>,
}

impl Silicon {
    /// That of a captured function.
    #[must_use]
    pub fn of(function: &Function) -> Self {
        Self {
            class: function.class.map(|class| class.0),
            revision: function
                .revision
                .and_then(|revision| revision.0.try_into().ok()),
            subsystem: function.subsystem.map(|it| (it.vendor, it.device)),
        }
    }
}

/// The limits of a handler within its ids.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// The required class, if any.
    pub class: Option<Class>,
    /// The first and the last revision, inclusive, if revisions are limited.
    pub revisions: Option<(u8, u8)>,
    /// The allowed subsystems as vendor and device id; empty if any will do.
    pub subsystems: Vec<(u16, u16)>,
}

impl Limits {
    /// Whether silicon is within the limits; `None` if that depends on what was not seen.
    #[must_use]
    pub fn include(&self, silicon: &Silicon) -> Option<bool> {
        let class = self
            .class
            .map(|class| silicon.class.map(|found| class.has(found)));
        let revision = self.revisions.map(|(first, last)| {
            let found = silicon.revision?;
            Some((first..=last).contains(&found))
        });
        let is_limited = !self.subsystems.is_empty();
        let subsystem = is_limited.then(|| Some(self.subsystems.contains(&silicon.subsystem?)));
        let answers = || [class, revision, subsystem].into_iter().flatten();
        let is_out = answers().any(|answer| answer == Some(false));
        let is_known = answers().all(|answer| answer.is_some());
        (is_out || is_known).then_some(!is_out)
    }
}

/// The registers of an ACS capability that handlers read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acs {
    /// The ACS Capability register.
    pub capability: AcsFlags,
    /// The dword at offset 8 of the capability, if it is known.
    pub dword8: Option<u32>,
}

/// An inclusive range of device ids of one vendor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ids {
    /// PCI vendor id.
    pub vendor: u16,
    /// First device id.
    pub first: u16,
    /// Last device id, not below the first.
    pub last: u16,
}

impl Ids {
    /// The number of device ids in the range.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::from(self.last - self.first) + 1
    }

    /// Whether the range contains these ids.
    #[must_use]
    pub const fn contains(&self, vendor: u16, device: u16) -> bool {
        self.vendor == vendor && self.first <= device && device <= self.last
    }

    /// Whether the range is every device of the vendor.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.first == u16::MIN && self.last == u16::MAX
    }

    /// Whether the range contains the function. With an unknown device id, only the full range
    /// does.
    fn contains_function(self, facts: &Facts) -> bool {
        match facts.device {
            Some(device) => self.contains(facts.vendor, device),
            None => self.vendor == facts.vendor && self.is_any(),
        }
    }
}

/// Writes `1d17:0753-075e`, `1077:8030` for a single id, or `8086:any` for every device.
impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() {
            return write!(f, "{:04x}:any", self.vendor);
        }
        write!(f, "{:04x}:{:04x}", self.vendor, self.first)?;
        if self.last != self.first {
            write!(f, "-{:04x}", self.last)?;
        }
        Ok(())
    }
}

/// A property of the function or the machine, beyond ids and type, without which a handler does not
/// answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Requirement {
    /// `pci_dev.multifunction` is set.
    Multifunction,
    /// The function is on a root bus.
    RootBus,
    /// The machine has an AMD IOMMU (an IVRS table in ACPI).
    AmdIommu,
    /// The function has no ACS capability. Any entry may state this; it changes nothing for the
    /// module, which never claims anything for a function with an ACS capability.
    NoAcsCapability,
}

impl Requirement {
    /// Every requirement, in the order of the documentation.
    pub const ALL: [Self; 4] = [
        Self::Multifunction,
        Self::RootBus,
        Self::AmdIommu,
        Self::NoAcsCapability,
    ];

    /// The name in entries (`requires`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Multifunction => "multifunction",
            Self::RootBus => "root-bus",
            Self::AmdIommu => "amd-iommu",
            Self::NoAcsCapability => "no-acs-capability",
        }
    }
}

/// The answer of a handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grant {
    /// These flags are granted.
    Flags(AcsFlags),
    /// These flags are granted if the handler could set the port up. A capture does not show
    /// whether it could.
    IfSetUp(AcsFlags),
    /// The flags are read from the device's registers, which are dwords at offsets 4 and 8 of the
    /// ACS capability.
    Dwords,
}

/// A handler of `drivers/pci/quirks.c`, for the functions of one entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handler {
    /// The number of the entry that describes the handler.
    pub entry: u16,
    /// The name of the C function.
    pub name: String,
    /// The ids of the functions that it answers for.
    pub ids: Vec<Ids>,
    /// The kinds that it answers for; `None` for any PCIe type and for conventional PCI.
    pub kinds: Option<Kinds>,
    /// Further requirements; all must hold.
    pub requires: Vec<Requirement>,
    /// The limits within the ids.
    pub limits: Limits,
    /// Whether the handler also reads registers of the device, which no topology shows.
    pub is_conditional: bool,
    /// The answer.
    pub grant: Grant,
}

impl Handler {
    /// Whether the handler lists the ids of the function.
    fn lists(&self, facts: &Facts) -> bool {
        self.ids.iter().any(|ids| ids.contains_function(facts))
    }

    /// The handler's answer for a function with listed ids; `None` if the handler does not apply.
    fn answer(&self, facts: &Facts, asked: AcsFlags) -> Option<Verdict> {
        let is_kind = |kinds: Kinds| facts.pcie_type.is_some_and(|found| kinds.apply_to(found));
        let holds = |requirement: &Requirement| match requirement {
            Requirement::Multifunction => facts.multifunction,
            Requirement::RootBus => facts.root_bus,
            Requirement::AmdIommu => facts.amd_iommu,
            Requirement::NoAcsCapability => facts.acs.is_none(),
        };
        if !self.kinds.is_none_or(is_kind) || !self.requires.iter().all(holds) {
            return None;
        }
        let answer = |granted, assumed| {
            Some(Verdict {
                kernel: if granted {
                    KernelVerdict::Isolated
                } else {
                    KernelVerdict::NotIsolated
                },
                by: Some(self.entry),
                assumed,
            })
        };
        match self.limits.include(&facts.silicon) {
            Some(false) => return None,
            // Whether the handler answers depends on what was not seen: no claim.
            None => return answer(false, true),
            Some(true) if self.is_conditional => return answer(false, true),
            Some(true) => {}
        }
        match self.grant {
            Grant::Flags(flags) => answer(flags.contains(asked), false),
            Grant::IfSetUp(flags) => answer(flags.contains(asked), true),
            Grant::Dwords => {
                let acs = facts.acs?;
                let Some(dword) = acs.dword8 else {
                    // Without the register, assume that the kernel enabled what the port
                    // implements.
                    return answer(true, true);
                };
                let [low, high, _, _] = dword.to_le_bytes();
                let registers = AcsRegisters {
                    capability: acs.capability,
                    control: AcsFlags::from_bits(u16::from_le_bytes([low, high])),
                };
                answer(registers.enabled(asked), false)
            }
        }
    }
}

/// The answer of the kernel's quirks for one function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The return value of `pci_dev_specific_acs_enabled()`.
    pub kernel: KernelVerdict,
    /// The number of the entry whose handler answered; `None` if no handler answered, or only a
    /// catch-all that does not list the function.
    pub by: Option<u16>,
    /// Whether the answer depends on registers that were not seen. What the kernel sets up where it can, as registers of
    /// some Intel root ports, counts as set up; any other register counts as one for which the kernel claims nothing.
    pub assumed: bool,
}

/// The handlers of one kernel, by vendor.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Handlers(BTreeMap<u16, Vec<Handler>>);

impl FromIterator<Handler> for Handlers {
    fn from_iter<I: IntoIterator<Item = Handler>>(handlers: I) -> Self {
        let mut by_vendor: BTreeMap<u16, Vec<Handler>> = BTreeMap::new();
        for handler in handlers {
            let mut vendors: Vec<u16> = handler.ids.iter().map(|ids| ids.vendor).collect();
            vendors.sort_unstable();
            vendors.dedup();
            for vendor in vendors {
                by_vendor.entry(vendor).or_default().push(handler.clone());
            }
        }
        Self(by_vendor)
    }
}

impl Handlers {
    /// The same handlers without those of one entry.
    #[must_use]
    pub fn without(&self, entry: u16) -> Self {
        let mut others = self.clone();
        for handlers in others.0.values_mut() {
            handlers.retain(|handler| handler.entry != entry);
        }
        others
    }

    /// The handler that the entry describes, if the kernel has it. Costs O(n) in the number of
    /// handlers.
    #[must_use]
    pub fn by_entry(&self, entry: u16) -> Option<&Handler> {
        let mut handlers = self.0.values().flatten();
        handlers.find(|handler| handler.entry == entry)
    }

    fn of_vendor(&self, vendor: u16) -> &[Handler] {
        self.0.get(&vendor).map_or(&[], Vec::as_slice)
    }

    /// The answer of the kernel's quirks for a function and the flags `asked`, which must be within
    /// [`AcsFlags::GROUPING`].
    ///
    /// Costs one pass over the vendor's handlers.
    #[must_use]
    pub fn verdict(&self, facts: &Facts, asked: AcsFlags) -> Verdict {
        let mut verdict = Verdict {
            kernel: KernelVerdict::NoOpinion,
            by: None,
            assumed: false,
        };
        let handlers = self.of_vendor(facts.vendor).iter();
        let listed = handlers.filter(|handler| handler.lists(facts));
        for answer in listed.filter_map(|handler| handler.answer(facts, asked)) {
            verdict = answer;
            if verdict.kernel == KernelVerdict::Isolated {
                return verdict;
            }
        }
        if verdict.by.is_none() && self.is_caught(facts) {
            verdict.kernel = KernelVerdict::NotIsolated;
        }
        verdict
    }

    /// The answer for a function of a topology. If the topology names several candidate device ids,
    /// the answer counts only if it is the same for all of them; otherwise the device id counts as
    /// unknown.
    #[must_use]
    pub fn of_seen(&self, seen: &Seen<'_>, asked: AcsFlags) -> Verdict {
        let facts = Facts::of(seen);
        let with = |device| self.verdict(&Facts { device, ..facts }, asked);
        let mut verdicts = seen.function.devices().map(Some).map(with);
        match verdicts.next() {
            Some(first) if verdicts.all(|other| other.kernel == first.kernel) => first,
            _ => with(None),
        }
    }

    /// Every answer for a function of a topology, whatever the missing ids and registers are, each once.
    ///
    /// Costs one pass over the vendor's handlers for each candidate device id. Without ids, costs two passes over the
    /// handlers of the vendor, or of every vendor if the vendor is unknown too.
    #[must_use]
    pub fn possible(&self, seen: &Seen<'_>, asked: AcsFlags) -> Vec<KernelVerdict> {
        let facts = Facts::of(seen);
        let with = |device| self.verdict(&Facts { device, ..facts }, asked);
        let mut verdicts: Vec<_> = seen.function.devices().map(Some).map(with).collect();
        if verdicts.is_empty() {
            let is_unknown = facts.vendor == UNKNOWN_VENDOR;
            let listed = self.0.keys().copied().filter(|_| is_unknown);
            for vendor in iter::once(facts.vendor).chain(listed) {
                let facts = Facts { vendor, ..facts };
                let handlers = self.of_vendor(vendor).iter();
                verdicts.push(self.verdict(&facts, asked));
                verdicts.extend(handlers.filter_map(|handler| handler.answer(&facts, asked)));
            }
        }
        let mut possible = Vec::new();
        for verdict in verdicts {
            let answers = if verdict.assumed {
                &[KernelVerdict::Isolated, KernelVerdict::NotIsolated][..]
            } else {
                &[verdict.kernel]
            };
            for &answer in answers {
                if !possible.contains(&answer) {
                    possible.push(answer);
                }
            }
        }
        possible
    }

    /// Whether the ids of a function are known well enough to tell which handler answers.
    #[must_use]
    pub fn identifies(&self, seen: &Seen<'_>, asked: AcsFlags) -> bool {
        let facts = Facts::of(seen);
        let mut verdicts = seen.function.devices().map(|device| {
            let device = Some(device);
            self.verdict(&Facts { device, ..facts }, asked).kernel
        });
        let first = verdicts.next();
        first.is_some_and(|first| verdicts.all(|other| other == first))
    }

    /// Whether a catch-all handler of the kernel matches the function, and so answers 0.
    fn is_caught(&self, facts: &Facts) -> bool {
        let catch_alls = [
            (CatchAll::Wangxun, "pci_quirk_wangxun_nic_acs"),
            (CatchAll::ZhaoxinPort, "pci_quirk_zhaoxin_pcie_ports_acs"),
        ];
        catch_alls.iter().any(|&(catch_all, name)| {
            let sees = match facts.pcie_type {
                Some(found) => catch_all.answered(facts.vendor, found),
                // Only the Wangxun handler ignores the PCIe type.
                None => catch_all == CatchAll::Wangxun && facts.vendor == catch_all.vendor(),
            };
            let mut handlers = self.of_vendor(facts.vendor).iter();
            sees && handlers.any(|handler| handler.name == name)
        })
    }
}

impl Facts {
    /// The properties of a function of a topology.
    #[must_use]
    pub fn of(seen: &Seen<'_>) -> Self {
        let acs = seen.acs.map(|acs| Acs {
            capability: acs.capability,
            dword8: seen.acs_dword8,
        });
        Self {
            vendor: seen.function.vendor.value(),
            device: seen.function.device.map(Hex::value),
            pcie_type: seen.pcie_type(),
            multifunction: seen.facts.multifunction,
            root_bus: seen.on_root_bus(),
            amd_iommu: seen.amd_iommu,
            acs,
            silicon: Silicon::of(seen.function),
        }
    }
}
