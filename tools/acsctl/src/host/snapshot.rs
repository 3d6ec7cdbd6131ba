// SPDX-License-Identifier: GPL-2.0-only

//! What was read of a machine at one moment: of the host that runs, or out of a file.

use std::{cell::OnceCell, path::PathBuf};

use grouping::predict::Spaces;
use quirk_data::{error::Error, quirk::Quirk};
use topology::{Bdf, ConfigSpace, Topology};

use super::{HostPaths, HostView, Module};

/// Where a machine is described.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// In the file systems of a host.
    Host(HostPaths),
    /// In a file: a topology in the project's own format, or what lspci prints.
    File(PathBuf),
}

impl Source {
    /// Reads the functions of the machine, and with `model` what firmware calls a host.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when it cannot be read.
    pub fn capture(&self, model: bool) -> Result<Topology, Error> {
        let read = match self {
            Self::Host(paths) => paths.to_capture(model).capture(),
            Self::File(file) => topology::read(file),
        };
        read.map_err(|error| Error::CouldNotRun(error.to_string()))
    }
}

/// What was read of a machine at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Where it was read.
    pub source: Source,
    /// Its functions.
    pub topology: Topology,
    /// The modules that were loaded; none in a file, which does not tell.
    pub modules: Vec<Module>,
    /// Configuration space of each function, as far as it may be read; opened when it is asked for.
    spaces: OnceCell<Spaces>,
}

impl Snapshot {
    /// Reads a machine.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when it has no PCI functions, cannot be read, or makes no sense.
    pub fn take(source: Source) -> Result<Self, Error> {
        let topology = source.capture(false)?;
        let modules = match &source {
            Source::Host(paths) => Module::loaded(&paths.sys),
            Source::File(_) => Vec::new(),
        };
        Ok(Self {
            source,
            modules,
            spaces: OnceCell::new(),
            topology,
        })
    }

    /// Reads the host with these file systems.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::take()`].
    pub fn of_host(paths: &HostPaths) -> Result<Self, Error> {
        Self::take(Source::Host(paths.clone()))
    }

    /// The file systems, if it is a host that runs.
    #[must_use]
    pub const fn paths(&self) -> Option<&HostPaths> {
        match &self.source {
            Source::Host(paths) => Some(paths),
            Source::File(_) => None,
        }
    }

    /// The machine as its kernel sees it, by these entries.
    #[must_use]
    pub fn view<'a>(&'a self, quirks: &'a [Quirk]) -> HostView<'a> {
        HostView::of_snapshot(self, quirks)
    }

    /// Configuration space of each function; `None` in a file.
    pub(super) fn spaces(&self) -> Option<&Spaces> {
        let paths = self.paths()?;
        let open = |bdf: Bdf| {
            let space = ConfigSpace::open(&paths.function(bdf)).ok()?;
            Some((bdf, space))
        };
        let functions = self.topology.functions.iter();
        let read = || {
            functions
                .filter_map(|function| open(function.bdf))
                .collect()
        };
        Some(self.spaces.get_or_init(read))
    }

    /// The header type of a function, with the multi-function bit; `None` where it cannot be read or
    /// the function does not answer.
    pub(super) fn header_type(&self, bdf: Bdf) -> Option<u8> {
        let space = self.spaces()?.get(&bdf)?;
        let answers = space.dword(0)? != u32::MAX;
        let [_, _, header, _] = space.dword(0x0c)?.to_le_bytes();
        answers.then_some(header)
    }
}
