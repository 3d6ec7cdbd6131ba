// SPDX-License-Identifier: GPL-2.0-only

//! A file that is generated.

use std::path::{Path, PathBuf};

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
    pub(super) fn write(&self, text: &str, what: &str, how: &str) -> Result<String, Error> {
        let out = self.out.display();
        match write_or_check(&self.out, text, self.check)? {
            Some(outcome) => Ok(format!("{out}: {outcome}, {what}\n")),
            None => Err(Error::Stale(format!(
                "{out} is not current; run `acsctl {how} --out {out}`"
            ))),
        }
    }
}

/// Writes `text` to a file and returns the outcome in words. With `check`, writes nothing; `None`
/// if the file is not current.
pub(super) fn write_or_check(
    out: &Path,
    text: &str,
    check: bool,
) -> Result<Option<&'static str>, Error> {
    let is_unchanged = if check {
        output::is_current(out, text)?
    } else {
        !output::write(out, text)?
    };
    Ok(match (is_unchanged, check) {
        (true, _) => Some("is current"),
        (false, false) => Some("written"),
        (false, true) => None,
    })
}
