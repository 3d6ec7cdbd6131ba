// SPDX-License-Identifier: GPL-2.0-only

//! Functions at the borders of a claim, inside and outside.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use quirk_data::{
    entry::{Devices, Entry},
    limits::Limits,
    register::Precondition,
};
use rules::{
    acs::AcsFlags,
    condition::{Condition, Place},
    config::Config,
    device::{Function, Record},
    entry::Kind,
    limits::Class,
    pcie::PcieType,
};

/// Sets of flags: the requests of kernel callers, and sets that some entries grant and others do
/// not.
const REQUESTS: [AcsFlags; 10] = [
    AcsFlags::GROUPING,
    AcsFlags::GROUPING.union(AcsFlags::DT),
    AcsFlags::RR.union(AcsFlags::UF),
    AcsFlags::RR.union(AcsFlags::CR),
    AcsFlags::SV,
    AcsFlags::TB,
    AcsFlags::EC,
    AcsFlags::DT,
    AcsFlags::NONE,
    AcsFlags::from_bits(0x0100),
];

/// Extended capability id of ACS.
const ACS: u16 = 0x000d;
/// Capability id of PCI Express.
const EXPRESS: Place = Place::Capability(0x10);

/// A function and a request.
#[derive(Clone)]
pub(crate) struct Probe {
    /// The non-zero dwords of its configuration space.
    space: BTreeMap<u16, u32>,
    is_virtual: bool,
    /// The requested flags.
    pub(crate) asked: AcsFlags,
    /// A description.
    about: String,
}

impl Probe {
    /// The form that `verdicts.c` reads.
    pub(crate) fn words(&self) -> Vec<u32> {
        let count = u32::try_from(self.space.len()).expect("there are 1024 at most");
        let head = [u32::from(self.is_virtual), self.asked.bits().into(), count];
        let dwords = self
            .space
            .iter()
            .flat_map(|(&at, &dword)| [at.into(), dword]);
        head.into_iter().chain(dwords).collect()
    }

    fn asked_for(&self, asked: AcsFlags) -> Self {
        Self {
            asked,
            ..self.clone()
        }
    }

    fn dword(&self, at: u16) -> u32 {
        self.space.get(&at).copied().unwrap_or_default()
    }

    fn but(&self, at: u16, dword: u32, about: impl fmt::Display) -> Self {
        let mut other = self.clone();
        other.space.insert(at, dword);
        other.about = format!("{}, {about}", self.about);
        other
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04x}:{:04x}{}, asked for {}, {:x?}",
            self.vendor(),
            self.device(),
            self.about,
            self.asked,
            self.space
        )
    }
}

impl Function for Probe {
    fn vendor(&self) -> u16 {
        half(self.dword(0), 0)
    }

    fn device(&self) -> u16 {
        half(self.dword(0), 16)
    }

    fn devfn(&self) -> u8 {
        0
    }

    fn pcie_type(&self) -> Option<PcieType> {
        let raw = Config::new(self).pcie_type(0).ok().flatten();
        raw.and_then(PcieType::from_raw)
    }

    fn is_virtual(&self) -> bool {
        self.is_virtual
    }

    fn has_acs(&self) -> bool {
        Config::new(self).has_acs(0).unwrap_or(false)
    }

    fn is_exposed(&self) -> bool {
        false
    }

    fn is_gone(&self) -> bool {
        false
    }

    fn is_ari(&self) -> bool {
        false
    }

    fn is_aliased(&self, _first: u8, _last: u8) -> bool {
        false
    }

    fn is_recordable(&self) -> bool {
        true
    }

    fn record(&self, devfn: u8) -> Record {
        if devfn == 0 {
            Record::Known
        } else {
            Record::None
        }
    }

    fn read_config(&self, devfn: u8, offset: u16) -> Option<u32> {
        Some(if devfn == 0 {
            self.dword(offset)
        } else {
            u32::MAX
        })
    }
}

fn half(dword: u32, shift: u32) -> u16 {
    u16::try_from((dword >> shift) & 0xffff).expect("16 bits")
}

/// Functions at the borders of an entry: each of its ids and the neighbours of its ranges, with
/// every set of flags; and for each id every type, and the borders of each limit and condition.
pub(crate) fn at_borders(entry: &Entry) -> Vec<Probe> {
    let mut probes = Vec::new();
    for devices in &entry.devices {
        let mut ids = BTreeSet::new();
        for range in &devices.ids {
            let (first, last) = (range.first, range.last);
            // For every device of a vendor, a sample.
            let step = if range.is_any() { 0x0f1 } else { 1 };
            let inside = (first..=last).step_by(step).chain([last]);
            let beside = [first.checked_sub(1), last.checked_add(1)];
            let here = inside.chain(beside.into_iter().flatten());
            ids.extend(here.map(|device| (range.vendor, device)));
            // The same device id of the neighbouring vendor ids.
            ids.extend([(range.vendor - 1, first), (range.vendor + 1, last)]);
        }
        for (vendor, device) in ids {
            let fit = laid_out(entry, devices, (vendor, device), None);
            // A check does not depend on the requested flags, so one set suffices for all but one
            // id.
            let asked: &[_] = if (vendor, device) == first_of(devices) {
                &REQUESTS
            } else {
                &[]
            };
            let functions = of_types(&fit)
                .into_iter()
                .chain(of_itself(&fit))
                .chain(of_limits(&fit, entry, &devices.limits))
                .chain(of_conditions(&fit, entry, devices));
            for function in functions {
                probes.extend(asked.iter().map(|asked| function.asked_for(*asked)));
                probes.push(function.asked_for(entry.acs));
            }
            probes.extend(REQUESTS.map(|asked| fit.asked_for(asked)));
            probes.push(fit.asked_for(entry.acs));
        }
    }
    probes
}

fn first_of(devices: &Devices) -> (u16, u16) {
    let first = devices.ids.first().expect("there is one");
    (first.vendor, first.first)
}

/// A function with each id of the entry's vendors.
pub(crate) fn of_every_id(entry: &Entry) -> Vec<Probe> {
    let vendors: BTreeSet<_> = entry.ids().map(|ids| ids.vendor).collect();
    let mut probes = Vec::new();
    for vendor in vendors {
        let mut of_vendor = entry
            .devices
            .iter()
            .filter(|one| one.ids[0].vendor == vendor);
        let devices = of_vendor.next().expect("there is one");
        let fit = laid_out(entry, devices, (vendor, 0), None).asked_for(entry.acs);
        let ids = (0..=u16::MAX).map(|device| (u32::from(device) << 16) | u32::from(vendor));
        probes.extend(ids.map(|ids| fit.but(0x00, ids, "one of all")));
    }
    probes
}

/// A function within the claim, if the entry lists these ids. `moved` moves a capability, or
/// removes it if the offset is 0.
fn laid_out(
    entry: &Entry,
    devices: &Devices,
    (vendor, device): (u16, u16),
    moved: Option<(Place, u16)>,
) -> Probe {
    let kind = entry.kinds[0];
    let limits = &devices.limits;
    let class = match limits.class {
        Some(Class::Subclass(class)) => u32::from(class) << 8,
        Some(Class::Interface(class)) => class,
        None => match kind {
            Kind::RootPort | Kind::DownstreamPort => 0x06_0400,
            Kind::MfEndpoint | Kind::RcEndpoint => 0x02_0000,
        },
    };
    let revision = limits.revisions.map_or(0, |(first, _)| u32::from(first));
    let mut space = BTreeMap::from([
        (0x00, (u32::from(device) << 16) | u32::from(vendor)),
        (0x04, 0x0010 << 16),
        (0x08, (class << 8) | revision),
    ]);
    if let Some((vendor, device)) = limits.subsystems.first() {
        space.insert(0x2c, (u32::from(*device) << 16) | u32::from(*vendor));
    }

    // The capabilities in the order of the lists, each with room for its registers.
    let conditions: Vec<_> = entry
        .conditions
        .iter()
        .map(Precondition::in_dword)
        .collect();
    let reserved: Vec<_> = conditions
        .iter()
        .filter(|one| one.at == Place::Config)
        .map(|one| one.offset)
        .collect();
    let mut rooms = BTreeMap::from([(key(EXPRESS), (EXPRESS, 0x08))]);
    for one in &conditions {
        let room = rooms.entry(key(one.at)).or_insert((one.at, 0x08));
        room.1 = room.1.max(one.offset + 4);
    }
    let mut positions = Vec::new();
    let (mut low, mut high) = (0x40, 0x100);
    for (place, room) in rooms.into_values() {
        let free = match place {
            Place::Config => continue,
            Place::Capability(_) => &mut low,
            Place::Extended(_) => &mut high,
        };
        while reserved.iter().any(|at| (*free..*free + room).contains(at)) {
            *free += 4;
        }
        let at = match moved {
            Some((moved, at)) if moved == place => at,
            _ => *free,
        };
        if at == *free {
            *free += room;
        }
        positions.push((place, at));
    }
    let is_low = |place: &Place| matches!(place, Place::Capability(_));
    let of = |low: bool| -> Vec<_> {
        let all = positions.iter().copied();
        all.filter(|(place, at)| is_low(place) == low && *at != 0)
            .collect()
    };
    let listed = of(true);
    let next = |list: &[(Place, u16)], index: usize| list.get(index + 1).map_or(0, |one| one.1);
    space.insert(0x34, listed.first().map_or(0, |one| u32::from(one.1)));
    for (index, (place, at)) in listed.iter().enumerate() {
        if let Place::Capability(id) = place {
            space.insert(*at, (u32::from(next(&listed, index)) << 8) | u32::from(*id));
        }
    }
    let mut listed = of(false);
    if listed.first().is_some_and(|one| one.1 != 0x100) {
        // The list starts there with an unrelated capability.
        listed.insert(0, (Place::Extended(0x0018), 0x100));
    }
    for (index, (place, at)) in listed.iter().enumerate() {
        if let Place::Extended(id) = place {
            let next = u32::from(next(&listed, index));
            space.insert(*at, (next << 20) | (1 << 16) | u32::from(*id));
        }
    }
    let mut probe = Probe {
        space,
        is_virtual: false,
        asked: AcsFlags::GROUPING,
        about: String::new(),
    };
    set_type(&mut probe, first_type(kind));
    for one in &conditions {
        let start = positions.iter().find(|(place, _)| *place == one.at);
        let at = (start.map_or(0, |one| one.1) + one.offset) % 0x1000;
        // If a capability is absent or ends before the register, the bytes there have the required
        // value anyway, except registers that define the function.
        let is_moved = moved.is_some_and(|(place, _)| place == one.at);
        let is_fixed = match at {
            0x00 | 0x0c | 0x34 => true,
            // The Capabilities List bit.
            0x04 => one.mask & (1 << 20) != 0,
            _ => false,
        };
        if !is_moved || !is_fixed {
            let bits = probe.dword(at) & !one.mask | one.value;
            probe.space.insert(at, bits);
        }
    }
    probe
}

/// The order of the lists: PCI Express first.
fn key(place: Place) -> (u8, u16) {
    match place {
        EXPRESS => (0, 0),
        Place::Capability(id) => (1, id.into()),
        Place::Extended(id) => (2, id),
        Place::Config => (3, 0),
    }
}

fn first_type(kind: Kind) -> u8 {
    match kind {
        Kind::MfEndpoint => 0x0,
        Kind::RootPort => 0x4,
        Kind::DownstreamPort => 0x6,
        Kind::RcEndpoint => 0x9,
    }
}

/// Sets a type, with the header of functions of that type.
fn set_type(probe: &mut Probe, raw: u8) {
    let at = Config::new(&*probe).capability(0, 0x10).ok().flatten();
    if let Some((at, dword)) = at {
        let dword = (dword & 0x0000_ffff) | (((u32::from(raw) << 4) | 2) << 16);
        probe.space.insert(at, dword);
    }
    let layout = u32::from((0x4..=0x8).contains(&raw));
    probe.space.insert(0x0c, layout << 16);
}

/// Every PCIe type, including reserved values, and no PCI Express capability.
fn of_types(fit: &Probe) -> Vec<Probe> {
    let mut probes: Vec<_> = (0x0..=0xf)
        .map(|raw| {
            let mut probe = fit.but(0x0c, 0, format!("type {raw:x}"));
            set_type(&mut probe, raw);
            probe
        })
        .collect();
    let express = Config::new(fit).capability(0, 0x10).ok().flatten();
    if let Some((at, dword)) = express {
        probes.push(fit.but(at, dword & !0xff | 0x05, "no PCIe device"));
    }
    probes
}

/// Functions outside every statement.
fn of_itself(fit: &Probe) -> Vec<Probe> {
    let mut probes = Vec::new();
    // A port is never a virtual function.
    if fit.dword(0x0c) == 0 {
        probes.push(Probe {
            is_virtual: true,
            about: ", virtual".to_owned(),
            ..fit.clone()
        });
    }
    // Alone in the list of extended capabilities, or after the first one.
    let (at, first) = (0xf00, fit.dword(0x100));
    let with_acs = if first == 0 {
        fit.but(0x100, (1 << 16) | u32::from(ACS), "with ACS")
    } else {
        let header = (1 << 16) | u32::from(ACS) | (first & 0xfff0_0000);
        let linked = (first & 0x000f_ffff) | (at << 20);
        let at = u16::try_from(at).expect("it is in the space");
        fit.but(0x100, linked, "with ACS").but(at, header, "too")
    };
    probes.push(with_acs);
    probes
}

/// The borders of each limit, and of the limits of the entry's other devices.
fn of_limits(fit: &Probe, entry: &Entry, limits: &Limits) -> Vec<Probe> {
    let all = || entry.devices.iter().map(|devices| &devices.limits);
    let mut probes = Vec::new();
    let with = |class: u32, revision: u32| {
        let about = format!("class {class:06x}, revision {revision:02x}");
        fit.but(0x08, (class << 8) | revision, about)
    };
    let (class, revision) = (fit.dword(0x08) >> 8, fit.dword(0x08) & 0xff);
    let revisions = all()
        .filter_map(|one| one.revisions)
        .flat_map(|(first, last)| {
            let beside = [first.checked_sub(1), last.checked_add(1)];
            [first, last, u8::MIN, u8::MAX]
                .into_iter()
                .chain(beside.into_iter().flatten())
        });
    probes.extend(revisions.map(|revision| with(class, revision.into())));
    let classes = all().filter_map(|one| one.class).flat_map(|wanted| {
        let class = match wanted {
            Class::Subclass(class) => u32::from(class) << 8,
            Class::Interface(class) => class,
        };
        // The class itself, and another interface, subclass and base class.
        [0, 0x00_0001, 0x00_0100, 0x01_0000].map(|bit| class ^ bit)
    });
    probes.extend(classes.map(|class| with(class, revision)));
    if !limits.subsystems.is_empty() {
        let listed: BTreeSet<_> = all().flat_map(|one| one.subsystems.clone()).collect();
        let mut subsystems = BTreeSet::from([(0, 0)]);
        for (vendor, device) in listed {
            subsystems.extend([
                (vendor, device),
                (vendor, device ^ 1),
                (vendor ^ 1, device),
                (device, vendor),
            ]);
            subsystems.extend(limits.subsystems.iter().map(|other| (vendor, other.1)));
        }
        probes.extend(subsystems.into_iter().map(|(vendor, device)| {
            let about = format!("subsystem {vendor:04x}:{device:04x}");
            fit.but(0x2c, (u32::from(device) << 16) | u32::from(vendor), about)
        }));
    }
    probes
}

/// Each condition violated: in each bit, without the capability, and with a capability that ends
/// before the register. Also changes of bits outside the mask.
fn of_conditions(fit: &Probe, entry: &Entry, devices: &Devices) -> Vec<Probe> {
    let mut probes = Vec::new();
    for one in &entry.conditions {
        let Condition {
            at: place,
            offset,
            mask,
            ..
        } = one.in_dword();
        let config = Config::new(fit);
        let (start, last) = match place {
            Place::Config => (Some(0), None),
            Place::Capability(id) => {
                let found = config.capability(0, id).ok().flatten();
                (found.map(|(at, _)| at), Some(0xfc))
            }
            Place::Extended(id) => (config.ext_capability(0, id).ok().flatten(), Some(0xffc)),
        };
        let Some(start) = start else {
            continue;
        };
        let register = start + offset;
        let bits = (0..32).map(|bit| (bit, 1_u32 << bit));
        // The first half of a capability's first dword is needed to find it.
        let is_free = |bit: u32| start == 0 || offset > 0 || bit >= 16;
        probes.extend(bits.filter(|(bit, _)| is_free(*bit)).map(|(bit, flag)| {
            let what = if mask & flag == 0 {
                "free"
            } else {
                "condition"
            };
            let dword = fit.dword(register) ^ flag;
            fit.but(
                register,
                dword,
                format!("{what} bit {bit} of {register:03x}"),
            )
        }));
        probes.push(fit.but(register, u32::MAX, format!("{register:03x} unreadable")));
        if let Some(last) = last {
            let ids = (fit.vendor(), fit.device());
            for (at, about) in [(0, "missing"), (last, "ends before")] {
                let mut probe = laid_out(entry, devices, ids, Some((place, at)));
                probe.about = format!(", {place} {about}");
                probes.push(probe);
            }
        }
    }
    probes
}
