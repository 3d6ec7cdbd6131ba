// SPDX-License-Identifier: GPL-2.0-only

//! A file that is generated.

use std::path::PathBuf;

use clap::Args;
use quirk_data::error::Error;

use crate::output;

/// A file that is generated.
#[derive(Args, Debug)]
pub(super) struct Generated {
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write nothing, and fail when the file is not current.
    #[arg(long)]
    check: bool,
}

impl Generated {
    /// Writes `text` to the file, or with `check` compares it, and returns the message. The command
    /// `acsctl HOW --out FILE` makes the file current.
    pub(super) fn settle(&self, text: &str, what: &str, how: &str) -> Result<String, Error> {
        let out = self.out.display();
        if self.check && !output::is_current(&self.out, text)? {
            let problem = format!("{out} is not current; `acsctl {how} --out {out}` makes it so");
            return Err(Error::Stale(problem));
        }
        let outcome = if !self.check && output::write(&self.out, text)? {
            "written"
        } else {
            "is current"
        };
        Ok(format!("{out}: {outcome}, {what}\n"))
    }
}
