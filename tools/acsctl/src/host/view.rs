// SPDX-License-Identifier: GPL-2.0-only

//! A machine as its kernel sees it. All commands share this view.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use grouping::{
    Grouping, Range, Seen, View,
    handlers::Handlers,
    model::{
        Fault,
        release::{OLDEST, Verified},
    },
    predict::Prediction,
    view_with_iommu,
};
use quirk_data::{built, edition::Edition, entry::Entry, error::Error, handlers, supported};
use rules::{
    decision::{Decision, KernelVerdict},
    release::Release,
    table::Table,
};
use topology::{Bdf, Header, Partition, Topology, UNKNOWN_VENDOR, recorded};

use crate::database::SupposedEntry;

use super::{Decided, HostPaths, Measured, Module, Modules, Snapshot, coarser, finer};

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

/// A machine as its kernel sees it, with the kernel's quirks and the modules' tables. Every command
/// that explains, predicts, checks or changes groups uses this view.
#[derive(Clone, Debug)]
pub struct HostView<'a> {
    /// The captured functions.
    pub topology: &'a Topology,
    /// Every entry of the quirk database.
    pub entries: &'a [Entry],
    /// The functions in the order of the kernel's enumeration, with their bridges.
    pub view: View<'a>,
    /// The release of the machine's kernel, if known.
    pub kernel: Option<Release>,
    /// The in-tree quirks of that kernel. If `kernel` is `None`, the quirks of the newest known
    /// kernel.
    pub verdicts: Handlers,
    /// The in-tree quirks of the newest known kernel, computed on first use.
    newest: OnceCell<Handlers>,
    /// The loaded modules that may have an effect. Without such a module, `acs_quirks` as it would
    /// be loaded.
    pub modules: Modules,
    /// The groups that the machine's kernel made; empty if the source does not list them.
    pub groups: Partition,
    /// The tables in effect: those of the loaded modules, or those that the answer supposes.
    pub(super) running: Vec<Table>,
    /// The entry that the answer supposes, in the last of `running`.
    pub(super) supposed: Option<&'a SupposedEntry>,
    /// The reading that this view comes from; `None` for a bare topology.
    pub(super) snapshot: Option<&'a Snapshot>,
}

impl<'a> HostView<'a> {
    /// The view of a bare topology with these entries. With `loaded`, the module of that edition
    /// counts as loaded, with the table that these entries give.
    #[must_use]
    pub fn of(topology: &'a Topology, entries: &'a [Entry], loaded: Option<Edition>) -> Self {
        Self::with(topology, entries, Modules::built(entries, loaded))
    }

    pub(super) fn with(topology: &'a Topology, entries: &'a [Entry], modules: Modules) -> Self {
        let kernel = topology.kernel.as_deref().and_then(topology::release_of);
        Self {
            topology,
            entries,
            view: view_with_iommu(topology),
            kernel,
            verdicts: handlers::in_kernel(entries, kernel),
            newest: OnceCell::new(),
            running: if modules.loaded {
                modules.tables.clone()
            } else {
                Vec::new()
            },
            modules,
            groups: recorded(topology),
            supposed: None,
            snapshot: None,
        }
    }

    /// The view of a reading, with these entries.
    pub(super) fn of_snapshot(snapshot: &'a Snapshot, entries: &'a [Entry]) -> Self {
        let modules = Modules::of(&snapshot.modules, entries);
        Self {
            snapshot: Some(snapshot),
            ..Self::with(&snapshot.topology, entries, modules)
        }
    }

    /// The same machine with other facts about its functions and its kernel.
    pub(crate) fn with_topology<'b>(&self, topology: &'b Topology) -> HostView<'b>
    where
        'a: 'b,
    {
        HostView {
            snapshot: self.snapshot,
            running: self.running.clone(),
            supposed: self.supposed,
            ..HostView::with(topology, self.entries, self.modules.clone())
        }
    }

    /// The in-tree quirks of the newest known kernel.
    pub fn newest(&self) -> &Handlers {
        self.newest.get_or_init(|| handlers::newest(self.entries))
    }

    /// All loaded modules; empty for a file or a bare topology.
    #[must_use]
    pub fn loaded(&self) -> &'a [Module] {
        self.snapshot.map_or(&[], |snapshot| &snapshot.modules)
    }

    /// The tables in effect on the machine now, with the entry that the answer supposes: empty if no
    /// loaded module has an effect and a readable table, and no entry is supposed.
    #[must_use]
    pub fn running(&self) -> &[Table] {
        &self.running
    }

    /// The kernel's version for messages: `kernel 7.3.4`.
    #[must_use]
    pub fn kernel_name(&self) -> String {
        named(self.topology.kernel.as_deref().unwrap_or_default())
    }

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

    /// Whether the input shows the capabilities of each function.
    #[must_use]
    pub fn shows_capabilities(&self) -> bool {
        let mut functions = self.topology.functions.iter();
        functions.all(|one| one.pcie_known && one.acs_known)
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

    /// The latest decision of the loaded modules on a function: a grant if one of them grants.
    fn latest(&self, bdf: Bdf) -> Option<&'a Decided> {
        let records = self
            .loaded()
            .iter()
            .filter_map(|module| module.record.as_ref().ok());
        let latest = records.filter_map(|record| record.decisions.get(&bdf)?.latest.as_ref());
        latest.min_by_key(|decided| decided.refused.is_some())
    }

    /// Whether the grouping model was compared with a kernel of the machine's series.
    #[must_use]
    pub fn is_modelled(&self) -> bool {
        self.verified() == Verified::Kernel
    }

    /// What the grouping model was held against, for the machine's kernel.
    #[must_use]
    pub fn verified(&self) -> Verified {
        self.kernel.map_or(Verified::No, Verified::of)
    }

    /// The table that these entries give for the module `acs_quirks`.
    #[must_use]
    pub fn shipped(&self) -> Table {
        built::table(&Edition::Validated.select(self.entries, supported::oldest()))
    }

    /// The functions whose group the source would not show if the machine's kernel made groups.
    #[must_use]
    pub fn unshown(&self) -> BTreeSet<Bdf> {
        let functions = self.topology.functions.iter();
        let unshown = functions.filter(|function| !function.group_known);
        unshown.map(|function| function.bdf).collect()
    }

    /// The groups that the machine's kernel made; `None` if the source lists none.
    #[must_use]
    pub fn recorded(&self) -> Option<&Partition> {
        Some(&self.groups).filter(|groups| !groups.is_empty())
    }

    /// The header type of a function, including the multi-function bit; `None` if it cannot be read
    /// or the function does not answer.
    #[must_use]
    pub fn header_type(&self, bdf: Bdf) -> Option<u8> {
        self.snapshot?.header_type(bdf)
    }

    /// The reason why a loaded module refused a function at its latest decision.
    #[must_use]
    pub fn refused(&self, bdf: Bdf) -> Option<&'a str> {
        self.latest(bdf)?.refused.as_deref()
    }

    /// The host's file systems; `None` for a file.
    #[must_use]
    pub fn paths(&self) -> Option<&'a HostPaths> {
        self.snapshot?.paths()
    }

    /// Whether the ids of a function are known well enough to tell which quirk of a kernel applies.
    #[must_use]
    pub fn identifies(&self, seen: &Seen<'_>) -> bool {
        seen.function.unreadable
            || self.verdicts.identifies(seen, self.view.release.required)
                && self.newest().identifies(seen, self.view.release.required)
    }

    /// Why no group of this machine can be computed; `None` if groups can be. On POWER, the groups are
    /// those of partitionable endpoints, which the firmware makes (`arch/powerpc/platforms/`).
    #[must_use]
    pub fn not_computed(&self) -> Option<&'static str> {
        /// IBM's host bridges with root ports: POWER7 (P7IOC), POWER8, POWER9, POWER10.
        const HOST_BRIDGES: [u16; 4] = [0x03b9, 0x03dc, 0x04c1, 0x0652];
        let mut functions = self.topology.functions.iter();
        let has_bridge = functions.any(|function| {
            function.vendor.value() == 0x1014
                && function
                    .device
                    .is_some_and(|device| HOST_BRIDGES.contains(&device.value()))
        });
        let is_version = |version: &str| {
            ["ppc64", "powerpc64"]
                .iter()
                .any(|one| version.contains(one))
        };
        let is_power = has_bridge || self.topology.kernel.as_deref().is_some_and(is_version);
        is_power.then_some(
            "this machine is a POWER one, on which the firmware decides on IOMMU groups (partitionable endpoints), \
             not the code that acsctl models",
        )
    }

    /// Functions whose group cannot be computed, because the source does not show the way from them
    /// to the root, or what is below them.
    #[must_use]
    pub fn undetermined(&self) -> BTreeSet<Bdf> {
        if self.not_computed().is_some() {
            let functions = self.topology.functions.iter();
            return functions.map(|function| function.bdf).collect();
        }
        let assumed = self.view.assumptions.iter();
        let mut found: BTreeSet<Bdf> = assumed
            .filter(|(_, assumption)| assumption.hides_group())
            .map(|(bdf, _)| *bdf)
            .collect();
        // The kernel's order has each bridge before what is below it.
        for seen in &self.view.functions {
            let above = self.view.above(seen);
            let is_hidden = |above: &Seen<'_>| {
                let bdf = above.function.bdf;
                let leads = above.function.secondary.is_some();
                leads && found.contains(&bdf)
            };
            let physical = seen.function.physfn.filter(|bdf| found.contains(bdf));
            if above.is_some_and(is_hidden) || physical.is_some() {
                found.insert(seen.function.bdf);
            }
        }
        found
    }

    /// The position in the view of the function with this address.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such function.
    pub fn position(&self, bdf: Bdf) -> Result<usize, Error> {
        let mut functions = self.view.functions.iter();
        let found = functions.position(|seen| seen.function.bdf == bdf);
        found.ok_or_else(|| {
            Error::NotFound(format!(
                "{bdf}: there is no such function in the input; \"acsctl groups\" on the same input lists all"
            ))
        })
    }

    /// The entry with this number.
    #[must_use]
    pub fn entry(&self, number: Option<u16>) -> Option<&'a Entry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| Some(entry.number) == number)
    }

    /// The function at a position of the view.
    #[must_use]
    pub fn at(&self, position: u32) -> Option<&Seen<'a>> {
        self.view.functions.get(usize::try_from(position).ok()?)
    }
}

/// Whether a kernel's version has such characters.
pub(crate) fn is_of_version(c: char) -> bool {
    c.is_ascii_alphanumeric() || ".-_+~".contains(c)
}

/// The kernel of this version, for messages. The version may come from an untrusted file, and is empty where
/// no input names it.
pub(crate) fn named(version: &str) -> String {
    let plain = version.chars().filter(|c| is_of_version(*c));
    let version: String = plain.take(64).collect();
    if version.is_empty() {
        "the kernel".to_owned()
    } else {
        format!("kernel {version}")
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
