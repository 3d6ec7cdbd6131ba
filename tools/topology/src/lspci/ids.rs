// SPDX-License-Identifier: GPL-2.0-only

//! Reads the ids of functions in lspci output: as numbers, or as names, which pci.ids translates.

use std::sync::OnceLock;

use pciid_parser::Database;

use crate::hex::{self, Hex};

/// The contents of a function's first line.
pub(super) struct Ids {
    /// `None` if only names were shown that pci.ids does not list.
    pub(super) vendor: Option<u16>,
    /// `None` if only a name was shown that no device or several devices have.
    pub(super) device: Option<u16>,
    /// The devices with the shown name.
    pub(super) candidates: Vec<Hex<4>>,
    /// Whether names were translated.
    pub(super) by_name: bool,
    pub(super) class: Option<Hex<6>>,
    pub(super) revision: Option<Hex<2>>,
}

/// The names in the system's pci.ids. The file is read on first use.
#[derive(Default)]
pub(super) struct Names(OnceLock<Option<Database>>);

impl Names {
    fn all(&self) -> Option<&Database> {
        self.0.get_or_init(|| Database::read().ok()).as_ref()
    }
}

/// Reads the ids in the line after the address: `Audio device [0403]: Intel Corporation ...
/// [8086:a170] (rev 31) (prog-if 00)`, or the same with only numbers or only names, in any case.
/// `None` without a class.
pub(super) fn of_header(text: &str, names: &Names) -> Option<Ids> {
    let lower = text.to_ascii_lowercase();
    let text = lower.as_str();
    let revision = in_brackets(text, "(rev ").and_then(|text| hex::parse(text.get(..2)?, 2));
    let interface = in_brackets(text, "(prog-if ").and_then(|text| hex::parse(text.get(..2)?, 2));
    let (class, device) = text.split_once(": ")?;
    let number = match class.rsplit_once('[') {
        Some((_, number)) => hex::parse(number.trim_end_matches(']').trim(), 4),
        None => hex::parse(class, 4).or_else(|| class_by_name(class, names)),
    };
    let class = number.map(|number| Hex((number << 8) | interface.unwrap_or(0)));
    // What follows may have been lost.
    let end = [" (rev", " (prog-if"]
        .iter()
        .filter_map(|part| device.find(part))
        .min();
    let device = device[..end.unwrap_or(device.len())].trim();
    let pair = |text: &str| {
        let (vendor, device) = text.split_once(':')?;
        let id = |text: &str| hex::parse(text.trim(), 4).and_then(|id| u16::try_from(id).ok());
        Some((id(vendor)?, id(device)?))
    };
    let in_square = device
        .rsplit_once('[')
        .map(|(_, ids)| ids.trim_end_matches(']'));
    let unnamed = device.strip_prefix("device ").and_then(pair);
    let numbers = in_square
        .and_then(pair)
        .or_else(|| pair(device))
        .or(unnamed);
    let ids = |vendor, device| Ids {
        vendor,
        device,
        candidates: Vec::new(),
        by_name: false,
        class,
        // lspci omits a revision of 00.
        revision: Some(Hex(revision.unwrap_or(0))),
    };
    if let Some((vendor, device)) = numbers {
        return Some(ids(Some(vendor), Some(device)));
    }
    let (vendor, devices) = by_name(device, names).unzip();
    let devices = devices.unwrap_or_default();
    let only = match devices[..] {
        [only] => Some(only),
        _ => None,
    };
    Some(Ids {
        by_name: true,
        candidates: match only {
            Some(_) => Vec::new(),
            None => devices.into_iter().map(Hex::id).collect(),
        },
        ..ids(vendor, only)
    })
}

fn in_brackets<'t>(text: &'t str, begin: &str) -> Option<&'t str> {
    text.rsplit_once(begin).map(|(_, rest)| rest)
}

/// The vendor whose name a text starts with, and its devices that have the rest of the text as
/// name. `None` also if two vendors have that name, and the rest does not decide.
fn by_name(text: &str, names: &Names) -> Option<(u16, Vec<u16>)> {
    let all = names.all()?;
    let begins = |name: &str| {
        let begin = text.get(..name.len())?;
        let rest = text.get(name.len()..)?;
        let is_whole = rest.is_empty() || rest.starts_with(' ');
        (is_whole && begin.eq_ignore_ascii_case(name)).then(|| rest.trim_start())
    };
    let vendors = all.vendors.iter();
    let found: Vec<_> = vendors
        .filter_map(|(id, vendor)| Some((vendor.name.len(), *id, vendor, begins(&vendor.name)?)))
        .collect();
    let longest = found.iter().map(|(length, ..)| *length).max()?;
    let mut known = Vec::new();
    for (_, id, vendor, rest) in found.iter().filter(|(length, ..)| *length == longest) {
        let unnamed = rest.strip_prefix("device ");
        let unnamed = unnamed.and_then(|device| hex::parse(device, 4));
        let unnamed = unnamed.and_then(|device| u16::try_from(device).ok());
        let all = vendor.devices.iter();
        let same = all.filter(|(_, device)| device.name.eq_ignore_ascii_case(rest));
        let mut devices: Vec<u16> = same.map(|(device, _)| *device).chain(unnamed).collect();
        devices.sort_unstable();
        known.push((*id, devices));
    }
    if known.len() > 1 {
        known.retain(|(_, devices)| !devices.is_empty());
    }
    let only = known.pop()?;
    known.is_empty().then_some(only)
}

/// The names of the classes that most functions have, for hosts without pci.ids: those of the PCI Code and ID
/// Assignment Specification as pci.ids writes them, in lower case.
pub(super) const CLASSES: [(&str, u32); 36] = [
    ("host bridge", 0x0600),
    ("isa bridge", 0x0601),
    ("pci bridge", 0x0604),
    ("bridge", 0x0680),
    ("vga compatible controller", 0x0300),
    ("3d controller", 0x0302),
    ("display controller", 0x0380),
    ("ethernet controller", 0x0200),
    ("infiniband controller", 0x0207),
    ("network controller", 0x0280),
    ("non-volatile memory controller", 0x0108),
    ("sata controller", 0x0106),
    ("raid bus controller", 0x0104),
    ("serial attached scsi controller", 0x0107),
    ("audio device", 0x0403),
    ("multimedia audio controller", 0x0401),
    ("usb controller", 0x0c03),
    ("smbus", 0x0c05),
    ("communication controller", 0x0780),
    ("iommu", 0x0806),
    ("sd host controller", 0x0805),
    ("encryption controller", 0x1080),
    ("non-essential instrumentation", 0x1300),
    ("signal processing controller", 0x1180),
    ("system peripheral", 0x0880),
    ("serial controller", 0x0700),
    ("serial bus controller", 0x0c80),
    ("multimedia controller", 0x0480),
    ("multimedia video controller", 0x0400),
    ("scsi storage controller", 0x0100),
    ("ide interface", 0x0101),
    ("mass storage controller", 0x0180),
    ("firewire (ieee 1394)", 0x0c00),
    ("memory controller", 0x0580),
    ("co-processor", 0x0b40),
    ("processing accelerators", 0x1200),
];

fn class_by_name(text: &str, names: &Names) -> Option<u32> {
    let known = CLASSES.iter().find(|(name, _)| *name == text);
    if let Some((_, class)) = known {
        return Some(*class);
    }
    let all = names.all()?;
    all.classes.iter().find_map(|(&base, class)| {
        let mut subclasses = class.subclasses.iter();
        let found = subclasses.find(|(_, class)| class.name.eq_ignore_ascii_case(text));
        found.map(|(&sub, _)| (u32::from(base) << 8) | u32::from(sub))
    })
}
