// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl quirk check`.

use std::path::PathBuf;

use clap::Args;
use quirk_data::{
    edition::Edition,
    error::Error,
    finding::Finding,
    folder::{self, Scope},
    json, report,
    source::is_same,
};

use super::DatabaseOption;
use crate::commands::{Failure, Format};

#[derive(Args, Debug)]
pub(in crate::commands) struct Check {
    /// Report on these files first, which may lie outside the folder. All files are checked
    /// together, and findings in other files follow.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    database: DatabaseOption,
    /// Edition that the folder is for: it decides which statuses the entries may have [default:
    /// validated; with --quirks, any].
    #[arg(long, value_parser = super::edition())]
    edition: Option<Edition>,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Check {
    pub(super) fn run(&self) -> Result<String, Failure> {
        let mut sources = self.database.choose().sources()?;
        // A file that cannot be read does not hide the findings on the others.
        let unread = self.files.iter().filter_map(|file| sources.add(file).err());
        let unread: Vec<_> = unread.map(|error| error.to_string()).collect();
        let is_read = |one: &Finding| sources.files.iter().any(|file| file.path == one.file);
        let unchecked = sources.findings.iter().filter(|one| !is_read(one));
        let count = sources.files.len() + unchecked.count();
        let usual = self.database.quirks.is_none().then_some(Edition::Validated);
        let checked = folder::check_all(sources, Scope::now(self.edition.or(usual)));
        let mut findings = checked.err().unwrap_or_default();
        if !self.files.is_empty() {
            let is_asked = |one: &Finding| self.files.iter().any(|file| is_same(file, &one.file));
            // If two files conflict, the finding is on one of them. Therefore the requested files
            // count as sound only when all other files are sound.
            findings.sort_by_key(|one| !is_asked(one));
        }
        if self.format == Format::Json {
            let printed = json::findings(count, &findings)?;
            return if !unread.is_empty() {
                let error = Error::CouldNotRun(unread.join("\n"));
                Err(Failure { printed, error })
            } else if findings.is_empty() {
                Ok(printed)
            } else {
                let error = Error::Stale(format!("findings: {}", findings.len()));
                Err(Failure { printed, error })
            };
        }
        if !unread.is_empty() {
            let text = format!("{}{}", report::text(&findings), unread.join("\n"));
            return Err(Error::CouldNotRun(text).into());
        }
        if findings.is_empty() {
            let files = if self.files.is_empty() {
                count
            } else {
                self.files.len()
            };
            return Ok(format!("{files} checked, no findings\n"));
        }
        Err(Error::Findings(findings).into())
    }
}
