// SPDX-License-Identifier: GPL-2.0-only

//! Why a topology cannot be had.

use std::{fmt, io, path::Path};

/// What is wrong, where, and what to do: `file:line: place: problem; remedy`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The file or folder.
    pub file: String,
    /// The line in it, from 1, where one is to blame.
    pub line: Option<usize>,
    /// The field or the function in it; empty for the file as a whole.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Error {
    /// What is wrong with a function, or with another place of a file.
    pub(crate) fn at(
        file: &str,
        place: impl fmt::Display,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            place: place.to_string(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// A file or folder that cannot be read.
    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        let remedy = "check that it is there and that you may read it";
        Self::at(
            &path.display().to_string(),
            "",
            format!("cannot be read: {error}"),
            remedy,
        )
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.place.is_empty() {
            write!(f, ": {}", self.place)?;
        }
        write!(f, ": {}; {}", self.problem, self.remedy)
    }
}
