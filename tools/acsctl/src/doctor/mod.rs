// SPDX-License-Identifier: GPL-2.0-only

//! Checks whether this host can isolate devices, whether the module works on it, and whether its
//! groups are correct.
//!
//! | file | what it checks |
//! |---|---|
//! | `boot.rs` | what the boot integration did |
//! | `iommu.rs` | the IOMMU and interrupt remapping |
//! | `kernel.rs` | the kernel version, kprobes, lockdown and Secure Boot |
//! | `module.rs` | the loaded modules and their tables |
//! | `entries.rs` | which entries of the loaded modules the kernel lacks |
//! | `groups.rs` | groups that are coarser or finer than predicted |
//! | `leftovers.rs` | the remains of a regroup that was killed |

mod boot;
mod entries;
mod groups;
mod iommu;
mod kernel;
mod leftovers;
mod module;

use std::fmt;

use quirk_data::error::Error;
use schemars::JsonSchema;
use serde::Serialize;

pub use self::entries::{MeasuredEntry, ModuleEntries};
use crate::{
    database::Database,
    host::{HostPaths, Snapshot},
};

/// The result of a check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Correct.
    Pass,
    /// Could be better, or could not be checked.
    Warn,
    /// Isolation is missing, or claimed without effect.
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

/// The finding of a check.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Diagnosis {
    /// The name of the check.
    pub check: &'static str,
    /// The result of a check.
    pub level: Level,
    /// The finding in words.
    pub finding: String,
    /// What to do; `None` for a pass.
    pub remedy: Option<String>,
    /// For the check `entries`: what the kernel has of the module's entries. Absent if that could
    /// not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<ModuleEntries>,
}

impl Diagnosis {
    fn pass(check: &'static str, finding: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Pass,
            finding: finding.into(),
            remedy: None,
            entries: None,
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

/// One line with the finding, and a second one with the remedy.
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

/// Runs all checks on a host.
///
/// # Errors
///
/// [`Error::CouldNotRun`] when the host has no PCI functions or sysfs is inconsistent.
pub fn examine(paths: &HostPaths) -> Result<Vec<Diagnosis>, Error> {
    let entries = Database::default().entries()?;
    let snapshot = Snapshot::of_host(paths)?;
    let host = snapshot.view(&entries);
    let mut all = kernel::check(paths, &host);
    all.extend(iommu::check(paths, &host));
    all.extend(module::check(paths, &host));
    all.extend(entries::check(&host));
    all.extend(groups::check(&host));
    all.extend(leftovers::check(paths));
    all.extend(boot::check(paths));
    Ok(all)
}
