// SPDX-License-Identifier: GPL-2.0-only

//! Why a command fails.

use std::{fmt, io, path::Path};

use crate::{finding::Finding, report};

/// Why a command fails.
#[derive(Debug)]
pub enum Error {
    /// The data files have faults; never empty, sorted by file.
    Findings(Vec<Finding>),
    /// There is no such thing in the data: what was asked for, and what there is.
    NotFound(String),
    /// What was compared is not as it should be: what, and what to do.
    Stale(String),
    /// It was not done, or not as it should: why, and what to do.
    Refused(String),
    /// The command could not do its work: why, and what to do.
    CouldNotRun(String),
}

impl Error {
    /// A failed operation on a file or folder; `what` is a verb, as in "read".
    #[must_use]
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::CouldNotRun(format!("cannot {what} {}: {error}", path.display()))
    }

    /// The exit status: 1 for findings, for stale files, for what is not in the data and for what is
    /// refused, 2 when the command could not run.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Findings(_) | Self::Stale(_) | Self::NotFound(_) | Self::Refused(_) => 1,
            Self::CouldNotRun(_) => 2,
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Findings(findings) => {
                write!(f, "{}findings: {}", report::text(findings), findings.len())
            }
            Self::Stale(text)
            | Self::NotFound(text)
            | Self::Refused(text)
            | Self::CouldNotRun(text) => f.write_str(text),
        }
    }
}
