// SPDX-License-Identifier: GPL-2.0-only

//! Predicts the IOMMU groups of a machine, with the kernel's own quirks alone or also with tables
//! of the module.
//!
//! `captured.rs` presents a captured function to the module's decision.

mod captured;

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
};

use rules::{
    acs::AcsFlags,
    decision::{Decision, KernelVerdict, decide},
    release::Release as KernelRelease,
    table::Table,
    withdraw::Withdrawn,
};
use topology::{Bdf, ConfigSpace, Partition, Topology};

use self::captured::{Captured, Machine};
use crate::{
    compute::{Grouping, grouping, partition},
    handlers::{Handlers, Verdict},
    model::Fault,
    scan::{Seen, View},
};

/// The predicted answers for one function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The function.
    pub bdf: Bdf,
    /// The granting table and entry, as positions in the list of tables and in [`Table::entries`].
    pub granted: Option<(usize, u16)>,
    /// The return value of `pci_dev_specific_acs_enabled()`, with the tables' grants.
    pub verdict: KernelVerdict,
    /// The result of `pci_acs_enabled()`.
    pub isolated: bool,
}

/// A machine whose groups are predicted.
pub struct Prediction<'a> {
    view: &'a View<'a>,
    handlers: &'a Handlers,
    /// The release of the machine's kernel. An unknown release counts as one with every mainline
    /// entry, so that the tables' own copies of those entries make no claim.
    running: KernelRelease,
    spaces: Option<&'a Spaces>,
    exposed: Option<&'a BTreeSet<Bdf>>,
}

/// Configuration space of functions, where it is available. The conditions of an entry can be
/// checked only with it.
pub type Spaces = BTreeMap<Bdf, ConfigSpace>;

impl<'a> Prediction<'a> {
    /// The machine, with the kernel's own quirks.
    #[must_use]
    pub fn of(topology: &Topology, view: &'a View<'a>, handlers: &'a Handlers) -> Self {
        Self {
            view,
            handlers,
            running: topology
                .kernel
                .as_deref()
                .and_then(topology::release_of)
                .unwrap_or(KernelRelease::new(u16::MAX, u16::MAX)),
            spaces: None,
            exposed: None,
        }
    }

    /// Also reads these configuration spaces.
    #[must_use]
    pub const fn reading(mut self, spaces: &'a Spaces) -> Self {
        self.spaces = Some(spaces);
        self
    }

    /// Treats exactly these functions as untrusted or external-facing (or below such a port).
    /// Without this call, the functions that sysfs marks as removable count, with everything below.
    /// The sysfs attribute does not mark the external-facing port itself.
    #[must_use]
    pub const fn exposing(mut self, exposed: Option<&'a BTreeSet<Bdf>>) -> Self {
        self.exposed = exposed;
        self
    }

    /// The machine.
    pub(crate) const fn view(&self) -> &'a View<'a> {
        self.view
    }

    fn functions(&self) -> Machine<'_> {
        Machine {
            spaces: self.spaces,
            exposed: self.exposed,
            ..Machine::of(self.view)
        }
    }

    /// The groups that the kernel makes alone.
    ///
    /// # Errors
    ///
    /// [`Fault`] for a topology that was not checked.
    pub fn without_table(&self) -> Result<Partition, Fault> {
        Ok(self.grouping(&[])?.partition(self.view))
    }

    /// The groups that the kernel makes with a module that has this table. Calls the module's own
    /// decision.
    ///
    /// If the capture lacks a value that the decision needs, there is no claim, as in the kernel.
    ///
    /// # Errors
    ///
    /// [`Fault`] for a topology that was not checked.
    pub fn with_table(&self, table: &Table) -> Result<Partition, Fault> {
        Ok(self.grouping(slice::from_ref(table))?.partition(self.view))
    }

    /// The groups that the kernel makes with modules that have these tables, with the step that
    /// puts each function into its group.
    ///
    /// # Errors
    ///
    /// [`Fault`] for a topology that was not checked.
    pub fn grouping(&self, tables: &[Table]) -> Result<Grouping, Fault> {
        self.supposing(tables, |_| None)
    }

    /// As [`Prediction::grouping`], as if the kernel's quirks answered what `supposed` returns for a
    /// function.
    ///
    /// # Errors
    ///
    /// [`Fault`] for a topology that was not checked.
    pub fn supposing(
        &self,
        tables: &[Table],
        supposed: impl Fn(&Seen<'_>) -> Option<KernelVerdict>,
    ) -> Result<Grouping, Fault> {
        let machine = (!tables.is_empty()).then(|| self.functions());
        grouping(self.view, |seen| {
            if let Some(verdict) = supposed(seen) {
                return verdict;
            }
            let kernel = self.verdict(seen).kernel;
            let is_granted =
                |machine| granted(tables, self.running, kernel, machine, seen).is_some();
            if machine.as_ref().is_some_and(is_granted) {
                KernelVerdict::Isolated
            } else {
                kernel
            }
        })
    }

    /// The module's decision on each function, in the order of the view, if no quirk of the kernel
    /// answers and the kernel asks for the flags `asked`.
    #[must_use]
    pub fn decisions(&self, table: &Table, asked: AcsFlags) -> Vec<Decision> {
        self.decide_each(table, asked, |_| KernelVerdict::NoOpinion)
    }

    /// The module's decision on each function, in the order of the view, when the kernel groups the
    /// functions.
    #[must_use]
    pub fn in_grouping(&self, table: &Table) -> Vec<Decision> {
        let asked = self.view.release.required;
        self.decide_each(table, asked, |seen| self.verdict(seen).kernel)
    }

    /// Costs O(n log n) in the number of functions.
    fn decide_each(
        &self,
        table: &Table,
        asked: AcsFlags,
        kernel: impl Fn(&Seen<'_>) -> KernelVerdict,
    ) -> Vec<Decision> {
        let machine = self.functions();
        let functions = self.view.functions.iter();
        let decisions = functions.map(|seen| {
            let function = Captured::new(&machine, seen);
            decide(
                table,
                &Withdrawn::NONE,
                self.running,
                kernel(seen),
                asked,
                &function,
            )
        });
        decisions.collect()
    }

    /// The decision of the modules with these tables on a function: the first grant, or else the
    /// decision of the first table that lists the function.
    #[must_use]
    pub fn decision(&self, tables: &[Table], seen: &Seen<'_>) -> Decision {
        let machine = self.functions();
        let kernel = self.verdict(seen).kernel;
        let mut listed = Decision::NotListed;
        for table in tables {
            match judge(table, self.running, kernel, &machine, seen) {
                granted @ Decision::Granted(_) => return granted,
                refused @ Decision::Refused(..) if listed == Decision::NotListed => {
                    listed = refused;
                }
                Decision::Refused(..) | Decision::NotListed => {}
            }
        }
        listed
    }

    /// The position of the first table that grants, and of its entry. Costs O(n log n) in the
    /// number of functions.
    #[must_use]
    pub fn granted(&self, tables: &[Table], seen: &Seen<'_>) -> Option<(usize, u16)> {
        let kernel = self.verdict(seen).kernel;
        granted(tables, self.running, kernel, &self.functions(), seen)
    }

    /// The answers for each function, in the order of the view: the kernel's quirks first, then the
    /// modules with these tables.
    #[must_use]
    pub fn claims(&self, tables: &[Table]) -> Vec<Claim> {
        let machine = self.functions();
        let claim = |seen: &Seen<'_>| {
            let kernel = self.verdict(seen).kernel;
            let granted = granted(tables, self.running, kernel, &machine, seen);
            let verdict = granted.map_or(kernel, |_| KernelVerdict::Isolated);
            Claim {
                bdf: seen.function.bdf,
                granted,
                verdict,
                isolated: seen.with(&self.view.release, verdict).isolated,
            }
        };
        self.view.functions.iter().map(claim).collect()
    }

    /// The groups that follow from these claims, which must be for the functions of this machine.
    ///
    /// # Errors
    ///
    /// [`Fault`] for a topology that was not checked.
    pub fn with_claims(&self, claims: &[Claim]) -> Result<Partition, Fault> {
        let verdicts = claims.iter().map(|claim| (claim.bdf, claim.verdict));
        let verdicts: BTreeMap<_, _> = verdicts.collect();
        partition(self.view, |seen| {
            let found = verdicts.get(&seen.function.bdf);
            found.copied().unwrap_or(KernelVerdict::NoOpinion)
        })
    }

    /// Every answer that the kernel's quirks may give for a function, as far as its facts are known.
    pub(crate) fn possible_verdicts(&self, seen: &Seen<'_>) -> Vec<KernelVerdict> {
        let asked = self.view.release.required;
        self.handlers.possible(seen, asked)
    }

    /// The answer of the kernel's own quirks for a function.
    #[must_use]
    pub fn verdict(&self, seen: &Seen<'_>) -> Verdict {
        let asked = self.view.release.required;
        self.handlers.of_seen(seen, asked)
    }
}

/// The first table that grants, and its entry.
fn granted(
    tables: &[Table],
    running: KernelRelease,
    kernel: KernelVerdict,
    machine: &Machine<'_>,
    seen: &Seen<'_>,
) -> Option<(usize, u16)> {
    let mut granted = tables.iter().enumerate().filter_map(|(position, table)| {
        match judge(table, running, kernel, machine, seen) {
            Decision::Granted(entry) => Some((position, entry)),
            Decision::NotListed | Decision::Refused(..) => None,
        }
    });
    granted.next()
}

/// The decision of a module with this table.
fn judge(
    table: &Table,
    running: KernelRelease,
    kernel: KernelVerdict,
    machine: &Machine<'_>,
    seen: &Seen<'_>,
) -> Decision {
    let function = Captured::new(machine, seen);
    decide(
        table,
        &Withdrawn::NONE,
        running,
        kernel,
        machine.view.release.required,
        &function,
    )
}
