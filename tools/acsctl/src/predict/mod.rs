// SPDX-License-Identifier: GPL-2.0-only

//! The IOMMU groups that a kernel makes of a machine, with its own quirks alone or with a table of
//! ours as well.
//!
//! | file | what it does |
//! |---|---|
//! | `function.rs` | a captured function, as the module's decision asks for it |
//! | `difference.rs` | what was assumed, and where groups differ |
//! | `report.rs` | a prediction, as people and programs read it |

pub(crate) mod difference;
mod function;
pub mod report;

use std::collections::BTreeMap;

use isolation::{
    acs::AcsFlags,
    decision::{Decision, KernelVerdict, decide},
    groups::{Fault, release::Release},
    table::Table,
    withdraw::Withdrawn,
};
use topology::{Bdf, ConfigSpace, Grouping, Partition, Seen, Topology, View, grouping, partition};

use self::function::{Captured, Machine};
use crate::verdict::{Verdict, Verdicts};

/// The rules of the newest supported kernel.
const RELEASE: &Release = &Release::LINUX_7_3;

/// What is claimed of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The function.
    pub bdf: Bdf,
    /// By which table, and by which entry of it, both by position.
    pub granted: Option<(usize, u16)>,
    /// What `pci_dev_specific_acs_enabled()` returns.
    pub verdict: KernelVerdict,
    /// What `pci_acs_enabled()` makes of it.
    pub isolated: bool,
}

/// A machine to predict groups of.
pub struct Prediction<'a> {
    topology: &'a Topology,
    view: &'a View<'a>,
    verdicts: &'a Verdicts<'a>,
}

impl<'a> Prediction<'a> {
    /// Of a machine, with the kernel's own quirks.
    #[must_use]
    pub const fn of(
        topology: &'a Topology,
        view: &'a View<'a>,
        verdicts: &'a Verdicts<'a>,
    ) -> Self {
        Self {
            topology,
            view,
            verdicts,
        }
    }

    /// The groups as the kernel alone makes them.
    ///
    /// # Errors
    ///
    /// [`Fault`], for a topology that was not checked.
    pub fn without_table(&self) -> Result<Partition, Fault> {
        Ok(self.grouping(None)?.partition(self.view))
    }

    /// The groups as the kernel makes them with a module that has this table: the module's own
    /// decision is asked.
    ///
    /// Where the capture does not tell what the decision must know, there is no claim, as in the
    /// kernel.
    ///
    /// # Errors
    ///
    /// [`Fault`], for a topology that was not checked.
    pub fn with_table(&self, table: &Table) -> Result<Partition, Fault> {
        Ok(self.grouping(Some(table))?.partition(self.view))
    }

    /// The groups, without or with a table, and how each function comes to its group.
    ///
    /// # Errors
    ///
    /// [`Fault`], for a topology that was not checked.
    pub fn grouping(&self, table: Option<&Table>) -> Result<Grouping, Fault> {
        self.supposing(table, |_| false)
    }

    /// The same, if those functions counted as isolated of which `isolated` says so.
    ///
    /// # Errors
    ///
    /// [`Fault`], for a topology that was not checked.
    pub fn supposing(
        &self,
        table: Option<&Table>,
        isolated: impl Fn(&Seen<'_>) -> bool,
    ) -> Result<Grouping, Fault> {
        let machine = table.map(|table| (table, Machine::of(self.view)));
        grouping(self.view, RELEASE, |seen| {
            let kernel = self.verdict(seen).kernel;
            let granted = machine.as_ref().is_some_and(|(table, machine)| {
                matches!(judge(table, kernel, machine, seen), Decision::Granted(_))
            });
            if granted || isolated(seen) {
                KernelVerdict::Isolated
            } else {
                kernel
            }
        })
    }

    /// What the module's decision is on each function, in the order of the view, where no quirk of the
    /// kernel has an opinion and it is asked for the flags `asked`.
    #[must_use]
    pub fn decisions(&self, table: &Table, asked: AcsFlags) -> Vec<Decision> {
        let machine = Machine::of(self.view);
        let functions = self.view.functions.iter();
        let decisions = functions.map(|seen| {
            let function = Captured::new(&machine, seen);
            let kernel = KernelVerdict::NoOpinion;
            decide(table, &Withdrawn::NONE, kernel, asked, &function)
        });
        decisions.collect()
    }

    /// What the module decides on a function with this table.
    #[must_use]
    pub fn decision(&self, table: &Table, seen: &Seen<'_>) -> Decision {
        let machine = Machine::of(self.view);
        judge(table, self.verdict(seen).kernel, &machine, seen)
    }

    /// What the kernel's quirks say of each function, and after them the modules with these tables,
    /// in the order of the view. Where `spaces` has the configuration space of a function, it is that
    /// which the decision reads, so that conditions can be told too.
    #[must_use]
    pub fn claims(&self, tables: &[Table], spaces: &BTreeMap<Bdf, ConfigSpace>) -> Vec<Claim> {
        let machine = Machine::of(self.view).with(spaces);
        let claim = |seen: &Seen<'_>| {
            let kernel = self.verdict(seen).kernel;
            let mut granted =
                tables.iter().enumerate().filter_map(|(position, table)| {
                    match judge(table, kernel, &machine, seen) {
                        Decision::Granted(entry) => Some((position, entry)),
                        Decision::NotListed | Decision::Refused(..) => None,
                    }
                });
            let granted = granted.next();
            let verdict = granted.map_or(kernel, |_| KernelVerdict::Isolated);
            Claim {
                bdf: seen.function.bdf,
                granted,
                verdict,
                isolated: seen.with(RELEASE, verdict).isolated,
            }
        };
        self.view.functions.iter().map(claim).collect()
    }

    /// The groups that come of these claims, which are those of this machine.
    ///
    /// # Errors
    ///
    /// [`Fault`], for a topology that was not checked.
    pub fn with_claims(&self, claims: &[Claim]) -> Result<Partition, Fault> {
        let verdicts = claims.iter().map(|claim| (claim.bdf, claim.verdict));
        let verdicts: BTreeMap<_, _> = verdicts.collect();
        partition(self.view, RELEASE, |seen| {
            let found = verdicts.get(&seen.function.bdf);
            found.copied().unwrap_or(KernelVerdict::NoOpinion)
        })
    }

    /// What the kernel's own quirks say of a function.
    #[must_use]
    pub fn verdict(&self, seen: &Seen<'_>) -> Verdict<'a> {
        let asked = RELEASE.required;
        self.verdicts.of_seen(self.topology, seen, asked)
    }
}

/// What the module decides with this table.
fn judge(table: &Table, kernel: KernelVerdict, machine: &Machine<'_>, seen: &Seen<'_>) -> Decision {
    let function = Captured::new(machine, seen);
    decide(table, &Withdrawn::NONE, kernel, RELEASE.required, &function)
}
