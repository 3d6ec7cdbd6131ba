// SPDX-License-Identifier: GPL-2.0-only

//! The functions inside an entry's claim, and those just outside it.

use std::iter;

use quirk_data::entry::{Devices, Entry, Ids};
use rules::{
    condition::Condition,
    entry::Kind,
    limits::Class,
    pcie::{HeaderLayout, PcieType},
};

/// The properties of a function to emulate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmulatedFunction {
    /// Kind of the function.
    pub kind: Kind,
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Class code with programming interface, 24 bits.
    pub class: u32,
    /// Revision id.
    pub revision: u8,
    /// Subsystem vendor and device id. Ports have none.
    pub subsystem: (u16, u16),
    /// Required values of registers.
    pub registers: Vec<Condition>,
}

/// Functions of one kind that an entry claims. They cover every id in a list, the first and last id
/// of a range, both ends of each limit, and every subsystem.
#[must_use]
pub(super) fn inside(quirk: &Entry, kind: Kind) -> Vec<EmulatedFunction> {
    let devices = quirk.devices.iter();
    devices
        .flat_map(|matched| of(quirk, kind, matched))
        .collect()
}

/// Functions of one kind just outside an entry's claim, each with its difference. `is_free` returns
/// whether neither the kernel nor a table claims an id.
#[must_use]
pub(super) fn outside(
    quirk: &Entry,
    kind: Kind,
    is_free: impl Fn(u16, u16) -> bool,
) -> Vec<(String, EmulatedFunction)> {
    let mut found = Vec::new();
    for devices in &quirk.devices {
        let Some(inside) = of(quirk, kind, devices).into_iter().next() else {
            continue;
        };
        let excluded = quirk.excludes.iter().flat_map(|excluded| &excluded.ids);
        let excluded = excluded.filter(|ids| ids.vendor == inside.vendor);
        let ids = neighbours(&devices.ids, &is_free).chain(excluded.map(|ids| ids.first));
        for device in ids.filter(|&device| is_free(inside.vendor, device)) {
            let what = format!("{:04x}:{device:04x}, another device", inside.vendor);
            let inside = inside.clone();
            found.push((what, EmulatedFunction { device, ..inside }));
        }
        found.extend(beyond_limits(devices, &inside));
    }
    // Two matches may have the same neighbours.
    let mut known = Vec::new();
    found.retain(|(_, function)| {
        let is_new = !known.contains(function);
        known.push(function.clone());
        is_new
    });
    found.extend(
        inside(quirk, kind)
            .first()
            .into_iter()
            .flat_map(beyond_conditions),
    );
    found
}

/// The functions of one `[[match]]`.
fn of(quirk: &Entry, kind: Kind, devices: &Devices) -> Vec<EmulatedFunction> {
    let limits = &devices.limits;
    if !limits.allow(kind) {
        return Vec::new();
    }
    let ids: Vec<(u16, u16)> = devices.ids.iter().flat_map(ends).collect();
    let (first, last) = limits.revisions.unwrap_or_default();
    let revisions = if first == last {
        vec![first]
    } else {
        vec![first, last]
    };
    let class = match (limits.class, kind.layout()) {
        (Some(Class::Subclass(class)), _) => u32::from(class) << 8,
        (Some(Class::Interface(class)), _) => class,
        // A network adapter, and a PCI-to-PCI bridge.
        (None, HeaderLayout::Endpoint) => 0x02_0000,
        (None, HeaderLayout::Bridge) => 0x06_0400,
    };
    let count = ids.len().max(revisions.len()).max(limits.subsystems.len());
    let subsystems = limits.subsystems.iter().copied().cycle();
    let subsystems = subsystems.map(Some).chain(iter::repeat(None));
    let all = ids.iter().cycle().zip(revisions.iter().cycle());
    all.zip(subsystems)
        .take(count)
        .map(
            |((&(vendor, device), &revision), subsystem)| EmulatedFunction {
                kind,
                vendor,
                device,
                class,
                revision,
                subsystem: subsystem.unwrap_or((vendor, 0)),
                registers: registers(quirk),
            },
        )
        .collect()
}

/// The first and the last device id of a range.
fn ends(ids: &Ids) -> impl Iterator<Item = (u16, u16)> {
    let last = (ids.last != ids.first).then_some(ids.last);
    let vendor = ids.vendor;
    iter::once(ids.first)
        .chain(last)
        .map(move |device| (vendor, device))
}

/// The values of registers that the entry requires.
fn registers(quirk: &Entry) -> Vec<Condition> {
    let conditions = quirk.conditions.iter();
    conditions
        .map(quirk_data::register::Precondition::in_dword)
        .collect()
}

/// The nearest free ids below and above a set of ids of one vendor.
fn neighbours(ids: &[Ids], is_free: impl Fn(u16, u16) -> bool) -> impl Iterator<Item = u16> {
    let vendor = ids.first().map_or(0, |ids| ids.vendor);
    let lowest = ids.iter().map(|ids| ids.first).min().unwrap_or(0);
    let highest = ids.iter().map(|ids| ids.last).max().unwrap_or(0);
    let below = (1..lowest).rev().find(|&device| is_free(vendor, device));
    // An absent function reads as ffff.
    let mut above = highest.saturating_add(1)..0xffff;
    let above = above.find(|&device| is_free(vendor, device));
    below.into_iter().chain(above)
}

/// Functions like `inside`, each beyond one limit of its `[[match]]`.
fn beyond_limits(devices: &Devices, inside: &EmulatedFunction) -> Vec<(String, EmulatedFunction)> {
    let limits = &devices.limits;
    let mut found = Vec::new();
    let (first, last) = limits.revisions.unwrap_or((u8::MIN, u8::MAX));
    for revision in [first.checked_sub(1), last.checked_add(1)]
        .into_iter()
        .flatten()
    {
        let what = format!("revision {revision:02x}");
        let inside = inside.clone();
        found.push((what, EmulatedFunction { revision, ..inside }));
    }
    let class = match limits.class {
        Some(Class::Subclass(class)) => Some(u32::from(class ^ 1) << 8),
        Some(Class::Interface(class)) => Some(class ^ 1),
        None => None,
    };
    if let Some(class) = class {
        let what = format!("class {class:06x}");
        let inside = inside.clone();
        found.push((what, EmulatedFunction { class, ..inside }));
    }
    if let Some(&(vendor, device)) = limits.subsystems.last() {
        let is_other = |device: &u16| !limits.subsystems.contains(&(vendor, *device));
        let others = (device..=u16::MAX).chain(0..device);
        if let Some(device) = others.into_iter().find(is_other) {
            let what = format!("subsystem {vendor:04x}:{device:04x}");
            let subsystem = (vendor, device);
            let inside = inside.clone();
            found.push((
                what,
                EmulatedFunction {
                    subsystem,
                    ..inside
                },
            ));
        }
    }
    found
}

/// Functions like `inside`, each with one wrong bit in one register.
fn beyond_conditions(
    inside: &EmulatedFunction,
) -> impl Iterator<Item = (String, EmulatedFunction)> {
    (0..inside.registers.len()).map(|index| {
        let mut other = inside.clone();
        let register = &mut other.registers[index];
        register.value ^= register.mask & register.mask.wrapping_neg();
        (format!("condition {} not met", index + 1), other)
    })
}

/// The PCIe type of a kind, and the raw Device/Port Type.
#[must_use]
pub(super) const fn port_type(kind: Kind) -> (PcieType, u8) {
    match kind {
        Kind::MfEndpoint => (PcieType::Endpoint, 0x0),
        Kind::RootPort => (PcieType::RootPort, 0x4),
        Kind::DownstreamPort => (PcieType::DownstreamPort, 0x6),
        Kind::RcEndpoint => (PcieType::RcEndpoint, 0x9),
    }
}
