// SPDX-License-Identifier: GPL-2.0-only

//! The error of reading or capturing a topology.

use std::{fmt, io, path::Path};

/// The fault, its position and the remedy: `file:line: place: problem; remedy`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The file or folder.
    pub file: String,
    /// The line, from 1, if the fault has one.
    pub line: Option<usize>,
    /// The field or the function in the file; empty for the whole file.
    pub place: String,
    /// The fault.
    pub problem: String,
    /// The remedy.
    pub remedy: String,
}

impl Error {
    /// The error for a function or another place in a file.
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

    /// The same error, of this line. Lines count from 1.
    pub(crate) fn on_line(self, line: usize) -> Self {
        Self {
            line: Some(line),
            ..self
        }
    }

    /// The error for a file or folder that cannot be read.
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
