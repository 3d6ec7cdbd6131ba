// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl doctor`.

use std::path::PathBuf;

use clap::Args;
use quirk_data::{error::Error, json};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Failure, Format};
use crate::{
    doctor::{self, Diagnosis, Level},
    host::HostPaths,
};

pub(super) const SCHEMA: &str = "acsctl-doctor-1";

/// Check whether this host can isolate devices, and whether its groups are right.
///
/// Prints PASS, WARN or FAIL for each check, and what to do. Checks what the kernel does, not what
/// it was configured to do. Without root, lists what it could not check.
///
/// Exit status: 0 when no check fails, 1 when one fails, 2 when it could not run.
#[derive(Args, Debug)]
pub(super) struct Doctor {
    /// Read sysfs and procfs below DIR instead of /.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The output in its JSON form.
#[derive(JsonSchema, Serialize)]
pub(super) struct Report<'a> {
    schema: &'a str,
    /// The findings of all checks.
    checks: &'a [Diagnosis],
}

impl Doctor {
    pub(super) fn run(&self) -> Result<String, Failure> {
        let checks = doctor::examine(&HostPaths::of(&self.root))?;
        let printed = match self.format {
            Format::Text => checks.iter().map(ToString::to_string).collect(),
            Format::Json => json::pretty(&Report {
                schema: SCHEMA,
                checks: &checks,
            })?,
        };
        let failed = checks
            .iter()
            .filter(|check| check.level == Level::Fail)
            .count();
        if failed == 0 {
            return Ok(printed);
        }
        let error = Error::Refused(format!("checks failed: {failed} of {}", checks.len()));
        Err(Failure { printed, error })
    }
}
