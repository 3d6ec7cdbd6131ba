// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel's own quirks say of a function: `pci_dev_specific_acs_enabled()` in
//! `drivers/pci/quirks.c`.
//!
//! The kernel asks handler after handler until one has an opinion. On the flags that it asks for
//! today, no two of them disagree on a device, but for those that answer 0 for what they do not list;
//! so here a handler that says yes goes first, and the order of the handlers does not matter.

use std::collections::BTreeMap;

use rules::{
    acs::AcsFlags,
    decision::KernelVerdict,
    entry::{CatchAll, Kinds},
    pcie::PcieType,
};
use topology::{Hex, Topology};

use crate::{model::acs_enabled::AcsRegisters, scan::Seen};

/// What the handlers look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI device id; `None`: not known, so that only entries for any device apply.
    pub device: Option<u16>,
    /// PCIe type; `None` for conventional PCI or a reserved one.
    pub pcie_type: Option<PcieType>,
    /// `pci_dev.multifunction`.
    pub multifunction: bool,
    /// Whether it is on a root bus.
    pub root_bus: bool,
    /// Whether the machine has an AMD IOMMU: ACPI has an IVRS table.
    pub amd_iommu: bool,
    /// The ACS capability, if it has one.
    pub acs: Option<Acs>,
}

/// The registers of an ACS capability.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acs {
    /// The ACS Capability register.
    pub capability: AcsFlags,
    /// The dword 8 bytes into the capability, if it was seen.
    pub dword8: Option<u32>,
}

/// A closed range of device ids of one vendor.
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
    /// Whether a device is in the range: without a device id, only where it is every device.
    fn contains(&self, facts: &Facts) -> bool {
        let is_any = self.first == u16::MIN && self.last == u16::MAX;
        let is_in = |device| (self.first..=self.last).contains(&device);
        self.vendor == facts.vendor && facts.device.map_or(is_any, is_in)
    }
}

/// What must hold of a device or of the machine, beyond id and type, for a handler to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Requirement {
    /// The kernel counts the device as one function of several.
    Multifunction,
    /// The device is on a root bus.
    RootBus,
    /// The machine has an AMD IOMMU: ACPI has an IVRS table.
    AmdIommu,
    /// The device has no ACS capability. Modules never speak for one that has, so it may be said in
    /// every entry and adds nothing there.
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

    /// The name that the data files use.
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

/// What a handler answers with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grant {
    /// These flags.
    Flags(AcsFlags),
    /// These flags, if the handler could set the port up, which cannot be seen from outside.
    IfSetUp(AcsFlags),
    /// What the device's registers say, which are dwords at the offsets 4 and 8 of the ACS capability.
    Dwords,
}

/// A handler of `drivers/pci/quirks.c`, for the devices of one entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handler {
    /// The number of the entry that says so.
    pub entry: u16,
    /// The name of the function.
    pub name: String,
    /// Its devices.
    pub ids: Vec<Ids>,
    /// The types that it answers for; `None`: any, and none.
    pub kinds: Option<Kinds>,
    /// What else must hold.
    pub requires: Vec<Requirement>,
    /// What it answers with.
    pub grant: Grant,
}

impl Handler {
    /// What it says: `None` for no opinion, else whether all of `asked` is granted, and whether that had
    /// to be assumed.
    fn answer(&self, facts: &Facts, asked: AcsFlags) -> Option<(bool, bool)> {
        let is_kind = |kinds: Kinds| facts.pcie_type.is_some_and(|found| kinds.apply_to(found));
        let holds = |requirement: &Requirement| match requirement {
            Requirement::Multifunction => facts.multifunction,
            Requirement::RootBus => facts.root_bus,
            Requirement::AmdIommu => facts.amd_iommu,
            Requirement::NoAcsCapability => facts.acs.is_none(),
        };
        if !self.ids.iter().any(|ids| ids.contains(facts))
            || !self.kinds.is_none_or(is_kind)
            || !self.requires.iter().all(holds)
        {
            return None;
        }
        match self.grant {
            Grant::Flags(flags) => Some((flags.contains(asked), false)),
            Grant::IfSetUp(flags) => Some((flags.contains(asked), true)),
            Grant::Dwords => {
                let acs = facts.acs?;
                let Some(dword) = acs.dword8 else {
                    // Where it is not seen, the kernel has switched on what the port has.
                    return Some((true, true));
                };
                let [low, high, _, _] = dword.to_le_bytes();
                let registers = AcsRegisters {
                    capability: acs.capability,
                    control: AcsFlags::from_bits(u16::from_le_bytes([low, high])),
                };
                Some((registers.enabled(asked), false))
            }
        }
    }
}

/// What the kernel's quirks say of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// What `pci_dev_specific_acs_enabled()` returns.
    pub kernel: KernelVerdict,
    /// The number of the entry that says so; `None` where nothing does, or a handler that does not list
    /// the device.
    pub by: Option<u16>,
    /// Whether it depends on something that was not seen, and that the kernel sees to where it can:
    /// the registers of some Intel root ports.
    pub assumed: bool,
}

/// The handlers of a kernel.
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
    /// The handlers of a kernel that lacks those of this entry.
    #[must_use]
    pub fn without(&self, entry: u16) -> Self {
        let mut others = self.clone();
        for handlers in others.0.values_mut() {
            handlers.retain(|handler| handler.entry != entry);
        }
        others
    }

    /// The handler that this entry describes, if the kernel has it. O(n) in the number of handlers.
    #[must_use]
    pub fn by_entry(&self, entry: u16) -> Option<&Handler> {
        let mut handlers = self.0.values().flatten();
        handlers.find(|handler| handler.entry == entry)
    }

    fn of_vendor(&self, vendor: u16) -> &[Handler] {
        self.0.get(&vendor).map_or(&[], Vec::as_slice)
    }

    /// What the kernel's quirks say of a function when they are asked for the flags `asked`, which
    /// must be among [`AcsFlags::GROUPING`].
    ///
    /// One pass over the handlers for the vendor.
    #[must_use]
    pub fn verdict(&self, facts: &Facts, asked: AcsFlags) -> Verdict {
        let mut verdict = Verdict {
            kernel: KernelVerdict::NoOpinion,
            by: None,
            assumed: false,
        };
        for handler in self.of_vendor(facts.vendor) {
            let Some((granted, assumed)) = handler.answer(facts, asked) else {
                continue;
            };
            verdict.by = Some(handler.entry);
            verdict.assumed = assumed;
            if granted {
                verdict.kernel = KernelVerdict::Isolated;
                return verdict;
            }
            verdict.kernel = KernelVerdict::NotIsolated;
        }
        if verdict.by.is_none() && self.is_caught(facts) {
            verdict.kernel = KernelVerdict::NotIsolated;
        }
        verdict
    }

    /// The same for a function of a topology. Where only candidates for its device id are known, the
    /// verdict is the one that all of them have.
    #[must_use]
    pub fn of_seen(&self, topology: &Topology, seen: &Seen<'_>, asked: AcsFlags) -> Verdict {
        let facts = Facts::of(topology, seen);
        let with = |device| self.verdict(&Facts { device, ..facts }, asked);
        let mut verdicts = seen.function.devices().map(Some).map(with);
        match verdicts.next() {
            Some(first) if verdicts.all(|other| other.kernel == first.kernel) => first,
            _ => with(None),
        }
    }

    /// Whether a handler that answers 0 for what it does not list sees the function.
    fn is_caught(&self, facts: &Facts) -> bool {
        let catch_alls = [
            (CatchAll::Wangxun, "pci_quirk_wangxun_nic_acs"),
            (CatchAll::ZhaoxinPort, "pci_quirk_zhaoxin_pcie_ports_acs"),
        ];
        catch_alls.iter().any(|&(catch_all, name)| {
            let sees = match facts.pcie_type {
                Some(found) => catch_all.answered(facts.vendor, found),
                // Of these two, it is the one that does not look at the type.
                None => catch_all == CatchAll::Wangxun && facts.vendor == catch_all.vendor(),
            };
            let mut handlers = self.of_vendor(facts.vendor).iter();
            sees && handlers.any(|handler| handler.name == name)
        })
    }
}

impl Facts {
    /// Of a function of a topology.
    #[must_use]
    pub fn of(topology: &Topology, seen: &Seen<'_>) -> Self {
        let acs = seen.acs.map(|acs| Acs {
            capability: acs.capability,
            dword8: seen.function.acs.and_then(|acs| acs.dword8),
        });
        Self {
            vendor: seen.function.vendor.value(),
            device: seen.function.device.map(Hex::value),
            pcie_type: seen.pcie_type(),
            multifunction: seen.facts.multifunction,
            root_bus: seen.on_root_bus(),
            amd_iommu: topology.iommu.as_deref() == Some("AMD-Vi"),
            acs,
        }
    }
}
