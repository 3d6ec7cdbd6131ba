// SPDX-License-Identifier: GPL-2.0-only

//! Which entries go into which table.

use clap::ValueEnum;

use crate::quirk::{Quirk, Status};

/// An edition of the module, each with a table of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Edition {
    /// `acs_quirks.ko`: a vendor's statement is on record for every entry.
    Validated,
    /// `acs_quirks_candidates.ko`: the evidence is not sufficient; taints the kernel.
    Candidate,
    /// `acs_quirks_test.ko`: entries for emulated devices; taints the kernel.
    Test,
}

impl Edition {
    /// The name that the command line uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validated => "validated",
            Self::Candidate => "candidate",
            Self::Test => "test",
        }
    }

    /// The folder in the source tree that the data of this edition comes from.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Validated | Self::Candidate => "quirks",
            Self::Test => "tests/module/quirks",
        }
    }

    /// Whether an entry of this status goes into the table of this edition (trust rule 3).
    ///
    /// `mainline` goes into none: the supported kernels have such entries themselves.
    #[must_use]
    pub const fn takes(self, status: Status) -> bool {
        matches!(
            (self, status),
            (Self::Validated, Status::Validated)
                | (Self::Candidate, Status::Candidate)
                | (Self::Test, Status::Test)
        )
    }

    /// Whether an entry of this status may lie in the folder of this edition at all: entries for
    /// emulated devices never lie among real ones.
    #[must_use]
    pub const fn admits(self, status: Status) -> bool {
        matches!(self, Self::Test) == matches!(status, Status::Test)
    }

    /// The entries of this edition, by ascending number.
    #[must_use]
    pub fn select(self, quirks: &[Quirk]) -> Vec<&Quirk> {
        let mut selected: Vec<_> = quirks
            .iter()
            .filter(|quirk| self.takes(quirk.status))
            .collect();
        selected.sort_by_key(|quirk| quirk.number);
        selected
    }
}
