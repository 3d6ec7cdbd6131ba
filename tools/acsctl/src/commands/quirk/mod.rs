// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl quirk`: the quirk database.

mod build;
mod check;
mod export;
mod kernel;
mod list;
mod new;
mod show;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use quirk_data::{
    edition::Edition,
    entry::Entry,
    error::Error,
    folder::{self, Scope},
    json_schema,
    source::Sources,
};

use super::Failure;
use crate::database::Database;

/// A parser for the name of an edition.
fn edition() -> impl clap::builder::TypedValueParser<Value = Edition> {
    PossibleValuesParser::new(Edition::ALL.map(Edition::name)).try_map(|name| {
        let mut editions = Edition::ALL.into_iter();
        editions
            .find(|edition| edition.name() == name)
            .ok_or("no such edition")
    })
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Check entries against every lint.
    Check(check::Check),
    /// List number, name, status, kind and device ids of every entry.
    List(list::List),
    /// Show entries with their evidence, by name, number or device.
    Show(show::Show),
    /// Draft an entry for a device of this host or of a capture.
    New(new::New),
    /// Write the Rust source of a module's table.
    Build(build::Build),
    /// Export an entry as a patch for mainline's drivers/pci/quirks.c.
    Export(export::Export),
    /// List the rows of the quirk table in a kernel's source.
    Kernel(kernel::ReadKernel),
    /// Print the JSON Schema of an entry's file, for editors.
    Schema,
}

impl Command {
    pub(super) fn run(&self) -> Result<String, Failure> {
        match self {
            Self::Check(check) => check.run(),
            Self::List(list) => Ok(list.run()?),
            Self::Show(show) => Ok(show.run()?),
            Self::New(new) => Ok(new.run()?),
            Self::Build(build) => Ok(build.run()?),
            Self::Export(export) => Ok(export.run()?),
            Self::Kernel(kernel) => Ok(kernel.run()?),
            Self::Schema => Ok(json_schema::text()?),
        }
    }
}

/// Where the data is.
#[derive(Args, Debug)]
struct DatabaseOption {
    /// Folder of the data files [default: quirks; without that folder, the entries built into
    /// acsctl].
    #[arg(long, value_name = "DIR")]
    quirks: Option<PathBuf>,
}

impl DatabaseOption {
    /// The folder of the option `--quirks`, else `quirks` if it exists, else the built-in entries.
    fn choose(&self) -> Database {
        let usual = Some(Path::new("quirks")).filter(|folder| folder.is_dir());
        Database {
            folder: self.quirks.as_deref().or(usual).map(Path::to_path_buf),
        }
    }

    /// The entries of the files without faults, and the paths of the other files.
    fn load_sound(&self) -> Result<(Vec<Entry>, BTreeSet<PathBuf>), Error> {
        Ok(sound(&self.choose().sources()?))
    }

    /// The entries, by number; an error if one has faults.
    fn load(&self) -> Result<Vec<Entry>, Error> {
        self.choose().entries()
    }
}

/// The entries of the files without faults, and the paths of the other files.
fn sound(sources: &Sources) -> (Vec<Entry>, BTreeSet<PathBuf>) {
    let mut files = sources.files.clone();
    let unread = sources.findings.iter().map(|one| one.file.clone());
    let mut faulty: BTreeSet<_> = unread.collect();
    files.retain(|file| !faulty.contains(&file.path));
    loop {
        match folder::check(&files, Scope::now(None)) {
            Ok(entries) => return (entries, faulty),
            Err(findings) => faulty.extend(findings.into_iter().map(|one| one.file)),
        }
        // Every finding names one of the files, so this loop ends.
        files.retain(|file| !faulty.contains(&file.path));
    }
}
