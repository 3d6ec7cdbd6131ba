// SPDX-License-Identifier: GPL-2.0-only

//! One reading of a machine, from the running host or from a file.

use std::{cell::OnceCell, path::PathBuf};

use grouping::predict::Spaces;
use quirk_data::{entry::Entry, error::Error};
use topology::{Bdf, ConfigSpace, Topology};

use super::{HostPaths, HostView, Module, paths::text};

/// Where a machine is read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// From the file systems of a host.
    Host(HostPaths),
    /// From files about one machine, whose facts are merged: captures, the output of lspci, lists of
    /// groups, or copies of sysfs.
    Files(Vec<PathBuf>),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(_) => f.write_str("this host"),
            Self::Files(files) => {
                let names: Vec<_> = files
                    .iter()
                    .map(|file| file.display().to_string())
                    .collect();
                f.write_str(&names.join(" with "))
            }
        }
    }
}

impl Source {
    /// The source in words for a reader on another machine: a host by its name, or the files.
    #[must_use]
    pub fn title(&self) -> String {
        let name = match self {
            Self::Host(paths) => text(&paths.proc.join("sys/kernel/hostname")),
            Self::Files(_) => None,
        };
        name.map_or_else(|| self.to_string(), |name| format!("host {name}"))
    }

    /// Reads the functions of the machine. With `model`, also reads the model name that the
    /// firmware gives.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the source cannot be read.
    pub fn capture(&self, model: bool) -> Result<Topology, Error> {
        let read = match self {
            Self::Host(paths) => paths.to_capture(model).capture(),
            Self::Files(files) => topology::read_all(files),
        };
        read.map_err(|error| Error::CouldNotRun(error.to_string()))
    }
}

/// One reading of a machine.
#[derive(Debug)]
pub struct Snapshot {
    /// Where the machine was read from.
    pub source: Source,
    /// The functions of the machine.
    pub topology: Topology,
    /// The loaded modules; empty for a file, which does not list modules.
    pub modules: Vec<Module>,
    /// The readable configuration space of each function, opened on first use.
    spaces: OnceCell<Spaces>,
}

impl Snapshot {
    /// Reads a machine.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the source has no PCI functions, cannot be read, or is
    /// inconsistent.
    pub fn take(source: Source) -> Result<Self, Error> {
        let topology = source.capture(false)?;
        let modules = match &source {
            Source::Host(paths) => Module::loaded(paths),
            Source::Files(_) => Vec::new(),
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

    /// The host's file systems; `None` for a file.
    #[must_use]
    pub const fn paths(&self) -> Option<&HostPaths> {
        match &self.source {
            Source::Host(paths) => Some(paths),
            Source::Files(_) => None,
        }
    }

    /// The machine as its kernel sees it, with these entries.
    #[must_use]
    pub fn view<'a>(&'a self, entries: &'a [Entry]) -> HostView<'a> {
        HostView::of_snapshot(self, entries)
    }

    /// Configuration space of each function; `None` for a file.
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

    /// The header type of a function, including the multi-function bit; `None` if it cannot be read
    /// or the function does not answer.
    pub(super) fn header_type(&self, bdf: Bdf) -> Option<u8> {
        let space = self.spaces()?.get(&bdf)?;
        let answers = space.dword(0)? != u32::MAX;
        let [_, _, header, _] = space.dword(0x0c)?.to_le_bytes();
        answers.then_some(header)
    }
}
