// SPDX-License-Identifier: GPL-2.0-only

//! An entry, as one data file states it.

use std::{fmt, ops::Range};

use rules::{
    acs::AcsFlags,
    entry::{CatchAll, Kind},
};
use topology::Partition;

pub use grouping::handlers::Requirement;

use rules::release::Release;

use crate::{
    limits::Limits,
    register::{Precondition, Write},
};

/// What is known of a claim, and with that, what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// A vendor's statement is on record.
    Validated,
    /// Merged into mainline Linux.
    Mainline,
    /// Plausible, but the evidence is not sufficient.
    Candidate,
    /// Asked for, and refused.
    Rejected,
    /// Stated once, and taken back.
    Withdrawn,
    /// For an emulated device.
    Test,
}

impl Status {
    /// Every status, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Validated,
        Self::Mainline,
        Self::Candidate,
        Self::Rejected,
        Self::Withdrawn,
        Self::Test,
    ];

    /// The name that the data files use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validated => "validated",
            Self::Mainline => "mainline",
            Self::Candidate => "candidate",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Test => "test",
        }
    }

    /// What it means, in a clause.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Validated => {
                "a person who speaks for the vendor of the silicon has stated, in a place that can \
                 be cited and for exactly these ids, that the functions cannot reach each other \
                 without passing the IOMMU"
            }
            Self::Mainline => "merged into mainline Linux",
            Self::Candidate => "plausible, but the evidence does not suffice",
            Self::Rejected => "asked for and refused; kept so that nobody adds it again",
            Self::Withdrawn => "stated once and taken back; kept so that nobody adds it again",
            Self::Test => "for an emulated device",
        }
    }

    /// Which module is built with it.
    #[must_use]
    pub const fn built_into(self) -> &'static str {
        match self {
            Self::Validated => "acs_quirks.ko",
            Self::Mainline => {
                "acs_quirks.ko for kernels older than the release that has it; nothing where mainline took it back"
            }
            Self::Candidate => "acs_quirks_candidates.ko, which taints the kernel",
            Self::Rejected | Self::Withdrawn => "nothing",
            Self::Test => "acs_quirks_test.ko, which taints the kernel",
        }
    }

    /// Whether it is negative knowledge: what must not be claimed.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::Rejected | Self::Withdrawn)
    }
}

/// A closed range of device ids of one vendor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ids {
    /// PCI vendor id.
    pub vendor: u16,
    /// First device id.
    pub first: u16,
    /// Last device id, not below the first.
    pub last: u16,
    /// Where the file says so, in bytes.
    pub(crate) span: Range<usize>,
}

impl Ids {
    /// How many device ids it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::from(self.last - self.first) + 1
    }

    /// Whether a device is in it.
    #[must_use]
    pub const fn contains(&self, vendor: u16, device: u16) -> bool {
        self.vendor == vendor && self.first <= device && device <= self.last
    }

    /// Whether it is every device of the vendor.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.first == u16::MIN && self.last == u16::MAX
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

/// Devices that an entry deliberately leaves out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excluded {
    /// The devices, in the order of the file.
    pub ids: Vec<Ids>,
    /// Why.
    pub why: String,
}

/// How a device lays out its ACS registers, where that is not as the specification has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AcsRegisters {
    /// Capability and control are dwords, at the offsets 4 and 8 of the ACS capability, and not
    /// words at 4 and 6.
    Dword,
}

impl AcsRegisters {
    /// Every layout, in the order of the documentation.
    pub const ALL: [Self; 1] = [Self::Dword];

    /// The name that the data files use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dword => "dword",
        }
    }
}

/// What mainline Linux has of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mainline {
    /// The first release that has it, as `v5.8`, if known.
    pub since: Option<String>,
    /// The first release that no longer has it, as `v7.3`, where it was taken back.
    pub until: Option<String>,
    /// The commit that brought it, if known.
    pub commit: Option<String>,
    /// The handler in `drivers/pci/quirks.c`.
    pub handler: String,
    /// Whether the handler answers for a device of any PCIe type, or none: the kinds are then what
    /// it was written for, and nothing that it looks at.
    pub any_type: bool,
    /// Why the data does not suffice to tell what the handler answers, if it does not.
    pub not_expressed: Option<String>,
    /// Where the file says so: the value of `since`, or the section.
    pub(crate) at: Range<usize>,
}

impl Mainline {
    /// The first release that has it, if known.
    #[must_use]
    pub fn since_release(&self) -> Option<Release> {
        release(self.since.as_deref())
    }

    /// The first release that no longer has it, where it was taken back.
    #[must_use]
    pub fn until_release(&self) -> Option<Release> {
        release(self.until.as_deref())
    }

    /// Whether mainline took it back: its silence is a decision then, and no module speaks instead.
    #[must_use]
    pub const fn is_taken_back(&self) -> bool {
        self.until.is_some()
    }

    /// Whether a kernel lacks the entry: the release is older than the first one that has it, or has it
    /// no longer. Where the first release is not known, no kernel counts as one that lacks it.
    #[must_use]
    pub fn is_missing_in(&self, kernel: Release) -> bool {
        let is_too_old = self.since_release().is_some_and(|since| kernel < since);
        is_too_old || self.until_release().is_some_and(|until| until <= kernel)
    }
}

/// The release that a text as `v5.8` names.
fn release(text: Option<&str>) -> Option<Release> {
    text?.strip_prefix('v')?.parse().ok()
}

/// What was stated, and where that can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// What was stated, in prose.
    pub statement: Option<String>,
    /// Who stated it, and for whom.
    pub stated_by: Option<String>,
    /// The day of the statement, as `2014-11-03`.
    pub date: Option<String>,
    /// Addresses under which it can be read.
    pub sources: Vec<String>,
}

/// One `[[match]]` of a file: devices of one vendor that belong together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Devices {
    /// The devices, in the order of the file; all of one vendor.
    pub ids: Vec<Ids>,
    /// What they are, for people.
    pub about: Option<String>,
    /// For which of the functions with these ids the entry speaks.
    pub limits: Limits,
}

/// The groups that a captured machine is expected to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expect {
    /// The file with the capture, beside the data file.
    pub capture: String,
    /// The groups that a function of the entry is in, without the entry.
    pub before: Partition,
    /// The groups of the same functions with the entry.
    pub after: Partition,
    /// Where the file says so: capture, before and after.
    pub(crate) spans: [Range<usize>; 3],
}

/// An entry, as one data file states it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quirk {
    /// Number by which an owner withdraws the entry, 1 or more.
    pub number: u16,
    /// Vendor's folder and silicon family: `vendor/family`.
    pub name: String,
    /// What is known of it.
    pub status: Status,
    /// The name of the silicon, for people.
    pub title: Option<String>,
    /// What kind of function it speaks for.
    pub kind: Kind,
    /// More kinds, with the same claim.
    pub more_kinds: Vec<Kind>,
    /// The flags that it grants; none where `acs_registers` says how to read them.
    pub acs: AcsFlags,
    /// The layout by which the flags are read from the device; only in mainline entries.
    pub acs_registers: Option<AcsRegisters>,
    /// What else must hold; but for [`Requirement::NoAcsCapability`] only in mainline entries.
    pub requires: Vec<Requirement>,
    /// The in-tree catch-all that it corrects, if any.
    pub supersedes: Option<CatchAll>,
    /// The devices, in the order of the file.
    pub devices: Vec<Devices>,
    /// What registers must say, in the order of the file.
    pub conditions: Vec<Precondition>,
    /// What the kernel writes before its handler answers; only in mainline entries.
    pub program: Vec<Write>,
    /// Devices that it deliberately leaves out.
    pub excludes: Vec<Excluded>,
    /// Why the status is not more than it is.
    pub reason: Option<String>,
    /// What was stated, and where that can be read.
    pub evidence: Option<Evidence>,
    /// What of the package it does not speak for, and what follows from that.
    pub partial: Option<String>,
    /// The groups of captured machines, without and with the entry.
    pub expects: Vec<Expect>,
    /// What mainline Linux has of it; in mainline entries, and in no others.
    pub mainline: Option<Mainline>,
}

impl Quirk {
    /// Every kind that it speaks for, in the order of the file.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        std::iter::once(self.kind).chain(self.more_kinds.iter().copied())
    }

    /// The names of the kinds that it speaks for, with commas.
    #[must_use]
    pub fn kind_names(&self) -> String {
        let names: Vec<_> = self.kinds().map(Kind::name).collect();
        names.join(",")
    }

    /// Every range of device ids, in the order of the file.
    pub fn ids(&self) -> impl Iterator<Item = &Ids> {
        self.devices.iter().flat_map(|devices| &devices.ids)
    }
}
