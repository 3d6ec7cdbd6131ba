// SPDX-License-Identifier: GPL-2.0-only

//! The groups of a machine that the model computes: those that its kernel would make, those that isolation justifies, and the
//! limits where facts are missing.

use std::collections::{BTreeMap, BTreeSet};

use grouping::{
    Grouping, Range,
    handlers::Handlers,
    model::{Fault, release::OLDEST},
    predict::Prediction,
};
use quirk_data::{edition::Edition, entry::Entry, error::Error, handlers};
use rules::{
    decision::{Decision, KernelVerdict},
    table::Table,
};
use topology::{Bdf, Header, Partition, Topology, UNKNOWN_VENDOR};

use super::{Decided, HostView, Measured, Snapshot, coarser, finer};

/// The groups that the kernel would make now with the current modules, if it enumerated all
/// functions at once as at boot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Predicted {
    /// The groups.
    pub groups: Partition,
    /// Functions that count as isolated for any reason.
    pub isolated: BTreeSet<Bdf>,
    /// The decision that each module would make now on each function that it lists.
    pub now: BTreeMap<(&'static str, Bdf), Decided>,
    /// Functions that an entry isolates, with the module and the name of the entry.
    pub granted: BTreeMap<Bdf, (&'static str, &'static str)>,
}

impl HostView<'_> {
    /// The model that computes the machine's groups.
    #[must_use]
    pub fn prediction(&self) -> Prediction<'_> {
        self.prediction_with(&self.verdicts)
    }

    /// The model, for a kernel with these in-tree quirks.
    fn prediction_with<'v>(&'v self, quirks: &'v Handlers) -> Prediction<'v> {
        let prediction = Prediction::of(self.topology, &self.view, quirks)
            .exposing(self.modules.exposed.as_ref());
        // Only conditions in tables need registers, so read none without a table.
        let has_tables = self.modules.loaded || self.supposed.is_some();
        let spaces = self.snapshot.filter(|_| has_tables);
        match spaces.and_then(Snapshot::spaces) {
            Some(spaces) => prediction.reading(spaces),
            None => prediction,
        }
    }

    /// The groups that the machine's kernel makes with these module tables, and the step that put
    /// each function into its group.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the topology is impossible.
    pub fn grouping(&self, tables: &[Table]) -> Result<Grouping, Error> {
        self.prediction().grouping(tables).map_err(impossible)
    }

    /// The limits of the groups, if the input lacks facts that matter. The kernel's version is one of them: without it, every
    /// release counts in which a quirk of these vendors changed, because a quirk can also take isolation away. Costs as much as
    /// [`Range::of`], times the number of these releases.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the topology is impossible.
    pub fn range(&self, tables: &[Table]) -> Result<Option<Range>, Error> {
        let prediction = self.prediction();
        if self.kernel.is_some() {
            return Range::of(&prediction, &[], tables).map_err(impossible);
        }
        let functions = self.topology.functions.iter();
        let vendors: BTreeSet<u16> = functions.map(|one| one.vendor.value()).collect();
        let is_seen = |vendor| vendors.contains(&vendor) || vendors.contains(&UNKNOWN_VENDOR);
        let mut kernels = handlers::changed_in(self.entries, OLDEST, is_seen);
        kernels.insert(OLDEST);
        let topologies = kernels.iter().map(|kernel| Topology {
            kernel: Some(kernel.to_string()),
            ..self.topology.clone()
        });
        let topologies: Vec<_> = topologies.collect();
        let machines = topologies.iter().map(|one| self.with_topology(one));
        let machines: Vec<_> = machines.collect();
        let others: Vec<_> = machines.iter().map(HostView::prediction).collect();
        Range::of(&prediction, &others, tables).map_err(impossible)
    }

    /// Fails if a module's table or decisions cannot be read.
    fn check_read(&self) -> Result<(), Error> {
        match self.modules.unread.first() {
            Some(unread) => Err(Error::CouldNotRun(unread.clone())),
            None => Ok(()),
        }
    }

    /// The groups that the kernel would make now with the loaded modules, if it enumerated all
    /// functions at once as at boot.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when a module's table or decisions cannot be read, or the topology is
    /// impossible.
    pub fn predict(&self) -> Result<Predicted, Error> {
        self.check_read()?;
        let modules = &self.modules;
        let tables = self.running();
        let prediction = self.prediction();
        let claims = prediction.claims(tables);
        let groups = prediction.with_claims(&claims).map_err(impossible)?;
        let by = |(table, entry): (usize, u16)| {
            let name = tables.get(table)?.entries.get(usize::from(entry))?.name;
            Some((modules.editions.get(table)?.module(), name))
        };
        let now = modules
            .editions
            .iter()
            .zip(tables)
            .flat_map(|(edition, table)| {
                let functions = self
                    .view
                    .functions
                    .iter()
                    .zip(prediction.in_grouping(table));
                functions.filter_map(|(seen, decision)| {
                    let decided = decided(table, decision)?;
                    Some(((edition.module(), seen.function.bdf), decided))
                })
            });
        let isolated = claims.iter().filter(|claim| claim.isolated);
        let granted = claims.iter();
        Ok(Predicted {
            now: now.collect(),
            groups,
            isolated: isolated.map(|claim| claim.bdf).collect(),
            granted: granted
                .filter_map(|claim| Some((claim.bdf, by(claim.granted?)?)))
                .collect(),
        })
    }

    /// The finest groups that isolation justifies: the kernel would make them with the quirks of later
    /// releases and the grants of the loaded modules. Stable updates and distributions take quirks from later
    /// releases, and the release number does not show which: a quirk counts unless a loaded module has measured that
    /// the kernel lacks it. For a function in `new`, which the kernel has just grouped, the grant is the one that a
    /// module recorded. For any other function, it is the one that a module's table gives now, unless the module
    /// recorded a refusal.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when a module's table or decisions cannot be read, or the topology is
    /// impossible.
    pub fn justified(&self, new: &BTreeSet<Bdf>) -> Result<Partition, Error> {
        self.groups_with(new, |_, measured| measured != Some(Measured::Lacks))
    }

    /// The finest groups that are sure to be justified: of the quirks of later releases, those count that a loaded module has
    /// measured in the kernel.
    ///
    /// # Errors
    ///
    /// As [`Self::justified`].
    pub fn surely_justified(&self) -> Result<Partition, Error> {
        let is_of_release = |entry: &Entry| {
            let mainline = entry.mainline.as_ref().zip(self.kernel);
            mainline.is_some_and(|(mainline, kernel)| !mainline.is_missing_in(kernel))
        };
        self.groups_with(&BTreeSet::new(), |entry, measured| match measured {
            Some(Measured::Has) => true,
            Some(Measured::Lacks) => false,
            _ => is_of_release(entry),
        })
    }

    /// Functions that the kernel put into different groups although nothing isolates them from each other, in sets; none if
    /// the input lacks a fact about a function.
    ///
    /// # Errors
    ///
    /// As [`Self::justified`].
    pub fn torn(&self) -> Result<Partition, Error> {
        if self.groups.is_empty() || !self.shows_capabilities() {
            return Ok(Vec::new());
        }
        let functions = self.topology.functions.iter();
        let all = functions.map(|function| function.bdf).collect();
        Ok(finer(
            &self.groups,
            &self.justified(&BTreeSet::new())?,
            &all,
        ))
    }

    /// The groups with the quirks of mainline that may count, by their entry and what a loaded module measured of it.
    fn groups_with(
        &self,
        new: &BTreeSet<Bdf>,
        counts: impl Fn(&Entry, Option<Measured>) -> bool,
    ) -> Result<Partition, Error> {
        self.check_read()?;
        let possible = self
            .entries
            .iter()
            .filter(|entry| counts(entry, self.measured(entry)));
        let possible = handlers::possible_in(possible, self.kernel);
        let prediction = self.prediction_with(&possible);
        let mut claims = prediction.claims(self.running());
        for (claim, seen) in claims.iter_mut().zip(&self.view.functions) {
            let bdf = claim.bdf;
            let recorded = self.latest(bdf).map(|decided| decided.refused.is_none());
            let is_granted = if new.contains(&bdf) {
                recorded == Some(true)
            } else {
                claim.granted.is_some() && recorded != Some(false)
            };
            claim.verdict = if is_granted {
                KernelVerdict::Isolated
            } else {
                prediction.verdict(seen).kernel
            };
        }
        prediction.with_claims(&claims).map_err(impossible)
    }

    /// What a loaded module has measured: whether the kernel has the quirk of this entry. The entries of other editions are
    /// no quirks of mainline.
    fn measured(&self, entry: &Entry) -> Option<Measured> {
        let modules = self.loaded().iter();
        let modules = modules.filter(|module| module.edition == Edition::Validated);
        let mut measured = modules.filter_map(|module| module.measured.as_ref().ok()?.as_ref());
        measured.find_map(|measured| measured.get(&entry.number).copied())
    }

    /// The endpoints that would leave a function of their group if the kernel grouped them now.
    ///
    /// Costs O(n²) in the number of functions in such groups.
    #[must_use]
    pub fn regroupable(&self, predicted: &Predicted) -> BTreeSet<Bdf> {
        let functions = self.topology.functions.iter();
        let endpoints: BTreeSet<_> = functions
            .filter(|function| function.header == Header::Endpoint && function.physfn.is_none())
            .map(|function| function.bdf)
            .collect();
        let mut found = BTreeSet::new();
        for group in coarser(&self.groups, &predicted.groups, &endpoints) {
            let stays = |bdf: &Bdf| {
                let mut groups = predicted.groups.iter();
                let own = groups.find(|group| group.contains(bdf));
                own.is_some_and(|own| group.iter().all(|bdf| own.contains(bdf)))
            };
            let members = group.iter().copied();
            found.extend(members.filter(|bdf| endpoints.contains(bdf) && !stays(bdf)));
        }
        found
    }
}

/// The error for an impossible topology.
pub(crate) fn impossible(fault: Fault) -> Error {
    Error::CouldNotRun(format!(
        "no kernel can group these functions: {fault}; capture the machine again"
    ))
}

/// Converts a decision to the form of a module's record; `None` if no entry lists the function.
fn decided(table: &Table, decision: Decision) -> Option<Decided> {
    let (position, refused) = match decision {
        Decision::NotListed => return None,
        Decision::Granted(position) => (position, None),
        Decision::Refused(position, refusal) => (position, Some(refusal.to_string())),
    };
    let entry = table.entries.get(usize::from(position))?.number;
    Some(Decided { entry, refused })
}
