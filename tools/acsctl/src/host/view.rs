// SPDX-License-Identifier: GPL-2.0-only

//! A machine as its kernel sees it. All commands share this view.

use std::{cell::OnceCell, collections::BTreeSet};

use grouping::{
    Assumption, Seen, View, handlers::Handlers, model::release::Verified, view_with_iommu,
};
use quirk_data::{built, edition::Edition, entry::Entry, error::Error, handlers, supported};
use rules::{release::Release, table::Table};
use topology::{Bdf, Partition, Topology, recorded};

use crate::database::SupposedEntry;

use super::{Decided, HostPaths, Module, Modules, Snapshot};

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

    /// Whether the input shows the capabilities of each function.
    #[must_use]
    pub fn shows_capabilities(&self) -> bool {
        let mut functions = self.topology.functions.iter();
        functions.all(|one| one.pcie_known && one.acs_known)
    }

    /// The latest decision of the loaded modules on a function: a grant if one of them grants.
    pub(super) fn latest(&self, bdf: Bdf) -> Option<&'a Decided> {
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

    /// The functions whose group the source would not show, or not as a whole, if the machine's kernel made groups.
    #[must_use]
    pub fn unshown(&self) -> BTreeSet<Bdf> {
        let functions = self.topology.functions.iter();
        let unshown = functions.filter(|function| !function.group_known);
        let unshown = unshown.map(|function| function.bdf);
        let assumed = self.view.assumptions.iter();
        let parts = assumed.filter(|(_, assumption)| *assumption == Assumption::NoFunction0);
        let parts = parts.map(|(bdf, _)| *bdf);
        let parts: BTreeSet<Bdf> = parts.chain(self.topology.gaps.iter().copied()).collect();
        // What is missing may be in their group, which others may be in, too.
        let groups = self
            .groups
            .iter()
            .filter(|group| group.iter().any(|bdf| parts.contains(bdf)));
        let beside: BTreeSet<Bdf> = groups.flatten().copied().collect();
        unshown.chain(parts).chain(beside).collect()
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
