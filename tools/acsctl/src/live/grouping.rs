// SPDX-License-Identifier: GPL-2.0-only

//! The groups that there are, those that the kernel would make now, and how they differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use isolation::table::Table;
use topology::{Bdf, Partition, Topology, recorded, view};

use super::{Hook, Module, Places, places::text};
use crate::{
    built,
    edition::Edition,
    error::Error,
    folder::{self, Scope},
    predict::Prediction,
    quirk::Quirk,
    source, supported,
    verdict::Verdicts,
};

/// A running host, with the modules of this project that work on it.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its functions.
    pub topology: Topology,
    /// The groups that they are in.
    pub groups: Partition,
    /// The modules that are loaded.
    pub modules: Vec<Module>,
    /// Whether its kernel was told to count devices as isolated that are not, by a patch that stock
    /// kernels do not have: the value of `pcie_acs_override=`.
    pub acs_override: Option<String>,
    /// What configuration space says of each function, as far as it may be read.
    spaces: BTreeMap<Bdf, Vec<u8>>,
    quirks: Vec<Quirk>,
}

/// The groups that the kernel would make now, with the modules as they are, if it found all functions
/// at once, as at boot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Predicted {
    /// The groups.
    pub groups: Partition,
    /// Functions that count as isolated, by whatever.
    pub isolated: BTreeSet<Bdf>,
    /// Functions that do so by an entry: the module and the name of the entry.
    pub granted: BTreeMap<Bdf, (&'static str, &'static str)>,
}

impl Live {
    /// Looks at a host.
    ///
    /// # Errors
    ///
    /// [`Error`] when it has no PCI functions, or sysfs makes no sense.
    pub fn look(places: &Places) -> Result<Self, Error> {
        let captured = places.host().capture();
        let topology = captured.map_err(|error| Error::CouldNotRun(error.to_string()))?;
        let quirks = folder::check_all(source::built_in(), Scope::now(None));
        let space = |bdf: Bdf| Some((bdf, fs::read(places.function(bdf).join("config")).ok()?));
        let functions = topology.functions.iter();
        Ok(Self {
            groups: recorded(&topology),
            modules: Module::loaded(places),
            acs_override: acs_override(&text(&places.proc.join("cmdline")).unwrap_or_default()),
            spaces: functions.filter_map(|one| space(one.bdf)).collect(),
            quirks: quirks.map_err(Error::Findings)?,
            topology,
        })
    }

    /// The groups that the kernel would make now. A module counts unless its hook is known to have no
    /// effect: that it may have one is what must be reckoned with.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when a table cannot be told, or for a host that cannot be.
    pub fn predict(&self) -> Result<Predicted, Error> {
        let works = |module: &&Module| !matches!(module.hook, Hook::Ineffective(_));
        let modules: Vec<_> = self.modules.iter().filter(works).collect();
        let table = |module: &&Module| {
            let table = module.table.clone();
            let name = module.name();
            table.map_err(|why| Error::CouldNotRun(format!("{name} is loaded, but {why}")))
        };
        let tables: Vec<Table> = modules.iter().map(table).collect::<Result<_, _>>()?;
        let view = view(&self.topology);
        let verdicts = Verdicts::of(&self.quirks);
        let prediction = Prediction::of(&self.topology, &view, &verdicts);
        let claims = prediction.claims(&tables, &self.spaces);
        let groups = prediction.with_claims(&claims);
        let by = |(table, entry): (usize, u16)| {
            let name = tables.get(table)?.entries.get(usize::from(entry))?.name;
            Some((modules.get(table)?.name(), name))
        };
        let isolated = claims.iter().filter(|claim| claim.isolated);
        let granted = claims.iter();
        Ok(Predicted {
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
        built::table(&Edition::Validated.select(&self.quirks, supported::series().next()))
    }

    /// The header type of a function, with the multi-function bit; `None` where it cannot be read or
    /// the function does not answer.
    #[must_use]
    pub fn header_type(&self, bdf: Bdf) -> Option<u8> {
        let space = self.spaces.get(&bdf)?;
        let answers = space.get(..4)? != [0xff; 4];
        space.get(0x0e).copied().filter(|_| answers)
    }
}

/// The value of `pcie_acs_override=` on a kernel's command line.
fn acs_override(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    words.find_map(|word| Some(word.strip_prefix("pcie_acs_override=")?.to_owned()))
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
