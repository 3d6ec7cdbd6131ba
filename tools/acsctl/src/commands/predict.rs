// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl predict`.

use clap::{Args, ValueEnum};
use grouping::{Seen, proposed};
use quirk_data::error::Error;
use rules::table::Table;

use super::{Format, capture::unseen, machine::Machine, warn};
use crate::{
    host::HostView,
    predict::{
        open::open,
        report::{Basis, Report},
    },
};

/// Predict the IOMMU groups that the kernel would make at boot.
///
/// On this host, predicts for the running kernel, with the module if it is loaded, and compares the
/// prediction with the kernel's current groups. For a machine in a file, predicts for the kernel
/// alone. With --kernel and --with, says what it supposes. Names the statements on record by which functions
/// of different groups can reach each other; no kernel knows them, so they change no group.
///
/// Exit status: 0, also when groups differ; 1 when an entry has faults or does not exist; 2 when
/// the machine or the entries cannot be read.
#[derive(Args, Debug)]
pub(super) struct Predict {
    #[command(flatten)]
    machine: Machine,
    /// Predict for the kernel alone, without a module.
    #[arg(long, conflicts_with_all = ["installed", "with"])]
    alone: bool,
    /// Predict for the kernel with the module's table.
    #[arg(long, conflicts_with = "with")]
    installed: bool,
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
        let subject = self.machine.read()?;
        let machine = subject.view();
        let source = &subject.snapshot.source;
        if let Some((problem, remedy)) = topology::lacks_capabilities(machine.topology) {
            return Err(Error::CouldNotRun(format!("{source}: {problem}; {remedy}")));
        }
        if let Some(why) = machine.not_computed() {
            return Err(Error::CouldNotRun(format!("{source}: {why}")));
        }
        if let Some(text) = unseen(machine.topology, source) {
            warn(&text);
        }
        let (groups, open, under) = if self.rules == Rules::Proposed {
            let prediction = machine.prediction();
            let verdict_of = |seen: &Seen<'_>| prediction.verdict(seen).kernel;
            let groups = proposed::partition(&machine.view, verdict_of);
            (groups, Vec::new(), Basis::proposed(&machine))
        } else {
            let (tables, under) = self.under(&machine);
            let groups = machine.grouping(tables)?.partition(&machine.view);
            (groups, open(&machine, tables)?, under)
        };
        let mut report = Report::of(&machine, groups, open, under);
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
    fn under<'m>(&self, machine: &'m HostView<'_>) -> (&'m [Table], Basis) {
        if self.alone {
            (&[], Basis::kernel(machine))
        } else if self.installed {
            (&machine.modules.tables, Basis::installed(machine))
        } else {
            (machine.running(), Basis::running(machine))
        }
    }
}
