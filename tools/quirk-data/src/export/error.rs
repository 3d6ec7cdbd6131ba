// SPDX-License-Identifier: GPL-2.0-only

//! The errors of an export.

use std::{fmt, io, path::PathBuf};

/// Why an entry cannot be exported.
#[derive(Debug)]
pub enum Error {
    /// The entry must not be sent, or its evidence does not suffice.
    Refused {
        /// The name of the entry.
        entry: String,
        /// The reason.
        why: String,
    },
    /// C, in the form that mainline uses, cannot express the claim.
    Inexpressible {
        /// The name of the entry.
        entry: String,
        /// The reason.
        why: String,
    },
    /// The kernel already answers for a device of the entry.
    Present {
        /// The name of the entry.
        entry: String,
        /// The kernel's source file.
        file: PathBuf,
        /// The line number, from 1.
        line: usize,
        /// The row or handler of the kernel, and its ids.
        what: String,
    },
    /// Several entries of a series cannot be exported. Holds the error of each.
    Several(Vec<Self>),
    /// The entries make no series. Holds the reason.
    Series(String),
    /// The kernel's source does not have the expected structure.
    Unexpected {
        /// The kernel's source file.
        file: PathBuf,
        /// What was expected, and what was found instead.
        sought: String,
    },
    /// A file of the kernel's source cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// git, which makes the patch, cannot be run, or refuses.
    Git(io::Error),
    /// An option is invalid: the person who signs off, or the date. Holds the reason.
    Option(String),
}

impl Error {
    /// Whether the error is about one entry. The others of a series may have errors, too.
    pub(super) const fn is_of_entry(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::Inexpressible { .. } | Self::Present { .. }
        )
    }
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
            Self::Present {
                entry,
                file,
                line,
                what,
            } => write!(
                f,
                "{entry} is not exported: match.devices: already there, in {}:{line}: {what}; take what \
                 the kernel has out of the entry, or give the entry the status mainline",
                file.display()
            ),
            Self::Several(errors) => {
                let lines: Vec<_> = errors.iter().map(Self::to_string).collect();
                f.write_str(&lines.join("\n"))
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
            Self::Series(text) | Self::Option(text) => f.write_str(text),
        }
    }
}

impl From<Error> for crate::error::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused { .. }
            | Error::Inexpressible { .. }
            | Error::Present { .. }
            | Error::Several(_)
            | Error::Series(_) => Self::Refused(error.to_string()),
            Error::Unexpected { .. }
            | Error::Unreadable { .. }
            | Error::Git(_)
            | Error::Option(_) => Self::CouldNotRun(error.to_string()),
        }
    }
}
