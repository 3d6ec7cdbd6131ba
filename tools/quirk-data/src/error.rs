// SPDX-License-Identifier: GPL-2.0-only

//! The errors of a command.

use std::{fmt, io, path::Path};

use crate::{finding::Finding, report};

/// Why a command fails.
#[derive(Debug)]
pub enum Error {
    /// The entries' files have faults; never empty, sorted by file.
    Findings(Vec<Finding>),
    /// The requested item is not in the database. Holds the request and the available items.
    NotFound(String),
    /// A compared file differs from its expected contents. Holds which, and the remedy.
    Stale(String),
    /// The command refused to act, or acted only in part. Holds the reason and the remedy.
    Refused(String),
    /// The command could not run. Holds the reason and the remedy.
    CouldNotRun(String),
}

impl Error {
    /// The error of a failed operation on a file or folder; `what` is a verb, such as "read".
    #[must_use]
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        Self::CouldNotRun(format!("cannot {what} {}: {error}", path.display()))
    }

    /// The exit status: 2 if the command could not run, otherwise 1.
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
