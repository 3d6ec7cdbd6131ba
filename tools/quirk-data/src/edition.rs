// SPDX-License-Identifier: GPL-2.0-only

//! Selects the entries of each edition of the module.

use rules::release::Release;

use crate::entry::{Entry, Mainline, Status};

/// An edition of the module. Each has its own table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edition {
    /// `acs_quirks.ko`: every entry has a vendor's statement on record.
    Validated,
    /// `acs_quirks_candidates.ko`: the evidence does not suffice; taints the kernel.
    Candidate,
    /// `acs_quirks_test.ko`: entries for emulated devices; taints the kernel.
    Test,
}

impl Edition {
    /// Every edition.
    pub const ALL: [Self; 3] = [Self::Validated, Self::Candidate, Self::Test];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validated => "validated",
            Self::Candidate => "candidate",
            Self::Test => "test",
        }
    }

    /// The name of the module.
    #[must_use]
    pub const fn module(self) -> &'static str {
        match self {
            Self::Validated => "acs_quirks",
            Self::Candidate => "acs_quirks_candidates",
            Self::Test => "acs_quirks_test",
        }
    }

    /// The folder in the source tree with this edition's entries.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Validated | Self::Candidate => "quirks",
            Self::Test => "tests/kernel/module/quirks",
        }
    }

    /// Whether an entry goes into the table of this edition (trust rule `evidence`). The status
    /// decides, and for a mainline entry the state in mainline. `kernel` is the oldest kernel that
    /// the table is for.
    ///
    /// A mainline entry has been vouched for, so it counts as `validated` for a kernel that lacks
    /// it. A quirk that mainline removed again goes into no table, because mainline's silence is a
    /// decision (trust rule `kernel-first`). Without a kernel, no mainline entry is taken.
    #[must_use]
    pub fn takes(
        self,
        status: Status,
        mainline: Option<&Mainline>,
        kernel: Option<Release>,
    ) -> bool {
        match status {
            Status::Validated => self == Self::Validated,
            Status::Candidate => self == Self::Candidate,
            Status::Test => self == Self::Test,
            Status::Mainline => {
                let lacks = |(mainline, kernel): (&Mainline, _)| {
                    !mainline.is_taken_back() && mainline.is_missing_in(kernel)
                };
                self == Self::Validated && mainline.zip(kernel).is_some_and(lacks)
            }
            Status::Rejected | Status::Withdrawn | Status::NotIsolated => false,
        }
    }

    /// Whether an entry of this status may be in this edition's folder. Entries for emulated
    /// devices and entries for real devices are in separate folders.
    #[must_use]
    pub const fn admits(self, status: Status) -> bool {
        matches!(self, Self::Test) == matches!(status, Status::Test)
    }

    /// The entries of this edition, ascending by number.
    #[must_use]
    pub fn select(self, entries: &[Entry], kernel: Option<Release>) -> Vec<&Entry> {
        let is_taken = |entry: &&Entry| self.takes(entry.status, entry.mainline.as_ref(), kernel);
        let mut selected: Vec<_> = entries.iter().filter(is_taken).collect();
        selected.sort_by_key(|entry| entry.number);
        selected
    }
}
