// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl predict`.

use clap::{Args, ValueEnum};
use grouping::{Seen, proposed};
use quirk_data::{built, entry::Entry, error::Error};
use rules::table::Table;

use super::{Format, capture::unseen, input::Input, warn};
use crate::{
    host::HostView,
    predict::report::{Basis, Report},
};

/// Predict the IOMMU groups that the kernel would make at boot.
///
/// On this host, predicts for the running kernel, with the module if it is loaded, and compares the
/// prediction with the kernel's current groups. For a machine in a file, predicts for the kernel
/// alone.
///
/// Exit status: 0, also when groups differ; 1 when an entry has faults or does not exist; 2 when
/// the machine or the entries cannot be read.
#[derive(Args, Debug)]
pub(super) struct Predict {
    #[command(flatten)]
    input: Input,
    /// Predict for the kernel alone, without a module.
    #[arg(long, conflicts_with_all = ["installed", "with"])]
    alone: bool,
    /// Predict for the kernel with the module's table.
    #[arg(long, conflicts_with = "with")]
    installed: bool,
    /// Predict for the kernel with the module's table and one more entry: a data file, or an
    /// entry's name.
    #[arg(long, value_name = "ENTRY")]
    with: Option<String>,
    /// Rules of grouping to predict with.
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["installed", "with"])]
    rules: Rules,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The rules by which a kernel makes groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Rules {
    /// Those of the machine's kernel.
    #[default]
    Kernel,
    /// Those of a series that is proposed for mainline and not merged, "Fix incorrect `iommu_groups`
    /// with PCIe ACS" (version 3 of 2025-09-05): the kernel alone, without a module.
    #[value(name = "proposed-2025-09")]
    Proposed,
}

impl Predict {
    pub(super) fn run(&self) -> Result<String, Error> {
        let snapshot = self.input.snapshot()?;
        let database = self.input.database();
        let found = self.with.as_deref().map(|entry| database.with_entry(entry));
        let (entries, entry) = match found.transpose()? {
            Some((entries, index)) => (entries, Some(index)),
            None => (database.entries()?, None),
        };
        if let Some((problem, remedy)) = topology::lacks_capabilities(&snapshot.topology) {
            let problem = format!("{}: {problem}; {remedy}", snapshot.source);
            return Err(Error::CouldNotRun(problem));
        }
        let machine = snapshot.view(&entries);
        if let Some(text) = unseen(&snapshot.topology, &snapshot.source) {
            warn(&text);
        }
        let entry = entry.and_then(|index| entries.get(index));
        let (groups, under) = if self.rules == Rules::Proposed {
            let prediction = machine.prediction();
            let verdict_of = |seen: &Seen<'_>| prediction.verdict(seen).kernel;
            let groups = proposed::partition(&machine.view, verdict_of);
            (groups, Basis::proposed(&machine))
        } else {
            let (tables, under) = self.under(&machine, entry);
            let groups = machine.grouping(&tables)?.partition(&machine.view);
            (groups, under)
        };
        let mut report = Report::of(&machine, groups, under);
        if self.rules == Rules::Proposed {
            for difference in report.differences.iter_mut().flatten() {
                let cause =
                    "the groups of the kernel are by its own rules, not by the proposed series";
                difference.causes = vec![cause.to_owned()];
            }
        }
        match self.format {
            Format::Text => Ok(report.text()),
            Format::Json => report.json(),
        }
    }

    /// The tables to predict with, and their description.
    fn under(&self, machine: &HostView<'_>, entry: Option<&Entry>) -> (Vec<Table>, Basis) {
        let modules = &machine.modules;
        if let Some(entry) = entry {
            let mut tables = modules.tables.clone();
            tables.push(built::table(&[entry]));
            let under = Basis::with(machine, entry, &tables);
            return (tables, under);
        }
        let as_it_runs = !self.alone && modules.loaded;
        if self.installed || as_it_runs {
            return (modules.tables.clone(), Basis::installed(machine));
        }
        (Vec::new(), Basis::kernel(machine))
    }
}
