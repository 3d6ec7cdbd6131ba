// SPDX-License-Identifier: GPL-2.0-only

//! Finds the functions of a device and decides whether an entry for them makes sense.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use grouping::{Seen, device_of, predict::Prediction, view};
use rules::{
    acs::AcsFlags,
    decision::KernelVerdict,
    entry::{CatchAll, Kind},
};
use topology::{Bdf, Function, Partition, Topology};

use crate::{
    entry::{Devices, Entry, Ids, Status},
    handlers,
    limits::Limits,
    replay,
};

/// Why there is no draft: the function, the reason, and the remedy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Refused> for crate::error::Error {
    fn from(refused: Refused) -> Self {
        Self::NotFound(refused.0)
    }
}

fn refuse<T>(bdf: Bdf, why: &str) -> Result<T, Refused> {
    Err(Refused(format!("{bdf}: {why}")))
}

/// The addresses of the functions of the device at `bdf`, without virtual functions.
pub(super) fn addresses(topology: &Topology, bdf: Bdf) -> Result<BTreeSet<Bdf>, Refused> {
    let view = view(topology);
    let found = view.functions.iter().find(|seen| seen.function.bdf == bdf);
    let Some(seen) = found else {
        return refuse(
            bdf,
            "there is no such function; lspci -D lists all functions",
        );
    };
    if let Some(physical) = seen.function.physfn {
        let why = format!("it is a virtual function; an entry is for the physical one, {physical}");
        return refuse(bdf, &why);
    }
    let of = device_of(&view, seen);
    let is_sibling =
        |other: &&Seen<'_>| other.function.physfn.is_none() && device_of(&view, other) == of;
    let siblings = view.functions.iter().filter(is_sibling);
    Ok(siblings.map(|seen| seen.function.bdf).collect())
}

/// A device for which an entry makes sense.
pub(super) struct Device {
    /// The functions, without virtual functions.
    pub(super) functions: Vec<Function>,
    /// The kinds of the functions, without repetition.
    pub(super) kinds: Vec<Kind>,
    /// The handler whose 0 the entry would correct.
    pub(super) supersedes: Option<CatchAll>,
    /// Every group with a function that has one of the device's ids, without the entry.
    pub(super) before: Partition,
    /// The groups of the same functions with an entry for these ids.
    pub(super) after: Partition,
}

/// The name of the entry with this number; empty if there is none.
fn name_of(entries: &[Entry], number: Option<u16>) -> &str {
    let found = entries.iter().find(|entry| Some(entry.number) == number);
    found.map_or("", |entry| &entry.name)
}

impl Device {
    /// Examines the functions at these addresses.
    pub(super) fn examine(
        topology: &Topology,
        addresses: &BTreeSet<Bdf>,
        entries: &[Entry],
    ) -> Result<Self, Refused> {
        let view = view(topology);
        let handlers = handlers::newest(entries);
        let prediction = Prediction::of(topology, &view, &handlers);
        let mut device = Self {
            functions: Vec::new(),
            kinds: Vec::new(),
            supersedes: None,
            before: Partition::new(),
            after: Partition::new(),
        };
        for seen in &view.functions {
            if !addresses.contains(&seen.function.bdf) {
                continue;
            }
            let kind = kind(seen)?;
            if !device.kinds.contains(&kind) {
                device.kinds.push(kind);
            }
            known(seen.function, kind, entries)?;
            let verdict = handlers.of_seen(seen, AcsFlags::GROUPING);
            match (verdict.kernel, verdict.by) {
                (KernelVerdict::Isolated, by) => {
                    let by = name_of(entries, by);
                    let why = format!(
                        "the kernel has a quirk for it ({by}), so that an entry has no effect"
                    );
                    return refuse(seen.function.bdf, &why);
                }
                (KernelVerdict::NotIsolated, None) => {
                    let vendor = seen.function.vendor.value();
                    let handlers = CatchAll::ALL.into_iter();
                    let mut of_vendor = handlers.filter(|handler| handler.vendor() == vendor);
                    device.supersedes = of_vendor.next();
                }
                _ => {}
            }
            device.functions.push(seen.function.clone());
        }
        let is_port = |kind: &Kind| matches!(kind, Kind::RootPort | Kind::DownstreamPort);
        if let [alone] = &device.functions[..] {
            if !device.kinds.iter().any(is_port) {
                let why = "it is alone in its slot; it shares its group because of what is above \
                           it, which no entry for it can change";
                return refuse(alone.bdf, why);
            }
        }
        let groups = device
            .entry()
            .and_then(|entry| replay::groups(topology, &prediction, &entry).ok());
        let Some((before, after)) = groups else {
            return Err(Refused(
                "no kernel can group this; capture the host again".to_owned(),
            ));
        };
        if before == after {
            let why = "an entry would split no group of this machine: its functions are in groups of \
                       their own, or what is above them keeps them together, or they can be taken \
                       out of it; capture them in another slot or machine";
            return refuse(device.functions[0].bdf, why);
        }
        (device.before, device.after) = (before, after);
        Ok(device)
    }

    /// An entry that grants every flag that grouping asks for; `None` without a function.
    fn entry(&self) -> Option<Entry> {
        let devices = |function: &Function| {
            let device = function.device?.value();
            Some(Devices {
                ids: vec![Ids {
                    vendor: function.vendor.value(),
                    first: device,
                    last: device,
                }],
                about: None,
                limits: Limits::default(),
            })
        };
        let mut all: Vec<Devices> = Vec::new();
        for one in self.functions.iter().filter_map(devices) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        (!self.kinds.is_empty()).then(|| Entry {
            number: 1,
            name: "vendor/family".to_owned(),
            status: Status::Validated,
            title: None,
            kinds: self.kinds.clone(),
            acs: AcsFlags::GROUPING,
            acs_registers: None,
            requires: Vec::new(),
            supersedes: self.supersedes,
            devices: all,
            conditions: Vec::new(),
            program: Vec::new(),
            excludes: Vec::new(),
            reason: None,
            evidence: None,
            partial: None,
            mainline: None,
        })
    }

    /// The device ids by vendor, in the notation of entries.
    pub(super) fn ids(&self) -> BTreeMap<u16, Vec<String>> {
        let mut by_vendor: BTreeMap<u16, BTreeSet<u16>> = BTreeMap::new();
        for function in &self.functions {
            let devices = by_vendor.entry(function.vendor.value()).or_default();
            devices.extend(function.device.map(topology::Hex::value));
        }
        let vendors = by_vendor.into_iter();
        vendors
            .map(|(vendor, ids)| (vendor, ranges(&ids)))
            .collect()
    }

    /// A name for the entry: the folder with entries of this vendor, and the first device id.
    pub(super) fn name(&self, entries: &[Entry]) -> String {
        let Some(first) = self.functions.first() else {
            return "vendor/family".to_owned();
        };
        let vendor = first.vendor.value();
        let has = |entry: &&Entry| entry.ids().any(|ids| ids.vendor == vendor);
        let folder = entries
            .iter()
            .find(has)
            .and_then(|entry| entry.name.split('/').next());
        let folder = folder.map_or_else(|| format!("{vendor:04x}"), str::to_owned);
        let device = first.device.map_or(0, topology::Hex::value);
        format!("{folder}/{device:04x}")
    }
}

/// Joins consecutive ids into ranges.
fn ranges(ids: &BTreeSet<u16>) -> Vec<String> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for &id in ids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    let shown = ranges.into_iter().map(|(first, last)| {
        if first == last {
            format!("{first:04x}")
        } else {
            format!("{first:04x}-{last:04x}")
        }
    });
    shown.collect()
}

/// The kind of an entry for a function.
fn kind(seen: &Seen<'_>) -> Result<Kind, Refused> {
    let function = seen.function;
    if !function.pcie_known || !function.acs_known {
        let why = "its capabilities could not be read; run this as root, or with a capture that \
                   was made as root";
        return refuse(function.bdf, why);
    }
    if function.acs.is_some() {
        let why = "it has an ACS capability, which the kernel goes by; an entry has no effect";
        return refuse(function.bdf, why);
    }
    let Some(found) = seen.pcie_type() else {
        let why = "it is a conventional PCI function; only PCI Express functions can be isolated";
        return refuse(function.bdf, why);
    };
    let kind = Kind::ALL.into_iter().find(|kind| kind.applies_to(found));
    kind.map_or_else(
        || refuse(function.bdf, "there is no kind of entry for its PCIe type"),
        Ok,
    )
}

/// Fails if an existing entry already lists the function.
fn known(function: &Function, kind: Kind, entries: &[Entry]) -> Result<(), Refused> {
    let vendor = function.vendor.value();
    let Some(device) = function.device.map(topology::Hex::value) else {
        return refuse(function.bdf, "its device id is not known");
    };
    let speaks = |entry: &&Entry| {
        let exact = entry
            .ids()
            .any(|ids| ids.contains(vendor, device) && !ids.is_any());
        exact && entry.kinds().any(|of| of == kind)
    };
    match entries.iter().find(speaks) {
        None => Ok(()),
        Some(entry) => {
            let (name, status) = (&entry.name, entry.status.name());
            let why = format!(
                "{vendor:04x}:{device:04x} is in the entry {name}, which is {status}; see acsctl \
                 quirk show {name}, and change that file"
            );
            refuse(function.bdf, &why)
        }
    }
}
