// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel's own quirks say of a function, by the mainline entries of the data:
//! `pci_dev_specific_acs_enabled()` in `drivers/pci/quirks.c`.
//!
//! The kernel asks handler after handler until one has an opinion. On the flags that it asks for
//! today, no two of them disagree on a device, but for those that answer 0 for what they do not list;
//! so here an entry that says yes goes first, and the order of the entries does not matter.

use std::collections::{BTreeMap, BTreeSet};

use isolation::{
    acs::AcsFlags, decision::KernelVerdict, entry::CatchAll, groups::acs_enabled::AcsRegisters,
    pcie::PcieType,
};
use topology::{Seen, Topology};

use crate::{
    quirk::{AcsRegisters as Layout, Condition, Mainline, Quirk},
    release::Release,
};

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

/// What the kernel's quirks say of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict<'a> {
    /// What `pci_dev_specific_acs_enabled()` returns.
    pub kernel: KernelVerdict,
    /// The entry that says so; `None` where nothing does, or a handler that does not list the device.
    pub by: Option<&'a Quirk>,
    /// Whether it depends on something that was not seen, and that the kernel sees to where it can:
    /// the registers of some Intel root ports.
    pub assumed: bool,
}

impl Verdict<'_> {
    /// No quirk has an opinion.
    const NONE: Self = Self {
        kernel: KernelVerdict::NoOpinion,
        by: None,
        assumed: false,
    };
}

/// The mainline entries of the data.
#[derive(Clone, Debug)]
pub struct Verdicts<'a> {
    /// By vendor id.
    entries: BTreeMap<u16, Vec<(&'a Quirk, &'a Mainline)>>,
}

impl<'a> Verdicts<'a> {
    /// Those of these entries that mainline has.
    #[must_use]
    pub fn of(quirks: &'a [Quirk]) -> Self {
        Self::in_kernel(quirks, None)
    }

    /// Those of these entries that mainline had in this release, if it is known; else all.
    #[must_use]
    pub fn in_kernel(quirks: &'a [Quirk], kernel: Option<Release>) -> Self {
        let mut entries: BTreeMap<u16, Vec<_>> = BTreeMap::new();
        for quirk in quirks {
            let Some(mainline) = &quirk.mainline else {
                continue;
            };
            let is_missing = kernel.map_or(mainline.is_taken_back(), |kernel| {
                mainline.is_missing_in(kernel)
            });
            if is_missing {
                continue;
            }
            let vendors: BTreeSet<u16> = quirk.ids().map(|ids| ids.vendor).collect();
            for vendor in vendors {
                entries.entry(vendor).or_default().push((quirk, mainline));
            }
        }
        Self { entries }
    }

    /// Those of a kernel that lacks this entry, if it is one of mainline's.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut others = self.clone();
        for entries in others.entries.values_mut() {
            entries.retain(|(quirk, _)| quirk.name != name);
        }
        others
    }

    fn of_vendor(&self, vendor: u16) -> &[(&'a Quirk, &'a Mainline)] {
        self.entries.get(&vendor).map_or(&[], Vec::as_slice)
    }

    /// What the kernel's quirks say of a function when they are asked for the flags `asked`, which
    /// must be among [`AcsFlags::GROUPING`].
    ///
    /// One pass over the entries of the vendor.
    #[must_use]
    pub fn verdict(&self, facts: &Facts, asked: AcsFlags) -> Verdict<'a> {
        let mut verdict = Verdict::NONE;
        for &(quirk, mainline) in self.of_vendor(facts.vendor) {
            let Some((granted, assumed)) = answer(quirk, mainline, facts, asked) else {
                continue;
            };
            let kernel = if granted {
                KernelVerdict::Isolated
            } else {
                KernelVerdict::NotIsolated
            };
            let by = Some(quirk);
            let found = Verdict {
                kernel,
                by,
                assumed,
            };
            if granted {
                return found;
            }
            verdict = found;
        }
        if verdict.by.is_none() && self.is_caught(facts) {
            verdict.kernel = KernelVerdict::NotIsolated;
        }
        verdict
    }

    /// The same for a function of a topology. Where only candidates for its device id are known, the
    /// verdict is the one that all of them have.
    #[must_use]
    pub fn of_seen(&self, topology: &Topology, seen: &Seen<'_>, asked: AcsFlags) -> Verdict<'a> {
        let facts = Facts::of(topology, seen);
        let mut verdicts = seen.function.devices().map(|device| {
            let device = Some(device);
            self.verdict(&Facts { device, ..facts }, asked)
        });
        match verdicts.next() {
            Some(first) if verdicts.all(|other| other.kernel == first.kernel) => first,
            _ => self.verdict(
                &Facts {
                    device: None,
                    ..facts
                },
                asked,
            ),
        }
    }

    /// Whether a handler that answers 0 for what it does not list sees the function.
    fn is_caught(&self, facts: &Facts) -> bool {
        let handlers = [
            (CatchAll::Wangxun, "pci_quirk_wangxun_nic_acs"),
            (CatchAll::ZhaoxinPort, "pci_quirk_zhaoxin_pcie_ports_acs"),
        ];
        handlers.iter().any(|&(handler, name)| {
            let sees = match facts.pcie_type {
                Some(found) => handler.answered(facts.vendor, found),
                // Of these two, it is the one that does not look at the type.
                None => handler == CatchAll::Wangxun && facts.vendor == handler.vendor(),
            };
            sees && self
                .of_vendor(facts.vendor)
                .iter()
                .any(|(_, mainline)| mainline.handler == name)
        })
    }
}

/// What the handler of an entry says: `None` for no opinion, else whether all of `asked` is granted,
/// and whether that had to be assumed.
fn answer(
    quirk: &Quirk,
    mainline: &Mainline,
    facts: &Facts,
    asked: AcsFlags,
) -> Option<(bool, bool)> {
    let is_listed = quirk.ids().any(|ids| {
        let device = facts.device.map_or(ids.is_any(), |device| {
            (ids.first..=ids.last).contains(&device)
        });
        ids.vendor == facts.vendor && device
    });
    let of_kind = |found| quirk.kinds().any(|kind| kind.applies_to(found));
    let is_kind = mainline.any_type || facts.pcie_type.is_some_and(of_kind);
    let holds = |condition: &Condition| match condition {
        Condition::Multifunction => facts.multifunction,
        Condition::RootBus => facts.root_bus,
        Condition::AmdIommu => facts.amd_iommu,
        Condition::NoAcsCapability => facts.acs.is_none(),
    };
    if !is_listed || !is_kind || !quirk.requires.iter().all(holds) {
        return None;
    }
    match quirk.acs_registers {
        None => {
            // Of pci_quirk_intel_pch_acs() it is not known whether it could set the port up.
            let assumed = mainline.not_expressed.is_some();
            Some((quirk.acs.contains(asked), assumed))
        }
        Some(Layout::Dword) => {
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
            device: seen.function.device.map(topology::Hex::value),
            pcie_type: seen.pcie_type(),
            multifunction: seen.facts.multifunction,
            root_bus: seen.on_root_bus(),
            amd_iommu: topology.iommu.as_deref() == Some("AMD-Vi"),
            acs,
        }
    }
}
