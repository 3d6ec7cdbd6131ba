// SPDX-License-Identifier: GPL-2.0-only

//! Finds the functions of a device and decides whether an entry for them makes sense.

use std::{collections::BTreeSet, fmt};

use grouping::{
    Seen, device_of,
    handlers::{Handlers, Silicon},
    model::Interface,
    predict::Prediction,
    view,
};
use rules::{
    acs::AcsFlags,
    decision::KernelVerdict,
    entry::{CatchAll, Kind},
    limits::Class,
    pcie::PcieType,
};
use topology::{Bdf, Function, Partition, Topology};

use crate::{
    cause::Cause,
    entry::{Devices, Entry, Ids, Status},
    handlers,
    limits::Limits,
    replay,
};

/// Why there is no draft: the function, the reason, and the remedy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused(pub(super) String);

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

/// The addresses of the functions of the device at `bdf`, without virtual functions. With a port come the other
/// ports without ACS of the same vendor on its bus, in any slot: an entry that left them out would split nothing
/// (trust rule `whole`).
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
    let is_port = matches!(
        seen.facts.interface,
        Interface::Express(PcieType::RootPort | PcieType::DownstreamPort)
    );
    let is_other_port = |other: &Seen<'_>| {
        is_port
            && other.facts.interface == seen.facts.interface
            && other.function.bdf.bus() == seen.function.bdf.bus()
            && other.function.vendor == seen.function.vendor
            && other.function.acs_known
            && other.function.acs.is_none()
    };
    let is_sibling = |other: &&Seen<'_>| {
        other.function.physfn.is_none() && (device_of(&view, other) == of || is_other_port(other))
    };
    let siblings = view.functions.iter().filter(is_sibling);
    Ok(siblings.map(|seen| seen.function.bdf).collect())
}

/// A device for which an entry makes sense.
pub(super) struct Device {
    /// The functions that an entry can cover, without virtual functions.
    pub(super) functions: Vec<Function>,
    /// The limits of the claim for each of these functions: those of the entry which lists them, or of a
    /// new one.
    limits: Vec<Limits>,
    /// The functions that no entry can cover, each with the reason.
    pub(super) left_out: Vec<(Bdf, String)>,
    /// The kinds of the functions, without repetition.
    pub(super) kinds: Vec<Kind>,
    /// The entry that lists the functions already, if any.
    pub(super) existing: Option<Existing>,
    /// The handler whose 0 the entry would correct.
    pub(super) supersedes: Option<CatchAll>,
    /// Every group with a function that has one of the device's ids, without the entry.
    pub(super) before: Partition,
    /// The groups of the same functions with an entry for these ids.
    pub(super) after: Partition,
}

/// An entry that lists the device: a candidate, a refusal, or one that lacks a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Existing {
    /// Its number.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: Status,
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
            limits: Vec::new(),
            left_out: Vec::new(),
            kinds: Vec::new(),
            existing: None,
            supersedes: None,
            before: Partition::new(),
            after: Partition::new(),
        };
        for seen in &view.functions {
            if !addresses.contains(&seen.function.bdf) {
                continue;
            }
            match kind(seen)? {
                Ok(kind) => device.add(seen, kind, &handlers, entries)?,
                Err(why) => device.left_out.push((seen.function.bdf, why.to_owned())),
            }
        }
        if device.functions.is_empty() {
            return match device.left_out.first() {
                Some((bdf, why)) => refuse(*bdf, why),
                None => Err(Refused("the device has no function".to_owned())),
            };
        }
        let entry = device.entry(None);
        let others: Vec<_> = entries.iter().collect();
        let cause = Cause {
            entry: &entry,
            others: &others,
            view: &view,
            prediction: &prediction,
            handlers: &handlers,
        };
        if let ([alone], []) = (&device.functions[..], &device.left_out[..]) {
            if !device.kinds.iter().any(|&kind| is_port(kind)) {
                let why = cause.above(alone.bdf).map_or_else(
                    || "if it shares its group, then because of what is above it".to_owned(),
                    |above| {
                        let above = above.function.bdf;
                        format!("it shares its group because {above} above it is not isolated")
                    },
                );
                let why =
                    format!("it is alone in its slot; {why}, which no entry for it can change");
                return refuse(alone.bdf, &why);
            }
        }
        if device.existing.is_none() {
            device.limit(entries);
        }
        let groups = |entry: &Entry| {
            let groups = replay::groups(topology, &prediction, entry);
            let cannot = "no kernel can group this; capture the host again";
            groups.map_err(|_| Refused(cannot.to_owned()))
        };
        let (before, after) = groups(&entry)?;
        if before == after {
            return Err(device.splits_nothing(&cause, &before));
        }
        (device.before, device.after) = groups(&device.entry(Some(&device.limits)))?;
        Ok(device)
    }

    /// Adds a function of this kind, unless the kernel or an entry answers for it already.
    fn add(
        &mut self,
        seen: &Seen<'_>,
        kind: Kind,
        handlers: &Handlers,
        entries: &[Entry],
    ) -> Result<(), Refused> {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        let mut limits = Limits::default();
        if let Some(entry) = known(seen.function, kind, entries)? {
            let existing = Existing {
                number: entry.number,
                name: entry.name.clone(),
                status: entry.status,
            };
            let mut sections = entry.devices.iter();
            let own =
                sections.find(|section| section.ids.iter().any(|ids| lists(*ids, seen.function)));
            limits = own.map_or(limits, |section| section.limits.clone());
            match &self.existing {
                Some(other) if other.name != existing.name => {
                    let why = format!(
                        "it is in the entry {}, and another function of the device in {}; make one \
                         entry of them first",
                        existing.name, other.name
                    );
                    return refuse(seen.function.bdf, &why);
                }
                _ => self.existing = Some(existing),
            }
        }
        let verdict = handlers.of_seen(seen, AcsFlags::GROUPING);
        match (verdict.kernel, verdict.by) {
            (KernelVerdict::Isolated, by) => {
                let by = name_of(entries, by);
                let why =
                    format!("the kernel has a quirk for it ({by}), so that an entry has no effect");
                return refuse(seen.function.bdf, &why);
            }
            (KernelVerdict::NotIsolated, None) => {
                let vendor = seen.function.vendor.value();
                let handlers = CatchAll::ALL.into_iter();
                let mut of_vendor = handlers.filter(|handler| handler.vendor() == vendor);
                self.supersedes = of_vendor.next();
            }
            _ => {}
        }
        self.functions.push(seen.function.clone());
        self.limits.push(limits);
        Ok(())
    }

    /// Limits a new claim so that it leaves out what a statement against isolation is about, and so that
    /// the ids of endpoints are not claimed for ports, nor those of ports for endpoints.
    fn limit(&mut self, entries: &[Entry]) {
        let kinds = self.kinds.iter();
        let ports = kinds.clone().filter(|&&kind| is_port(kind)).count();
        let is_mixed = ports > 0 && ports < kinds.len();
        let against: Vec<_> = self.statements_against(entries).collect();
        for (function, limits) in self.functions.iter().zip(&mut self.limits) {
            let class = function.class.filter(|_| is_mixed);
            let class = class.and_then(|class| u16::try_from(class.0 >> 8).ok());
            limits.class = class.map(Class::Subclass);
            for section in against.iter().flat_map(|entry| &entry.devices) {
                let mut ids = section.ids.iter();
                if ids.any(|ids| !ids.is_any() && lists(*ids, function)) {
                    limits.leave_out(&section.limits, function);
                }
            }
        }
    }

    /// Why an entry splits nothing: the one function that prevents it.
    fn splits_nothing(&self, cause: &Cause<'_>, before: &Partition) -> Refused {
        let nothing = "an entry would split no group of this machine";
        if let Some((bdf, why)) = self.left_out.first() {
            return Refused(format!("{bdf}: {why}; {nothing}, because of this function"));
        }
        let own: BTreeSet<_> = self.functions.iter().map(|one| one.bdf).collect();
        if let Some(reason) = cause.of_no_grant(|bdf| own.contains(&bdf)) {
            return Refused(format!("{}; {nothing}", reason.words));
        }
        let Some(reason) = cause.of_above(&own, before) else {
            let first = self.functions[0].bdf;
            return Refused(format!(
                "{first}: {nothing}: its functions are in groups of their own"
            ));
        };
        let remedy = reason.remedy.unwrap_or_default();
        Refused(format!("{}; {nothing}; {remedy}", reason.words))
    }

    /// An entry that grants every flag that grouping asks for, with these limits of each function.
    fn entry(&self, limits: Option<&[Limits]>) -> Entry {
        let devices = |(at, function): (usize, &Function)| {
            let device = function.device?.value();
            let limits = limits.and_then(|limits| limits.get(at));
            Some(Devices {
                ids: vec![Ids {
                    vendor: function.vendor.value(),
                    first: device,
                    last: device,
                }],
                about: None,
                limits: limits.cloned().unwrap_or_default(),
            })
        };
        let mut all: Vec<Devices> = Vec::new();
        for one in self.functions.iter().enumerate().filter_map(devices) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        Entry {
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
            replaced_by: None,
            partial: None,
            mainline: None,
        }
    }

    /// Which functions are beyond the limits of the entry that lists them, and what follows.
    pub(super) fn beyond(&self) -> Option<String> {
        let existing = self.existing.as_ref()?;
        let is_beyond = |(function, limits): &(&Function, &Limits)| {
            limits.of_handler().include(&Silicon::of(function)) != Some(true)
        };
        let (function, limits) = self.functions.iter().zip(&self.limits).find(is_beyond)?;
        Some(format!(
            "As far as the capture shows, {} is beyond the limits of the entry {} ({limits}), so the entry does not split its \
             device: after is before. If the statement covers it, widen the limits first",
            function.bdf, existing.name
        ))
    }

    /// The statements against the isolation of functions of these kinds.
    fn statements_against<'e>(&self, entries: &'e [Entry]) -> impl Iterator<Item = &'e Entry> {
        let is_against = |entry: &&Entry| {
            let mut kinds = entry.kinds();
            entry.status == Status::NotIsolated && kinds.any(|kind| self.kinds.contains(&kind))
        };
        entries.iter().filter(is_against)
    }

    /// What is stated against the isolation of the functions, one sentence for each entry.
    pub(super) fn against(&self, entries: &[Entry]) -> Vec<String> {
        let sentence = |entry: &Entry| {
            let mut functions = self.functions.iter();
            if functions.clone().any(|function| entry.is_about(function)) {
                return Some(format!(
                    "The entry {0} has a statement against the isolation of these functions. The vendor must \
                     say why it does not hold; see acsctl quirk show {0}",
                    entry.name
                ));
            }
            let has = |ids: &Ids| !ids.is_any() && functions.any(|one| lists(*ids, one));
            entry.ids().any(has).then(|| {
                format!(
                    "The entry {} has a statement against the isolation of other functions with these ids \
                     ({}). {}",
                    entry.name,
                    entry.ids_and_limits(),
                    match self.existing {
                        Some(_) => "Limit the claim to what it leaves out",
                        None => "The limits of this draft leave them out; widen these only as far as they still do",
                    }
                )
            })
        };
        self.statements_against(entries)
            .filter_map(sentence)
            .collect()
    }

    /// The sections `[[match]]`, by vendor: one for each limits of its functions.
    pub(super) fn sections(&self) -> Vec<Section<'_>> {
        let mut sections: Vec<Section<'_>> = Vec::new();
        for (function, limits) in self.functions.iter().zip(&self.limits) {
            let vendor = function.vendor.value();
            let is_own =
                |section: &&mut Section<'_>| (section.vendor, section.limits) == (vendor, limits);
            if let Some(section) = sections.iter_mut().find(is_own) {
                section.functions.push(function);
            } else {
                sections.push(Section {
                    vendor,
                    limits,
                    functions: vec![function],
                });
            }
        }
        sections.sort_by_key(|section| section.vendor);
        sections
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

/// Functions of one vendor that have the same limits.
pub(super) struct Section<'d> {
    pub(super) vendor: u16,
    pub(super) limits: &'d Limits,
    pub(super) functions: Vec<&'d Function>,
}

impl Section<'_> {
    /// The device ids, in the notation of entries.
    pub(super) fn ids(&self) -> Vec<String> {
        let devices = self.functions.iter().filter_map(|one| one.device);
        ranges(&devices.map(topology::Hex::value).collect())
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

/// Whether an entry of this kind is for ports.
pub(super) const fn is_port(kind: Kind) -> bool {
    matches!(kind, Kind::RootPort | Kind::DownstreamPort)
}

/// The kind of an entry for a function, or why no entry can cover it. Fails if the capture does not
/// show that.
fn kind(seen: &Seen<'_>) -> Result<Result<Kind, &'static str>, Refused> {
    let function = seen.function;
    if !function.pcie_known || !function.acs_known {
        let why = "its capabilities could not be read; run this as root, or with a capture that \
                   was made as root";
        return refuse(function.bdf, why);
    }
    if function.acs.is_some() {
        return Ok(Err(
            "it has an ACS capability, which the kernel goes by; an entry has no effect on it",
        ));
    }
    let Some(found) = seen.pcie_type() else {
        return Ok(Err(
            "it is a conventional PCI function; only PCI Express functions can be isolated",
        ));
    };
    let kind = Kind::ALL.into_iter().find(|kind| kind.applies_to(found));
    Ok(kind.ok_or("there is no kind of entry for its PCIe type"))
}

/// Whether the ids are those of the function.
fn lists(ids: Ids, function: &Function) -> bool {
    let device = function.device.map(topology::Hex::value);
    device.is_some_and(|device| ids.contains(function.vendor.value(), device))
}

/// The entry that lists the function, if the database has one. Fails if mainline has it.
fn known<'e>(
    function: &Function,
    kind: Kind,
    entries: &'e [Entry],
) -> Result<Option<&'e Entry>, Refused> {
    let vendor = function.vendor.value();
    let Some(device) = function.device.map(topology::Hex::value) else {
        let why = "its device id is not known; make the text with lspci -D -vvvnn, which prints the ids as numbers";
        return refuse(function.bdf, why);
    };
    let speaks = |entry: &&Entry| {
        let mut ids = entry.ids();
        let exact = ids.any(|ids| ids.contains(vendor, device) && !ids.is_any());
        // A claim that leaves out what a statement against isolation is about may stand beside it.
        let is_meant = entry.status != Status::NotIsolated || entry.is_about(function);
        exact && is_meant && entry.kinds().any(|of| of == kind)
    };
    let Some(entry) = entries.iter().find(speaks) else {
        return Ok(None);
    };
    let (name, status) = (&entry.name, entry.status.name());
    match entry.status {
        Status::Candidate | Status::Validated | Status::Rejected | Status::Withdrawn => {
            Ok(Some(entry))
        }
        Status::Mainline | Status::NotIsolated | Status::Test => {
            let why = format!(
                "{vendor:04x}:{device:04x} is in the entry {name}, which is {status}; see acsctl \
                 quirk show {name}"
            );
            refuse(function.bdf, &why)
        }
    }
}
