// SPDX-License-Identifier: GPL-2.0-only

//! The IOMMU groups that a kernel makes of a machine, with its own quirks alone or with a table of
//! ours as well.
//!
//! `captured.rs` gives a captured function the form in which the module's decision asks for it.

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
    model::{Fault, release::Release},
    scan::{Seen, View},
};

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
    handlers: &'a Handlers,
    /// The release of the machine's kernel. Where it is not known it counts as one that has all of
    /// mainline's entries, so that the tables' own copies of these are silent.
    running: KernelRelease,
    spaces: Option<&'a Spaces>,
    exposed: Option<&'a BTreeSet<Bdf>>,
}

/// What configuration space says of functions, where it is at hand: only that tells whether the
/// conditions of an entry hold.
pub type Spaces = BTreeMap<Bdf, ConfigSpace>;

impl<'a> Prediction<'a> {
    /// Of a machine, with the kernel's own quirks.
    #[must_use]
    pub fn of(topology: &'a Topology, view: &'a View<'a>, handlers: &'a Handlers) -> Self {
        Self {
            topology,
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

    /// The same, where the decision reads these configuration spaces.
    #[must_use]
    pub const fn reading(mut self, spaces: &'a Spaces) -> Self {
        self.spaces = Some(spaces);
        self
    }

    /// The same, where exactly these functions are untrusted or face outside, themselves or by a port
    /// above. Without that, it is those that sysfs calls removable, and what is below: a port that faces
    /// outside is not called so itself.
    #[must_use]
    pub const fn exposing(mut self, exposed: Option<&'a BTreeSet<Bdf>>) -> Self {
        self.exposed = exposed;
        self
    }

    /// The functions, as the decision asks for them.
    fn functions(&self) -> Machine<'_> {
        Machine {
            spaces: self.spaces,
            exposed: self.exposed,
            ..Machine::of(self.view)
        }
    }

    /// The groups as the kernel alone makes them.
    ///
    /// # Errors
    ///
    /// [`Fault`], for a topology that was not checked.
    pub fn without_table(&self) -> Result<Partition, Fault> {
        Ok(self.grouping(&[])?.partition(self.view))
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
        Ok(self.grouping(slice::from_ref(table))?.partition(self.view))
    }

    /// The groups as the kernel makes them with modules that have these tables, and how each function
    /// comes to its group.
    ///
    /// # Errors
    ///
    /// [`Fault`], for a topology that was not checked.
    pub fn grouping(&self, tables: &[Table]) -> Result<Grouping, Fault> {
        self.supposing(tables, |_| false)
    }

    /// The same, if those functions counted as isolated of which `isolated` says so.
    ///
    /// # Errors
    ///
    /// [`Fault`], for a topology that was not checked.
    pub fn supposing(
        &self,
        tables: &[Table],
        isolated: impl Fn(&Seen<'_>) -> bool,
    ) -> Result<Grouping, Fault> {
        let machine = (!tables.is_empty()).then(|| self.functions());
        grouping(self.view, RELEASE, |seen| {
            let kernel = self.verdict(seen).kernel;
            let is_granted =
                |machine| granted(tables, self.running, kernel, machine, seen).is_some();
            if machine.as_ref().is_some_and(is_granted) || isolated(seen) {
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
        self.decide_each(table, asked, |_| KernelVerdict::NoOpinion)
    }

    /// What the module's decision is on each function, in the order of the view, when the kernel groups them.
    #[must_use]
    pub fn in_grouping(&self, table: &Table) -> Vec<Decision> {
        self.decide_each(table, RELEASE.required, |seen| self.verdict(seen).kernel)
    }

    /// O(n log n) in the number of functions.
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

    /// What the modules with these tables decide on a function: the first that grants, else the first
    /// that lists it.
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

    /// The first of the modules with these tables, by position, and its entry, by which a function counts
    /// as isolated. O(n log n) in the number of functions.
    #[must_use]
    pub fn granted(&self, tables: &[Table], seen: &Seen<'_>) -> Option<(usize, u16)> {
        let kernel = self.verdict(seen).kernel;
        granted(tables, self.running, kernel, &self.functions(), seen)
    }

    /// What the kernel's quirks say of each function, and after them the modules with these tables,
    /// in the order of the view.
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
    pub fn verdict(&self, seen: &Seen<'_>) -> Verdict {
        let asked = RELEASE.required;
        self.handlers.of_seen(self.topology, seen, asked)
    }
}

/// The first of these tables, and the entry of it, by which a function counts as isolated.
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

/// What the module decides with this table.
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
        RELEASE.required,
        &function,
    )
}
