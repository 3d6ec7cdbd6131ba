// SPDX-License-Identifier: GPL-2.0-only

//! Names of vendors, devices and classes, from the system's pci.ids.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use pciid_parser::Database;

use crate::{Function, Hex, Topology, merge::UNKNOWN_VENDOR};

/// The paths of the file on common systems.
const FILES: [&str; 3] = [
    "/usr/share/misc/pci.ids",
    "/usr/share/hwdata/pci.ids",
    "/run/current-system/sw/share/pci.ids",
];

/// An upper bound for the size of the file, in bytes; it grows by 30 KiB a year.
const MAX_BYTES: u64 = 8 << 20;

/// Names of classes for hosts without pci.ids: base class and subclass.
const CLASSES: [(u32, &str); 22] = [
    (0x0100, "SCSI storage controller"),
    (0x0101, "IDE interface"),
    (0x0104, "RAID bus controller"),
    (0x0106, "SATA controller"),
    (0x0107, "Serial Attached SCSI controller"),
    (0x0108, "Non-Volatile memory controller"),
    (0x0200, "Ethernet controller"),
    (0x0280, "Network controller"),
    (0x0300, "VGA compatible controller"),
    (0x0302, "3D controller"),
    (0x0380, "Display controller"),
    (0x0403, "Audio device"),
    (0x0600, "Host bridge"),
    (0x0601, "ISA bridge"),
    (0x0604, "PCI bridge"),
    (0x0806, "IOMMU"),
    (0x0880, "System peripheral"),
    (0x0c03, "USB controller"),
    (0x0c04, "Fibre Channel"),
    (0x0c05, "SMBus"),
    (0x0c06, "InfiniBand"),
    (0x1080, "Encryption controller"),
];

/// The owner of lines with a leading tab.
enum Part<'d> {
    /// A vendor, with the device ids that the machine has of it.
    Vendor(&'d BTreeSet<u16>),
    Classes,
    Other,
}

/// Names of the ids of a machine.
#[derive(Debug, Default)]
pub struct Names(Option<Database>);

impl Names {
    /// Reads the names for a machine's functions from the system's file. Without the file there are
    /// no names.
    #[must_use]
    pub fn of_system(topology: &Topology) -> Self {
        let mut files = FILES.iter().map(Path::new);
        let file = files.find(|file| file.is_file()).map(PathBuf::from);
        let text = file.and_then(|file| {
            let mut text = Vec::new();
            let opened = File::open(file).ok()?;
            opened.take(MAX_BYTES).read_to_end(&mut text).ok()?;
            Some(
                String::from_utf8(text)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            )
        });
        text.map_or_else(Self::default, |text| Self::of_text(&text, topology))
    }

    /// Reads the names for a machine's functions from text in the form of pci.ids.
    #[must_use]
    pub fn of_text(text: &str, topology: &Topology) -> Self {
        let mut devices: BTreeMap<u16, BTreeSet<u16>> = BTreeMap::new();
        for function in &topology.functions {
            let of_vendor = devices.entry(function.vendor.value()).or_default();
            of_vendor.extend(function.device.map(Hex::value));
        }
        // Most lines are about other devices, and parsing a line costs ten times as much as
        // skipping it. Names of subsystems are not needed.
        let mut kept = String::new();
        let mut part = Part::Other;
        for line in text.lines() {
            let id = |at: usize| u16::from_str_radix(line.get(at..at + 4)?, 16).ok();
            let is_wanted = match line.as_bytes() {
                [b'#', ..] | [b'\t', b'\t', ..] => false,
                [b'\t', ..] => match &part {
                    Part::Classes => true,
                    Part::Vendor(devices) => id(1).is_some_and(|id| devices.contains(&id)),
                    Part::Other => false,
                },
                [b'C', b' ', ..] => {
                    part = Part::Classes;
                    true
                }
                _ => {
                    let found = id(0).and_then(|id| devices.get(&id));
                    part = found.map_or(Part::Other, Part::Vendor);
                    found.is_some()
                }
            };
            if is_wanted {
                kept += line;
                kept.push('\n');
            }
        }
        Self(Database::parse_db(kept.as_bytes()).ok())
    }

    /// The vendor's name, or `vendor 8086` without one.
    #[must_use]
    pub fn vendor(&self, vendor: u16) -> String {
        if vendor == UNKNOWN_VENDOR {
            return "unknown vendor".to_owned();
        }
        let found = self.0.as_ref().and_then(|names| names.vendors.get(&vendor));
        found.map_or_else(
            || format!("vendor {vendor:04x}"),
            |found| found.name.clone(),
        )
    }

    /// The name of the function's class.
    #[must_use]
    pub fn class(&self, function: &Function) -> String {
        let Some(class) = function.class.map(|class| class.0) else {
            return "Device of unknown class".to_owned();
        };
        let [_, base, sub, _] = class.to_be_bytes();
        let known = self.0.as_ref().and_then(|names| names.classes.get(&base));
        if let Some(base) = known {
            let sub = base.subclasses.get(&sub).map(|sub| &sub.name);
            return sub.unwrap_or(&base.name).clone();
        }
        let built_in = CLASSES.iter().find(|(code, _)| *code == class >> 8);
        built_in.map_or_else(
            || format!("Class {:04x}", class >> 8),
            |(_, name)| (*name).to_owned(),
        )
    }

    /// The device's name without the vendor's, if there is one.
    #[must_use]
    pub fn device(&self, function: &Function) -> Option<&str> {
        let vendors = &self.0.as_ref()?.vendors;
        let vendor = vendors.get(&function.vendor.value())?;
        let device = vendor.devices.get(&function.device?.value())?;
        Some(&device.name)
    }

    /// The full name as lspci prints it: `Ethernet controller: Intel Corporation 82599ES
    /// [8086:10fb]`.
    #[must_use]
    pub fn whole(&self, function: &Function) -> String {
        let class = self.class(function);
        let vendor = self.vendor(function.vendor.value());
        let device = self
            .device(function)
            .map_or_else(String::new, |name| format!(" {name}"));
        format!("{class}: {vendor}{device} [{}]", ids(function))
    }
}

impl Names {
    /// A short name: the distinguishing part of the vendor's name, and the device.
    #[must_use]
    pub fn brief(&self, function: &Function) -> String {
        let vendor = self.vendor(function.vendor.value());
        let named = |text: &str| Some(text.split_once('[')?.1.split_once(']')?.0.to_owned());
        let short = named(&vendor).unwrap_or_else(|| {
            const ENDINGS: [&str; 6] = [
                " Corporation",
                ", Inc",
                " Inc.",
                " Co.",
                " Technology",
                " Semiconductor",
            ];
            let ends = ENDINGS.iter().filter_map(|ending| vendor.find(ending));
            let end = ends.min().unwrap_or(vendor.len());
            vendor[..end].to_owned()
        });
        let device = self.device(function).unwrap_or_default();
        let (class, ids) = (self.class(function), ids(function));
        printable(&format!("{class}: {short} {device} [{ids}]").replace("  ", " "))
    }

    /// As [`Names::whole`], without control characters.
    #[must_use]
    pub fn whole_printable(&self, function: &Function) -> String {
        printable(&self.whole(function))
    }
}

/// Vendor and device id: `8086:10fb`, `8086:?` if the device id is unknown, or `?:?` without both.
#[must_use]
pub fn ids(function: &Function) -> String {
    let device = function.device;
    let device = device.map_or_else(|| "?".to_owned(), |device| device.to_string());
    if function.vendor.value() == UNKNOWN_VENDOR && function.device.is_none() {
        return "?:?".to_owned();
    }
    format!("{}:{device}", function.vendor)
}

/// The text without characters that could control a terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    let shown = text
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c });
    shown.collect()
}
