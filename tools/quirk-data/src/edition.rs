// SPDX-License-Identifier: GPL-2.0-only

//! Which entries go into which table.

use rules::release::Release;

use crate::quirk::{Mainline, Quirk, Status};

/// An edition of the module, each with a table of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edition {
    /// `acs_quirks.ko`: a vendor's statement is on record for every entry.
    Validated,
    /// `acs_quirks_candidates.ko`: the evidence is not sufficient; taints the kernel.
    Candidate,
    /// `acs_quirks_test.ko`: entries for emulated devices; taints the kernel.
    Test,
}

impl Edition {
    /// Every edition.
    pub const ALL: [Self; 3] = [Self::Validated, Self::Candidate, Self::Test];

    /// The name that the command line uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validated => "validated",
            Self::Candidate => "candidate",
            Self::Test => "test",
        }
    }

    /// The module that has its table.
    #[must_use]
    pub const fn module(self) -> &'static str {
        match self {
            Self::Validated => "acs_quirks",
            Self::Candidate => "acs_quirks_candidates",
            Self::Test => "acs_quirks_test",
        }
    }

    /// The folder in the source tree that the data of this edition comes from.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Validated | Self::Candidate => "quirks",
            Self::Test => "tests/kernel/module/quirks",
        }
    }

    /// Whether an entry goes into the table of this edition (trust rule `evidence`), by its status and, for
    /// one that is in mainline, by what mainline has. The table may be for a kernel and newer ones.
    ///
    /// What mainline has was vouched for, so where the kernel lacks it, it is `validated`. What it took
    /// back goes into no table: its silence is a decision (trust rule `kernel-first`). Without a kernel,
    /// mainline entries go into none either.
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
            Status::Rejected | Status::Withdrawn => false,
        }
    }

    /// Whether an entry of this status may lie in the folder of this edition at all: entries for
    /// emulated devices never lie among real ones.
    #[must_use]
    pub const fn admits(self, status: Status) -> bool {
        matches!(self, Self::Test) == matches!(status, Status::Test)
    }

    /// The entries of this edition, by ascending number.
    #[must_use]
    pub fn select(self, quirks: &[Quirk], kernel: Option<Release>) -> Vec<&Quirk> {
        let is_taken = |quirk: &&Quirk| self.takes(quirk.status, quirk.mainline.as_ref(), kernel);
        let mut selected: Vec<_> = quirks.iter().filter(is_taken).collect();
        selected.sort_by_key(|quirk| quirk.number);
        selected
    }
}
