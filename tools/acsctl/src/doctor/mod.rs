// SPDX-License-Identifier: GPL-2.0-only

//! Whether this host can isolate devices, whether the module works on it, and whether its groups are
//! what they should be.
//!
//! | file | what it looks at |
//! |---|---|
//! | `iommu.rs` | the IOMMU, and the remapping of interrupts |
//! | `kernel.rs` | the kernel, its kprobes, lockdown and Secure Boot |
//! | `module.rs` | the modules that are loaded, and their tables |
//! | `groups.rs` | groups that are coarser or finer than they should be |
//! | `leftovers.rs` | what a regroup that was killed has left behind |

mod groups;
mod iommu;
mod kernel;
mod leftovers;
mod module;

use std::fmt;

use quirk_data::error::Error;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    database::Database,
    host::{HostPaths, Snapshot},
};

/// How it stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// As it should be.
    Pass,
    /// It may be better otherwise, or could not be looked at.
    Warn,
    /// Isolation is missing, or is claimed and not there.
    Fail,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        })
    }
}

/// What was found in one respect.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Diagnosis {
    /// What was looked at, in a word.
    pub check: &'static str,
    /// How it stands.
    pub level: Level,
    /// What was found.
    pub finding: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Diagnosis {
    fn pass(check: &'static str, finding: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Pass,
            finding: finding.into(),
            remedy: None,
        }
    }

    fn warn(check: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Warn,
            remedy: Some(remedy.into()),
            ..Self::pass(check, finding)
        }
    }

    fn fail(check: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Fail,
            ..Self::warn(check, finding, remedy)
        }
    }
}

/// A line, and a second one with what to do.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colour = match self.level {
            Level::Pass => anstyle::AnsiColor::Green,
            Level::Warn => anstyle::AnsiColor::Yellow,
            Level::Fail => anstyle::AnsiColor::Red,
        }
        .on_default();
        let (check, level, finding) = (self.check, self.level, &self.finding);
        writeln!(f, "{colour}{level}{colour:#}  {check}: {finding}")?;
        match &self.remedy {
            Some(remedy) => writeln!(f, "      {remedy}"),
            None => Ok(()),
        }
    }
}

/// Looks at a host in every respect.
///
/// # Errors
///
/// [`Error::CouldNotRun`] when it has no PCI functions, or sysfs makes no sense.
pub fn examine(paths: &HostPaths) -> Result<Vec<Diagnosis>, Error> {
    let quirks = Database::default().entries()?;
    let snapshot = Snapshot::of_host(paths)?;
    let host = snapshot.view(&quirks);
    let mut all = kernel::look(paths, &host);
    all.extend(iommu::look(paths, &host));
    all.extend(module::look(paths, &host));
    all.extend(groups::look(&host));
    all.extend(leftovers::look(paths));
    Ok(all)
}
