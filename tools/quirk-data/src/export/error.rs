// SPDX-License-Identifier: GPL-2.0-only

//! Why an entry cannot be exported.

use std::{fmt, io, path::PathBuf};

/// Why an entry cannot be exported.
#[derive(Debug)]
pub enum Error {
    /// A patch for this entry makes no sense, or its evidence does not suffice for one.
    Refused {
        /// The entry.
        entry: String,
        /// Why.
        why: String,
    },
    /// What the entry says cannot be said in the kernel's source, in mainline's own form.
    Inexpressible {
        /// The entry.
        entry: String,
        /// Why.
        why: String,
    },
    /// The kernel has an answer for a device of the entry already.
    Present {
        /// The file of the kernel.
        file: PathBuf,
        /// The line in it, from 1.
        line: usize,
        /// What is there, and for which ids.
        what: String,
    },
    /// The kernel's source does not look as expected.
    Unexpected {
        /// The file of the kernel.
        file: PathBuf,
        /// What was looked for, and what is there instead.
        sought: String,
    },
    /// A file of the kernel's source cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// git, which makes the patch, cannot be run, or refuses.
    Git(io::Error),
    /// What was asked for cannot be: who signs off, or the date.
    Option(String),
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } | Self::Git(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { entry, why } => write!(f, "{entry} is not exported: {why}"),
            Self::Inexpressible { entry, why } => {
                write!(f, "{entry} cannot be written as a patch: {why}")
            }
            Self::Present { file, line, what } => {
                write!(f, "{}:{line}: already there: {what}", file.display())
            }
            Self::Unexpected { file, sought } => {
                write!(f, "{} does not look as expected: {sought}", file.display())
            }
            Self::Unreadable { file, error } => write!(
                f,
                "cannot read {}: {error}; name the top folder of a kernel's source",
                file.display()
            ),
            Self::Git(error) => write!(
                f,
                "git cannot make the patch: {error}; git must be installed"
            ),
            Self::Option(text) => f.write_str(text),
        }
    }
}

impl From<Error> for crate::error::Error {
    fn from(error: Error) -> Self {
        Self::CouldNotRun(error.to_string())
    }
}
