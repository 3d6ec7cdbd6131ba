// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl table page`.

use clap::{Args, ValueEnum};
use quirk_data::{error::Error, page};

use super::Data;
use crate::cli::generated::Generated;

#[derive(Args, Debug)]
pub(in crate::cli) struct Page {
    /// Which page.
    #[arg(value_enum, value_name = "PAGE")]
    which: Which,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    generated: Generated,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    /// Every entry, with its claim and its evidence.
    Quirks,
    /// The format of a data file, and the rules that it is checked by.
    Format,
}

impl Page {
    pub(super) fn run(&self) -> Result<String, Error> {
        let (name, text) = match self.which {
            Which::Quirks => ("quirks", page::quirks(&self.data.load()?)),
            Which::Format => ("format", page::format()),
        };
        let how = format!("table page {name}");
        self.generated
            .settle(&text, &format!("the page on the {name}"), &how)
    }
}
