// SPDX-License-Identifier: GPL-2.0-only

//! A machine as its kernel sees it: the one view of all commands.

use std::collections::{BTreeMap, BTreeSet};

use grouping::{Grouping, Seen, View, handlers::Handlers, model::Fault, predict::Prediction, view};
use quirk_data::{built, edition::Edition, error::Error, handlers, quirk::Quirk, supported};
use rules::{decision::Decision, release::Release, table::Table};
use topology::{Bdf, Partition, Topology, recorded};

use super::{Decided, HostPaths, Module, Modules, Snapshot};

/// The groups that the kernel would make now, with the modules as they are, if it found all functions
/// at once, as at boot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Predicted {
    /// The groups.
    pub groups: Partition,
    /// Functions that count as isolated, by whatever.
    pub isolated: BTreeSet<Bdf>,
    /// What each module would decide now on the functions that it lists.
    pub now: BTreeMap<(&'static str, Bdf), Decided>,
    /// Functions that do so by an entry: the module and the name of the entry.
    pub granted: BTreeMap<Bdf, (&'static str, &'static str)>,
}

/// A machine as its kernel sees it, with the kernel's quirks and the tables of the module: what every command
/// goes by that explains, predicts, judges or changes groups.
#[derive(Clone, Debug)]
pub struct HostView<'a> {
    /// What was seen of it.
    pub topology: &'a Topology,
    /// Every entry of the data.
    pub quirks: &'a [Quirk],
    /// The machine as the kernel sees it.
    pub view: View<'a>,
    /// The release of its kernel, if it is known.
    pub kernel: Option<Release>,
    /// What the quirks of that kernel say; of the newest one, where it is not known.
    pub verdicts: Handlers,
    /// What those of the newest kernel say.
    pub newest: Handlers,
    /// The modules that are loaded, if one is; else `acs_quirks`, as it would be.
    pub modules: Modules,
    /// The groups that its own kernel made, as far as they were seen.
    pub groups: Partition,
    /// The modules that are loaded.
    pub loaded: &'a [Module],
    /// What was read of the machine, unless this is a topology alone.
    snapshot: Option<&'a Snapshot>,
}

impl<'a> HostView<'a> {
    /// A machine, with these entries; as if the module of the edition `loaded` were loaded, with what
    /// the entries give for its table.
    #[must_use]
    pub fn of(topology: &'a Topology, quirks: &'a [Quirk], loaded: Option<Edition>) -> Self {
        let kernel = topology.kernel.as_deref().and_then(topology::release_of);
        Self {
            topology,
            quirks,
            view: view(topology),
            kernel,
            verdicts: handlers::in_kernel(quirks, kernel),
            newest: handlers::newest(quirks),
            modules: Modules::built(quirks, loaded),
            groups: recorded(topology),
            loaded: &[],
            snapshot: None,
        }
    }

    /// What was read of a machine, with these entries.
    pub(super) fn of_snapshot(snapshot: &'a Snapshot, quirks: &'a [Quirk]) -> Self {
        Self {
            modules: Modules::of(&snapshot.modules, quirks),
            loaded: &snapshot.modules,
            snapshot: Some(snapshot),
            ..Self::of(&snapshot.topology, quirks, None)
        }
    }

    /// The tables that its groups are made with as it runs: none where no module is loaded.
    #[must_use]
    pub fn running(&self) -> &[Table] {
        if self.modules.loaded {
            &self.modules.tables
        } else {
            &[]
        }
    }

    /// Its kernel, for people: `kernel 7.3.4`.
    #[must_use]
    pub fn kernel_name(&self) -> String {
        let version = self.topology.kernel.as_deref().unwrap_or_default();
        // It may come from a file.
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || ".-_+~".contains(*c);
        let version: String = version.chars().filter(is_plain).take(64).collect();
        format!("kernel {version}").trim_end().to_owned()
    }

    /// What computes its groups.
    #[must_use]
    pub fn prediction(&self) -> Prediction<'_> {
        let prediction = Prediction::of(self.topology, &self.view, &self.verdicts)
            .exposing(self.modules.exposed.as_ref());
        // Where there is no table, nothing is read.
        let spaces = self.snapshot.filter(|_| self.modules.loaded);
        match spaces.and_then(Snapshot::spaces) {
            Some(spaces) => prediction.reading(spaces),
            None => prediction,
        }
    }

    /// The groups that its kernel makes with modules that have these tables, and how each function came
    /// to its group.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] where no machine can be like that.
    pub fn grouping(&self, tables: &[Table]) -> Result<Grouping, Error> {
        self.prediction().grouping(tables).map_err(impossible)
    }

    /// The groups that the kernel would make now if it found all functions at once, as at boot, with the
    /// modules that are loaded.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when something of a module cannot be read, or for a machine that cannot be.
    pub fn predict(&self) -> Result<Predicted, Error> {
        if let Some(unread) = self.modules.unread.first() {
            return Err(Error::CouldNotRun(unread.clone()));
        }
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

    /// The table of the module `acs_quirks`, by these entries.
    #[must_use]
    pub fn shipped(&self) -> Table {
        built::table(&Edition::Validated.select(self.quirks, supported::oldest()))
    }

    /// The groups that its own kernel made, if any was seen.
    #[must_use]
    pub fn recorded(&self) -> Option<&Partition> {
        Some(&self.groups).filter(|groups| !groups.is_empty())
    }

    /// The header type of a function, with the multi-function bit; `None` where it cannot be read or
    /// the function does not answer.
    #[must_use]
    pub fn header_type(&self, bdf: Bdf) -> Option<u8> {
        self.snapshot?.header_type(bdf)
    }

    /// Why a loaded module refused a claim for a function when the kernel last asked, by its record.
    #[must_use]
    pub fn refused(&self, bdf: Bdf) -> Option<&'a str> {
        let records = self
            .loaded
            .iter()
            .filter_map(|module| module.record.as_ref().ok());
        let mut latest = records.filter_map(|record| record.decisions.get(&bdf)?.latest.as_ref());
        latest.find_map(|decided| decided.refused.as_deref())
    }

    /// The file systems, if it is a host that runs.
    #[must_use]
    pub fn paths(&self) -> Option<&'a HostPaths> {
        self.snapshot?.paths()
    }

    /// Where the function with this address stands in the list of the view.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none.
    pub fn position(&self, bdf: Bdf) -> Result<usize, Error> {
        let mut functions = self.view.functions.iter();
        let found = functions.position(|seen| seen.function.bdf == bdf);
        found.ok_or_else(|| {
            Error::NotFound(format!(
                "{bdf}: there is no such function; \"acsctl groups\" lists those that there are"
            ))
        })
    }

    /// The entry with this number.
    #[must_use]
    pub fn entry(&self, number: Option<u16>) -> Option<&'a Quirk> {
        let mut quirks = self.quirks.iter();
        quirks.find(|quirk| Some(quirk.number) == number)
    }

    /// The function at a position of the view.
    #[must_use]
    pub fn at(&self, position: u32) -> Option<&Seen<'a>> {
        self.view.functions.get(usize::try_from(position).ok()?)
    }
}

/// The error for a machine that cannot be.
pub(crate) fn impossible(fault: Fault) -> Error {
    Error::CouldNotRun(format!(
        "no kernel can group these functions: {fault}; capture the machine again"
    ))
}

/// A decision by this table, in the form of a module's record; `None` where no entry lists the function.
fn decided(table: &Table, decision: Decision) -> Option<Decided> {
    let (position, refused) = match decision {
        Decision::NotListed => return None,
        Decision::Granted(position) => (position, None),
        Decision::Refused(position, refusal) => (position, Some(refusal.to_string())),
    };
    let entry = table.entries.get(usize::from(position))?.number;
    Some(Decided { entry, refused })
}
