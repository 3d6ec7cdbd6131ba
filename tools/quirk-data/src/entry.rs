// SPDX-License-Identifier: GPL-2.0-only

//! An entry, as its file states it.

use rules::{
    acs::AcsFlags,
    entry::{CatchAll, Kind},
    pcie::PcieType,
};
use serde::{Deserialize, Serialize};

pub use grouping::handlers::{Ids, Requirement};

use grouping::handlers::Silicon;
use rules::release::Release;
use topology::Function;

use crate::{
    limits::Limits,
    register::{Precondition, Write},
};

/// The status of a claim, which decides where the entry is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// A vendor's statement is on record.
    Validated,
    /// Merged into mainline Linux.
    Mainline,
    /// Plausible, without sufficient evidence.
    Candidate,
    /// Requested and refused.
    Rejected,
    /// Stated once and retracted.
    Withdrawn,
    /// Stated not to be isolated.
    NotIsolated,
    /// For an emulated device.
    Test,
}

impl Status {
    /// Every status, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Validated,
        Self::Mainline,
        Self::Candidate,
        Self::Rejected,
        Self::Withdrawn,
        Self::NotIsolated,
        Self::Test,
    ];

    /// The name in entries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validated => "validated",
            Self::Mainline => "mainline",
            Self::Candidate => "candidate",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::NotIsolated => "not-isolated",
            Self::Test => "test",
        }
    }

    /// The meaning, in a clause.
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
            Self::Rejected => "asked for and refused; kept so that it is not added again",
            Self::Withdrawn => {
                "stated once and taken back; kept so that it is not added again. With a section \
                 [mainline], the kernels from its release on still grant it"
            }
            Self::NotIsolated => {
                "somebody has stated, in a place that can be cited, that the functions can reach \
                 each other, or that a service does not work; acs lists the flags that do not hold"
            }
            Self::Test => "for an emulated device",
        }
    }

    /// The module that contains entries of this status.
    #[must_use]
    pub const fn built_into(self) -> &'static str {
        match self {
            Self::Validated => "acs_quirks.ko",
            Self::Mainline => {
                "acs_quirks.ko for kernels older than the release that has it; nothing where mainline took it back"
            }
            Self::Candidate => "acs_quirks_candidates.ko, which taints the kernel",
            Self::Rejected | Self::Withdrawn | Self::NotIsolated => "nothing",
            Self::Test => "acs_quirks_test.ko, which taints the kernel",
        }
    }

    /// Whether the entry states that something must not be claimed.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::Rejected | Self::Withdrawn | Self::NotIsolated)
    }
}

/// Devices that an entry deliberately excludes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Excluded {
    /// The ids, in the order of the file.
    #[serde(rename = "devices", with = "crate::json_form")]
    pub ids: Vec<Ids>,
    /// The reason.
    pub why: String,
}

/// A non-standard layout of a device's ACS registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AcsRegisters {
    /// Capability and control are dwords at offsets 4 and 8 of the ACS capability, instead of words
    /// at 4 and 6.
    Dword,
}

impl AcsRegisters {
    /// Every layout, in the order of the documentation.
    pub const ALL: [Self; 1] = [Self::Dword];

    /// The name in entries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dword => "dword",
        }
    }
}

/// The state of an entry in mainline Linux.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mainline {
    /// The first release with the quirk, such as `v5.8`, if known.
    pub since: Option<String>,
    /// The first release without it again, such as `v7.3`, if mainline removed it.
    pub until: Option<String>,
    /// The commit that added it, if known.
    pub commit: Option<String>,
    /// The C function of the handler in `drivers/pci/quirks.c`.
    pub handler: String,
    /// Whether the handler ignores the PCIe type. The kinds are then what the handler was written
    /// for, not what it checks.
    pub any_type: bool,
    /// Why the entry cannot express the handler's answer, if it cannot.
    #[serde(flatten, with = "crate::json_form::expressed")]
    pub not_expressed: Option<String>,
}

impl Mainline {
    /// The first release with the quirk, if known.
    #[must_use]
    pub fn since_release(&self) -> Option<Release> {
        release(self.since.as_deref())
    }

    /// The first release without it again, if mainline removed it.
    #[must_use]
    pub fn until_release(&self) -> Option<Release> {
        release(self.until.as_deref())
    }

    /// The releases with the quirk: `since v5.8, until v7.3`.
    #[must_use]
    pub fn releases(&self) -> String {
        let since = self.since.as_deref().unwrap_or("an unknown release");
        let until = self.until.as_ref();
        let until = until.map_or_else(String::new, |until| format!(", until {until}"));
        format!("since {since}{until}")
    }

    /// Whether mainline removed the quirk. Mainline's silence is then a decision, and no module
    /// makes the claim instead.
    #[must_use]
    pub const fn is_taken_back(&self) -> bool {
        self.until.is_some()
    }

    /// Whether a kernel lacks the quirk: its release is before `since`, or at or after `until`. If
    /// `since` is unknown, no kernel counts as lacking it.
    #[must_use]
    pub fn is_missing_in(&self, kernel: Release) -> bool {
        let is_too_old = self.since_release().is_some_and(|since| kernel < since);
        is_too_old || self.is_removed_in(kernel)
    }

    /// Whether the release of a kernel is at or after `until`.
    #[must_use]
    pub fn is_removed_in(&self, kernel: Release) -> bool {
        self.until_release().is_some_and(|until| until <= kernel)
    }
}

/// The release named by a text such as `v5.8`.
fn release(text: Option<&str>) -> Option<Release> {
    text?.strip_prefix('v')?.parse().ok()
}

/// A vendor's statement, and where it can be read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evidence {
    /// The text of the statement.
    pub statement: Option<String>,
    /// The author, and the organisation that the author represents.
    pub stated_by: Option<String>,
    /// The date of the statement, such as `2014-11-03`.
    pub date: Option<String>,
    /// The addresses of documents with the statement.
    pub sources: Vec<String>,
    /// Whether the author does not represent the vendor and reports what others have found.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hearsay: bool,
}

/// Whether a flag is not set, for `serde`.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Whether an entry has no number, for `serde`.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_none(number: &u16) -> bool {
    *number == 0
}

/// One `[[match]]` section of a file: devices of one vendor that belong together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Devices {
    /// The ids, in the order of the file; all of one vendor.
    #[serde(rename = "devices", with = "crate::json_form")]
    pub ids: Vec<Ids>,
    /// A description, for people.
    pub about: Option<String>,
    /// The limits of the claim within these ids.
    #[serde(flatten)]
    pub limits: Limits,
}

/// An entry, as its file states it. The JSON form has the keys of the file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// The number by which an owner withdraws the entry, from 1; 0 for an entry of the status
    /// `not-isolated`, which no module contains.
    #[serde(default, skip_serializing_if = "is_none")]
    pub number: u16,
    /// The entry's name: `vendor/family`.
    #[serde(rename = "id")]
    pub name: String,
    /// The name of the silicon, for people.
    #[serde(rename = "name")]
    pub title: Option<String>,
    /// The status of the claim.
    #[serde(with = "crate::json_form")]
    pub status: Status,
    /// The kinds of function that the entry applies to, at least one.
    #[serde(rename = "kind", with = "crate::json_form")]
    pub kinds: Vec<Kind>,
    /// The granted flags; none if `acs_registers` says how to read them from the device.
    #[serde(with = "crate::json_form")]
    pub acs: AcsFlags,
    /// The layout of the registers that hold the flags; only in mainline entries.
    #[serde(with = "crate::json_form")]
    pub acs_registers: Option<AcsRegisters>,
    /// Further requirements. Only mainline entries may have any other than
    /// [`Requirement::NoAcsCapability`].
    #[serde(with = "crate::json_form")]
    pub requires: Vec<Requirement>,
    /// The in-tree catch-all handler that the entry corrects, if any.
    #[serde(with = "crate::json_form")]
    pub supersedes: Option<CatchAll>,
    /// The reason for the status, if it is less than `validated`.
    pub reason: Option<String>,
    /// The name of the entry that replaces this one; only in withdrawn entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// The part of the device that the entry does not cover, and the consequence.
    pub partial: Option<String>,
    /// The devices, in the order of the file.
    #[serde(rename = "match")]
    pub devices: Vec<Devices>,
    /// The required register values, in the order of the file.
    #[serde(rename = "condition")]
    pub conditions: Vec<Precondition>,
    /// The kernel's register writes before its handler answers; only in mainline entries.
    pub program: Vec<Write>,
    /// Devices that the entry deliberately excludes.
    pub excludes: Vec<Excluded>,
    /// The vendor's statement.
    pub evidence: Option<Evidence>,
    /// The state in mainline Linux; in mainline entries only.
    pub mainline: Option<Mainline>,
}

impl Entry {
    /// Every kind of the entry, in the order of the file.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.kinds.iter().copied()
    }

    /// The names of the kinds, separated by commas.
    #[must_use]
    pub fn kind_names(&self) -> String {
        let names: Vec<_> = self.kinds().map(Kind::name).collect();
        names.join(",")
    }

    /// Whether the entry lists a captured function, by its ids, class, revision and subsystem, and does not
    /// exclude it. A property that the capture lacks counts as within the limits.
    #[must_use]
    pub fn is_about(&self, function: &Function) -> bool {
        let vendor = function.vendor.value();
        let has = |ids: &Ids| {
            let mut devices = function.devices();
            devices.any(|device| ids.contains(vendor, device))
        };
        let silicon = Silicon::of(function);
        let within = |limits: &Limits| limits.of_handler().include(&silicon) != Some(false);
        let mut excluded = self.excludes.iter().flat_map(|excluded| &excluded.ids);
        let mut groups = self.devices.iter();
        !excluded.any(has) && groups.any(|group| group.ids.iter().any(has) && within(&group.limits))
    }

    /// The first release of mainline without the quirk, as `v7.6`, if mainline has removed it.
    #[must_use]
    pub fn removed_in(&self) -> Option<&str> {
        self.mainline.as_ref()?.until.as_deref()
    }

    /// Whether the entry has a statement against the isolation of a captured function of this type.
    #[must_use]
    pub fn is_against(&self, function: &Function, found: PcieType) -> bool {
        self.status == Status::NotIsolated
            && self.kinds().any(|kind| kind.applies_to(found))
            && self.is_about(function)
    }

    /// The ranges of device ids, each section of the file with its limits: `1234:0a01, 1234:0b00 (revisions 03-ff)`.
    #[must_use]
    pub fn ids_and_limits(&self) -> String {
        let section = |devices: &Devices| {
            let ids: Vec<_> = devices.ids.iter().map(Ids::to_string).collect();
            let ids = ids.join(", ");
            match devices.limits.to_string() {
                none if none.is_empty() => ids,
                limits => format!("{ids} ({limits})"),
            }
        };
        let mut sections: Vec<_> = self.devices.iter().map(section).collect();
        if !self.conditions.is_empty() {
            sections.push("in a certain state".to_owned());
        }
        sections.join(", ")
    }

    /// Every range of device ids, in the order of the file.
    pub fn ids(&self) -> impl Iterator<Item = &Ids> {
        self.devices.iter().flat_map(|devices| &devices.ids)
    }
}
