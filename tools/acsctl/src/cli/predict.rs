// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl predict`.

use clap::Args;
use isolation::table::Table;

use super::{Format, capture::unseen, warn, whence::Whence};
use crate::{
    built,
    edition::Edition,
    error::Error,
    predict::report::{Report, Under},
    quirk::Quirk,
    supported,
    system::{Machine, with_entry},
};

/// Predicts the IOMMU groups that a kernel makes of a machine.
///
/// On this host, it is the kernel as it runs, with the module if that is loaded; the outcome is
/// compared with the groups that there are. Of a machine in a file, it is the kernel alone.
///
/// Exit status: 0, also when groups differ; 1 when an entry has faults or is not there; 2 when the
/// machine or the data cannot be read.
#[derive(Args, Debug)]
pub(super) struct Predict {
    #[command(flatten)]
    whence: Whence,
    /// The kernel alone, without a module.
    #[arg(long, conflicts_with_all = ["installed", "with"])]
    alone: bool,
    /// The kernel with the table of the module.
    #[arg(long, conflicts_with = "with")]
    installed: bool,
    /// The kernel with the table of the module and one more entry: a data file, or the name of an
    /// entry of the data.
    #[arg(long, value_name = "ENTRY")]
    with: Option<String>,
    /// For whom it is.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Predict {
    pub(super) fn run(&self) -> Result<String, Error> {
        let system = self.whence.load()?;
        let found = self.with.as_deref().map(|entry| with_entry(&system, entry));
        let (quirks, entry) = match found.transpose()? {
            Some((quirks, at)) => (quirks, Some(at)),
            None => (system.quirks.clone(), None),
        };
        let machine = Machine::of(&system.topology, &quirks, system.loaded());
        if let Some(text) = unseen(&system.topology) {
            warn(&text);
        }
        let entry = entry.and_then(|at| quirks.get(at));
        let (table, under) = self.under(&machine, entry);
        let groups = machine.grouping(table.as_ref())?.partition(&machine.view);
        let report = Report::of(&machine, groups, under);
        match self.format {
            Format::Text => Ok(report.text()),
            Format::Json => report.json(),
        }
    }

    /// With which table, and what that is.
    fn under(&self, machine: &Machine<'_>, entry: Option<&Quirk>) -> (Option<Table>, Under) {
        let edition = machine.loaded.unwrap_or(Edition::Validated);
        if let Some(entry) = entry {
            let mut entries = edition.select(machine.quirks, supported::oldest());
            entries.retain(|one| one.number != entry.number);
            entries.push(entry);
            entries.sort_by_key(|one| one.number);
            let table = built::table(&entries);
            let under = Under::with(machine, edition, entry, &table);
            return (Some(table), under);
        }
        let as_it_runs = !self.alone && machine.loaded.is_some();
        if self.installed || as_it_runs {
            let under = Under::installed(machine, edition, as_it_runs);
            return (Some(machine.table), under);
        }
        (None, Under::kernel(machine))
    }
}
