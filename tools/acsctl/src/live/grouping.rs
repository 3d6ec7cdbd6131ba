// SPDX-License-Identifier: GPL-2.0-only

//! The groups that there are, those that the kernel would make now, and how they differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use grouping::{
    predict::{Prediction, Spaces},
    view,
};
use quirk_data::{
    built,
    edition::Edition,
    error::Error,
    folder::{self, Scope},
    handlers,
    quirk::Quirk,
    source::{self, DataFile},
    supported,
};
use rules::{decision::Decision, table::Table};
use topology::{Bdf, ConfigSpace, Partition, Topology, recorded};

use super::{
    Decided, Module, Places,
    places::{names, text},
};

/// A running host, with the modules of this project that work on it.
#[derive(Debug)]
pub struct Live<'a> {
    /// Its functions.
    pub topology: Topology,
    /// The groups that they are in.
    pub groups: Partition,
    /// The modules that are loaded.
    pub modules: Vec<Module>,
    /// What configuration space says of each function, as far as it may be read.
    spaces: Spaces,
    quirks: &'a [Quirk],
}

/// The entries that this program has in itself: those for devices of the vendors that this host has
/// devices of, or all. To read them takes longer than anything else, so they are read once.
///
/// # Errors
///
/// [`Error::Findings`], which they do not have.
pub fn built_in(of: Option<&Places>) -> Result<Vec<Quirk>, Error> {
    let mut sources = source::built_in();
    if let Some(places) = of {
        let devices = places.pci().join("devices");
        let vendor = |name: String| text(&devices.join(name).join("vendor"));
        let vendors: BTreeSet<_> = names(&devices).into_iter().filter_map(vendor).collect();
        // A file that has the number for another reason does no harm.
        let is_of = |file: &DataFile| {
            let mut ids = vendors.iter().map(|id| id.trim_start_matches("0x"));
            ids.any(|id| file.text.contains(id))
        };
        sources.files.retain(is_of);
    }
    folder::check_all(sources, Scope::now(None)).map_err(Error::Findings)
}

/// What configuration space says of the functions of the host with this sysfs, as far as it may be read.
#[must_use]
pub fn spaces(sysfs: &Path, topology: &Topology) -> Spaces {
    let devices = sysfs.join("bus/pci/devices");
    let space = |bdf: Bdf| Some((bdf, ConfigSpace::open(&devices.join(bdf.to_string())).ok()?));
    let functions = topology.functions.iter();
    functions.filter_map(|one| space(one.bdf)).collect()
}

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

impl<'a> Live<'a> {
    /// Looks at a host, whose kernel has what these entries say that mainline has; see
    /// [`built_in()`].
    ///
    /// # Errors
    ///
    /// [`Error`] when it has no PCI functions, or sysfs makes no sense.
    pub fn look(places: &Places, quirks: &'a [Quirk]) -> Result<Self, Error> {
        let captured = places.host().capture();
        let topology = captured.map_err(|error| Error::CouldNotRun(error.to_string()))?;
        Ok(Self {
            groups: recorded(&topology),
            modules: Module::loaded(&places.sys),
            spaces: spaces(&places.sys, &topology),
            quirks,
            topology,
        })
    }

    /// The groups that the kernel would make now.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when a table cannot be told, or for a host that cannot be.
    pub fn predict(&self) -> Result<Predicted, Error> {
        let modules: Vec<_> = self.modules.iter().filter(|one| one.may_work()).collect();
        let table = |module: &&Module| {
            let table = module.table.clone();
            let name = module.name();
            table.map_err(|why| Error::CouldNotRun(format!("{name} is loaded, but {why}")))
        };
        let tables: Vec<Table> = modules.iter().map(table).collect::<Result<_, _>>()?;
        let exposed = exposed(&self.modules).map_err(Error::CouldNotRun)?;
        let view = view(&self.topology);
        let kernel = self.topology.kernel.as_deref();
        let kernel = kernel.and_then(topology::release_of);
        let verdicts = handlers::in_kernel(self.quirks, kernel);
        let prediction = Prediction::of(&self.topology, &view, &verdicts)
            .reading(&self.spaces)
            .exposing(exposed.as_ref());
        let claims = prediction.claims(&tables);
        let groups = prediction.with_claims(&claims);
        let by = |(table, entry): (usize, u16)| {
            let name = tables.get(table)?.entries.get(usize::from(entry))?.name;
            Some((modules.get(table)?.name(), name))
        };
        let isolated = claims.iter().filter(|claim| claim.isolated);
        let granted = claims.iter();
        let now = modules.iter().zip(&tables).flat_map(|(module, table)| {
            let functions = view.functions.iter().zip(prediction.in_grouping(table));
            functions.filter_map(|(seen, decision)| {
                let decided = decided(table, decision)?;
                Some(((module.name(), seen.function.bdf), decided))
            })
        });
        Ok(Predicted {
            now: now.collect(),
            groups: groups.map_err(|fault| Error::CouldNotRun(fault.to_string()))?,
            isolated: isolated.map(|claim| claim.bdf).collect(),
            granted: granted
                .filter_map(|claim| Some((claim.bdf, by(claim.granted?)?)))
                .collect(),
        })
    }

    /// The table of the module `acs_quirks`, by the data that this program has in itself.
    #[must_use]
    pub fn shipped(&self) -> Table {
        built::table(&Edition::Validated.select(self.quirks, supported::oldest()))
    }

    /// The header type of a function, with the multi-function bit; `None` where it cannot be read or
    /// the function does not answer.
    #[must_use]
    pub fn header_type(&self, bdf: Bdf) -> Option<u8> {
        let space = self.spaces.get(&bdf)?;
        let answers = space.dword(0)? != u32::MAX;
        let [_, _, header, _] = space.dword(0x0c)?.to_le_bytes();
        answers.then_some(header)
    }
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

/// The functions that are exposed, as these modules say; `None` where none is loaded.
///
/// # Errors
///
/// Why a module does not say it.
pub fn exposed(modules: &[Module]) -> Result<Option<BTreeSet<Bdf>>, String> {
    let mut all = None;
    for module in modules {
        let record = module.record.as_ref();
        let record = record.map_err(|why| format!("{} is loaded, but {why}", module.name()))?;
        all.get_or_insert_with(BTreeSet::new)
            .extend(&record.exposed);
    }
    Ok(all)
}

/// Groups of `allowed` that have a member in `of`, and whose members are in more than one group of
/// `actual`: there, functions pass for isolated from each other that are not.
///
/// O(n log n) in the number of functions.
#[must_use]
pub fn finer(actual: &Partition, allowed: &Partition, of: &BTreeSet<Bdf>) -> Partition {
    let mut number = BTreeMap::new();
    for (group, members) in actual.iter().enumerate() {
        number.extend(members.iter().map(|&bdf| (bdf, group)));
    }
    let is_torn = |members: &&Vec<Bdf>| {
        let mut numbers = members.iter().filter_map(|bdf| number.get(bdf));
        let first = numbers.next();
        members.iter().any(|bdf| of.contains(bdf)) && numbers.any(|other| Some(other) != first)
    };
    allowed.iter().filter(is_torn).cloned().collect()
}

/// Groups of `actual` that have a member in `of`, and that `allowed` has as more than one group.
#[must_use]
pub fn coarser(actual: &Partition, allowed: &Partition, of: &BTreeSet<Bdf>) -> Partition {
    finer(allowed, actual, of)
}
