// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl quirk export`.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use clap::Args;
use quirk_data::{
    error::Error,
    export::{self, Options, Person},
};

use super::{DatabaseOption, show};
use crate::output;

#[derive(Args, Debug)]
pub(in crate::commands) struct Export {
    /// The entries of one vendor, by number or name; several become a series, in this order.
    #[arg(value_name = "ENTRY", required = true)]
    entries: Vec<String>,
    #[command(flatten)]
    database: DatabaseOption,
    /// Top folder of a kernel's source tree; nothing is written there.
    #[arg(long, value_name = "DIR")]
    kernel_source: PathBuf,
    /// Person who signs off the patch and sends it: 'Name <mail>'.
    #[arg(long, value_name = "PERSON")]
    signed_off_by: Option<Person>,
    /// Write to FILE [default: the standard output].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(&self) -> Result<String, Error> {
        // A fault in another entry must not prevent the patch.
        let (sound, faulty) = self.database.load_sound()?;
        let found: Result<Vec<_>, _> = self
            .entries
            .iter()
            .map(|entry| show::one(&sound, entry))
            .collect();
        let found = match found {
            Ok(found) => found,
            // The entry may be one that has findings: report them.
            Err(error) if faulty.is_empty() => return Err(error),
            Err(error) => return Err(self.database.load().err().unwrap_or(error)),
        };
        let options = Options {
            signed_off_by: self.signed_off_by.clone(),
            date: export::source_date_epoch()?,
        };
        let patch = export::export_series(&found, &self.kernel_source, &options)?;
        for notice in &patch.notices {
            // Write the patch even if the notice cannot be printed.
            let _ = writeln!(io::stderr(), "notice: {notice}");
        }
        let Some(out) = &self.out else {
            return Ok(patch.text);
        };
        output::write(out, &patch.text)?;
        Ok(format!(
            "{}: written; review it, then apply it with git am\n",
            out.display()
        ))
    }
}
