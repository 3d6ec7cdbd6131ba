// SPDX-License-Identifier: GPL-2.0-only

//! An entry, as one data file states it.

use std::{fmt, ops::Range};

use isolation::{
    acs::AcsFlags,
    entry::{CatchAll, Kind},
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

    /// Whether it is negative knowledge: what must not be claimed.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::Rejected | Self::Withdrawn)
    }

    /// Whether a vendor's statement must be on record (trust rule 3).
    pub(crate) const fn needs_evidence(self) -> bool {
        matches!(self, Self::Validated | Self::Mainline)
    }

    /// Whether the file must say why the entry is not more than that.
    pub(crate) const fn needs_reason(self) -> bool {
        matches!(self, Self::Candidate | Self::Rejected | Self::Withdrawn)
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

/// Writes `1d17:0753-075e`, or `1077:8030` for a single id.
impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.first)?;
        if self.last != self.first {
            write!(f, "-{:04x}", self.last)?;
        }
        Ok(())
    }
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
    /// What kind of function it speaks for.
    pub kind: Kind,
    /// The flags that it grants.
    pub acs: AcsFlags,
    /// The in-tree catch-all that it corrects, if any.
    pub supersedes: Option<CatchAll>,
    /// The devices, in the order of the file.
    pub ids: Vec<Ids>,
}
