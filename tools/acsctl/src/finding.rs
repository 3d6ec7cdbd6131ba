// SPDX-License-Identifier: GPL-2.0-only

//! What is wrong with a data file, and where.

use std::{fmt, ops::Range, path::PathBuf};

use crate::source::DataFile;

/// One fault in one data file. Findings sort by file, then by line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1; 1 also where no line is to blame.
    pub line: usize,
    /// The field, by the name that the file uses.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            field,
            problem,
            remedy,
        } = self;
        let file = file.display();
        write!(f, "{file}:{line}: {field}: {problem}; {remedy}")
    }
}

/// Takes down the findings on one file.
pub(crate) struct Notes<'a> {
    file: &'a DataFile,
    findings: Vec<Finding>,
}

impl<'a> Notes<'a> {
    /// Nothing found yet in `file`.
    pub(crate) fn on(file: &'a DataFile) -> Self {
        Self {
            file,
            findings: Vec::new(),
        }
    }

    /// Adds a finding at the byte range `span`.
    pub(crate) fn add(
        &mut self,
        span: &Range<usize>,
        field: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.findings.push(Finding {
            file: self.file.path.clone(),
            line: self.file.line(span.start),
            field: field.to_owned(),
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    /// What has been found.
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}
