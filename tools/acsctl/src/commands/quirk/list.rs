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
        let entries = self.database.load()?;
        match self.format {
            Format::Text => Ok(text(&entries)),
            Format::Json => json::entries(&entries.iter().collect::<Vec<_>>()),
        }
    }
}

fn text(entries: &[Entry]) -> String {
    let widest = |length: &dyn Fn(&Entry) -> usize| entries.iter().map(length).max();
    let width = widest(&|entry| entry.name.len()).unwrap_or_default();
    let kind_width = widest(&|entry| entry.kind_names().len()).unwrap_or_default();
    let line = |entry: &Entry| {
        let number = match entry.number {
            0 => "-".to_owned(),
            number => number.to_string(),
        };
        let removed = entry.removed_in();
        let removed = removed.map_or_else(String::new, |until| format!(", removed in {until}"));
        format!(
            "{number:>5}  {:width$}  {:12}  {:kind_width$}  {}{removed}\n",
            entry.name,
            entry.status.name(),
            entry.kind_names(),
            entry.ids_and_limits()
        )
    };
    entries.iter().map(line).collect()
}
