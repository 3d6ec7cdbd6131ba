// SPDX-License-Identifier: GPL-2.0-only

//! What a command for owners looks at: this host or a captured machine, with what the data says of
//! it.

use std::path::{Path, PathBuf};

use grouping::{
    Grouping, Seen, View,
    handlers::Handlers,
    model::Fault,
    predict::{Prediction, Spaces},
    view,
};
use quirk_data::{
    edition::Edition,
    error::Error,
    folder::{self, Scope},
    handlers,
    quirk::Quirk,
    source::{self, DataFile, Sources, is_same},
};
use rules::{release::Release, table::Table};
use topology::{Bdf, Host, Partition, Topology, recorded};

use crate::{
    live::{Module, spaces},
    modules::Modules,
    predict::report::Under,
};

/// Where a machine is described.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the sysfs of a host that runs.
    Host(Host),
    /// In a file: a topology in the project's own format, or what lspci prints.
    File(PathBuf),
}

impl Place {
    /// Reads the machine.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when it cannot be read.
    pub fn read(&self) -> Result<Topology, Error> {
        let read = match self {
            Self::Host(host) => host.capture(),
            Self::File(file) => topology::read(file),
        };
        read.map_err(|error| Error::CouldNotRun(error.to_string()))
    }
}

/// A machine, and the entries of the data.
#[derive(Debug)]
pub struct System {
    /// Where it was described.
    pub place: Place,
    /// What was seen of it.
    pub topology: Topology,
    /// Every entry of the data, by number.
    pub quirks: Vec<Quirk>,
    /// The modules that are loaded; none in a file, which does not tell.
    pub modules: Vec<Module>,
    /// What configuration space says of its functions, where a module is loaded that reads it.
    spaces: Spaces,
    /// The folder of the data, if it is not what this program has in itself.
    data: Option<PathBuf>,
}

impl System {
    /// Reads a machine. The entries are those below the folder `data`, or those that this program
    /// has in itself.
    ///
    /// # Errors
    ///
    /// [`Error`] when the machine or the data cannot be read, or the data has faults.
    pub fn load(place: Place, data: Option<&Path>) -> Result<Self, Error> {
        let topology = place.read()?;
        let (mut modules, mut read) = (Vec::new(), Spaces::new());
        if let Place::Host(host) = &place {
            modules = Module::loaded(&host.sysfs);
            if !modules.is_empty() {
                read = spaces(&host.sysfs, &topology);
            }
        }
        let data = data.map(Path::to_path_buf);
        let mut system = Self {
            place,
            topology,
            quirks: Vec::new(),
            modules,
            spaces: read,
            data,
        };
        system.quirks = entries(system.sources()?)?;
        Ok(system)
    }

    /// The data files.
    fn sources(&self) -> Result<Sources, Error> {
        let built_in = || Ok(source::built_in());
        self.data.as_deref().map_or_else(built_in, source::read)
    }

    /// The host, if it is one that runs.
    #[must_use]
    pub const fn host(&self) -> Option<&Host> {
        match &self.place {
            Place::Host(host) => Some(host),
            Place::File(_) => None,
        }
    }

    /// Looks at the machine.
    #[must_use]
    pub fn machine(&self) -> Machine<'_> {
        self.machine_with(&self.quirks)
    }

    /// The same, with these entries for the data.
    #[must_use]
    pub fn machine_with<'a>(&'a self, quirks: &'a [Quirk]) -> Machine<'a> {
        Machine {
            modules: Modules::of(&self.modules, quirks),
            spaces: Some(&self.spaces),
            ..Machine::of(&self.topology, quirks, None)
        }
    }
}

/// The entries of these files, by number.
///
/// # Errors
///
/// [`Error::Findings`] when they have faults.
pub fn entries(sources: Sources) -> Result<Vec<Quirk>, Error> {
    let checked = folder::check_all(sources, Scope::now(None));
    let mut quirks = checked.map_err(Error::Findings)?;
    quirks.sort_by_key(|quirk| quirk.number);
    Ok(quirks)
}

/// A machine as the kernel sees it, with its quirks and the table of the module.
#[derive(Clone, Debug)]
pub struct Machine<'a> {
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
    /// What configuration space says of its functions, where it is at hand.
    spaces: Option<&'a Spaces>,
}

impl<'a> Machine<'a> {
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
            spaces: None,
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

    /// With what its groups are made as it runs.
    #[must_use]
    pub fn under(&self) -> Under {
        if self.modules.loaded {
            Under::installed(self)
        } else {
            Under::kernel(self)
        }
    }

    /// What computes its groups.
    #[must_use]
    pub fn prediction(&self) -> Prediction<'_> {
        let prediction = Prediction::of(self.topology, &self.view, &self.verdicts)
            .exposing(self.modules.exposed.as_ref());
        match self.spaces {
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

    /// The groups that its own kernel made, if any was seen.
    #[must_use]
    pub fn recorded(&self) -> Option<Partition> {
        Some(recorded(self.topology)).filter(|groups| !groups.is_empty())
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

/// The entries of a system with one more, which is a data file, or has this name already; and where
/// it stands among them.
///
/// # Errors
///
/// [`Error::NotFound`] when there is neither such a file nor such an entry, or when no module can be
/// built with it; [`Error::Findings`] when the file has faults.
pub fn with_entry(system: &System, entry: &str) -> Result<(Vec<Quirk>, usize), Error> {
    let file = Path::new(entry);
    let (quirks, name) = if file.is_file() {
        let mut sources = system.sources()?;
        let before = sources.files.clone();
        sources.add(file)?;
        let is_new = |one: &&DataFile| !before.contains(one);
        let added = sources.files.iter().find(is_new).cloned();
        // A file of the data that was named once more, or one that cannot be read as text.
        let name = added.as_ref().map(|file| file.name.clone());
        let name = name.or_else(|| {
            let same = sources.files.iter().find(|one| is_same(&one.path, file));
            same.map(|one| one.name.clone())
        });
        if let Some(added) = &added {
            // Its own older form is not another entry.
            sources
                .files
                .retain(|one| one.name != added.name || one == added);
        }
        (entries(sources)?, name.unwrap_or_default())
    } else {
        (system.quirks.clone(), entry.to_owned())
    };
    let at = quirks.iter().position(|one| one.name == name);
    let Some(at) = at else {
        return Err(Error::NotFound(format!(
            "no entry \"{entry}\", and no file; name a data file, or an entry as \"acsctl table list\" \
             has it"
        )));
    };
    if quirks[at].status.is_negative() || quirks[at].acs_registers.is_some() {
        return Err(Error::NotFound(format!(
            "no module is built with {name}, which is {}; see acsctl table show {name}",
            quirks[at].status.name()
        )));
    }
    Ok((quirks, at))
}
