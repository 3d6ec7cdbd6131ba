// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl quirk list`.

use clap::Args;
use quirk_data::{entry::Entry, error::Error, json};

use super::DatabaseOption;
use crate::commands::Format;

#[derive(Args, Debug)]
pub(in crate::commands) struct List {
    #[command(flatten)]
    database: DatabaseOption,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl List {
    pub(super) fn run(&self) -> Result<String, Error> {
        let quirks = self.database.load()?;
        match self.format {
            Format::Text => Ok(text(&quirks)),
            Format::Json => json::entries(&quirks.iter().collect::<Vec<_>>()),
        }
    }
}

fn text(quirks: &[Entry]) -> String {
    let widest = |length: &dyn Fn(&Entry) -> usize| quirks.iter().map(length).max();
    let width = widest(&|quirk| quirk.name.len()).unwrap_or_default();
    let kind_width = widest(&|quirk| quirk.kind_names().len()).unwrap_or_default();
    let line = |quirk: &Entry| {
        let ids: Vec<_> = quirk.ids().map(ToString::to_string).collect();
        format!(
            "{:>5}  {:width$}  {:9}  {:kind_width$}  {}\n",
            quirk.number,
            quirk.name,
            quirk.status.name(),
            quirk.kind_names(),
            ids.join(" ")
        )
    };
    quirks.iter().map(line).collect()
}
