// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl quirk new`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use quirk_data::{
    draft::{self, Draft},
    error::Error,
    name::is_entry,
    numbers,
    source::Sources,
};
use topology::{Bdf, Topology};

use super::DatabaseOption;
use crate::host::{HostPaths, Source};

/// Examples, for the help.
const EXAMPLES: &str = "\
Examples:
  acsctl quirk new 0000:82:00.0 --name acme/x1
          From this host. Run it as root: only root can read the capabilities.
  acsctl quirk new 82:00.0 --name acme/x1 --topology host.json
          From a capture: what \"sudo acsctl capture --out host.json\" wrote on another host.
  acsctl quirk new 82:00.0 --topology lspci.txt
          From what \"sudo lspci -vvvnn\" or \"sudo lspci -xxxx\" printed on another host.

The IOMMU of the host need not be on. The command writes the draft VENDOR/FAMILY.toml and its capture into the folder of the data \
files. It never changes a file that exists: it then writes the capture alone and prints the section to add. If an entry lists the \
device whose file is not there, it writes that entry and not a draft, with the section.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::commands) struct New {
    /// A function of the device, as 0000:82:00.0 or 82:00.0; the draft covers all functions of its
    /// slot.
    #[arg(value_name = "BDF", value_parser = Bdf::written)]
    function: Bdf,
    /// Read the device from FILE, a capture or the output of lspci, instead of this host.
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
    /// Name of the entry: the vendor's folder and the silicon family [default: from the ids; if an
    /// entry lists the device, its name].
    #[arg(long, value_name = "VENDOR/FAMILY", value_parser = name)]
    name: Option<String>,
    #[command(flatten)]
    database: DatabaseOption,
}

impl New {
    pub(super) fn run(&self) -> Result<String, Error> {
        // An unfinished draft in the folder must not prevent another draft.
        let database = self.database.choose();
        let mut sources = database.sources()?;
        let (entries, faulty) = super::sound(&sources);
        // Without a folder of data files, earlier drafts are in the working directory.
        if database.folder.is_none() {
            add_drafts(&mut sources)?;
        }
        let free = numbers::next_free(&sources)?;
        for file in faulty {
            notify(&format!(
                "{} has findings and is ignored here",
                file.display()
            ));
        }
        let source = match &self.topology {
            Some(file) => Source::Files(vec![file.clone()]),
            None => Source::Host(HostPaths::default()),
        };
        let topology = source.capture(false)?;
        // Without a source tree, write to the working directory.
        let folder = database.folder.unwrap_or_default();
        let capture_of = |name: &str| file_name(&free_capture(&folder.join(name)));
        let (name, draft) = draft::draft(
            &topology,
            self.function,
            self.name.as_deref(),
            &entries,
            free,
            capture_of,
        )?;
        for notice in &draft.notices {
            notify(notice);
        }
        let data = folder.join(&name).with_extension("toml");
        let capture = free_capture(&folder.join(&name));
        if data.exists() {
            create(&capture, &json(&draft.capture, &capture)?)?;
            return Ok(beside(&data, &capture, &draft));
        }
        let of_entry = || {
            let mut files = sources.files.iter();
            let file = files.find(|file| file.name == name);
            file.map_or_else(String::new, |file| {
                format!("{}\n{}", file.text, draft.expect)
            })
        };
        let text = draft.data.clone().unwrap_or_else(of_entry);
        write(&data, &capture, &text, &draft.capture)?;
        let (data, capture) = (data.display(), capture.display());
        let what = draft.existing.map_or_else(
            || "the draft; answer its questions".to_owned(),
            |existing| {
                format!(
                    "the entry that the database has, number {}, with the section [[expect]] added; it \
                     is {}: make the edit for another status, as the vendor's guide has it",
                    existing.number,
                    existing.status.name()
                )
            },
        );
        Ok(format!(
            "{data}: {what}, then run acsctl quirk check {data}\n\
             {capture}: the capture; it does not identify the machine or its owner\n"
        ))
    }
}

/// Adds the data files in the folders of vendors below the working directory, as far as they can be
/// read.
fn add_drafts(sources: &mut Sources) -> Result<(), Error> {
    let read = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = read(Path::new(".")).map(|found| found.path());
    let files =
        folders.flat_map(|folder| read(&folder).map(|found| found.path()).collect::<Vec<_>>());
    for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "toml")) {
        sources.add(&file)?;
    }
    Ok(())
}

/// Prints a notice. What is printed there must not prevent the draft.
fn notify(text: &str) {
    let _ = writeln!(io::stderr(), "notice: {text}");
}

/// What to do with a capture beside a data file that exists.
fn beside(data: &Path, capture: &Path, draft: &Draft) -> String {
    let (data, capture) = (data.display(), capture.display());
    let status = draft.existing.as_ref().map_or_else(String::new, |existing| {
        let status = existing.status.name();
        format!(
            "The entry is {status}. The vendor's guide has the edit that makes another status of it.\n"
        )
    });
    format!(
        "{data}: exists, and is unchanged\n\
         {capture}: the capture; it does not identify the machine or its owner\n\
         Add this section to {data}, then run acsctl quirk check {data}:\n\n{}\n{status}",
        draft.expect
    )
}

/// A name for a capture of the entry whose file is `entry`, without its ending: one that no file
/// has.
fn free_capture(entry: &Path) -> PathBuf {
    let mut numbers = 2_u32..;
    let mut path = entry.with_extension("capture.json");
    while path.exists() {
        let number = numbers.next().unwrap_or(u32::MAX);
        path = entry.with_extension(format!("capture-{number}.json"));
    }
    path
}

/// The name of a file.
fn file_name(path: &Path) -> String {
    let name = path.file_name();
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// A capture in its file's form.
fn json(topology: &Topology, path: &Path) -> Result<Vec<u8>, Error> {
    let mut json = Vec::new();
    topology::write(topology, &mut json).map_err(|error| Error::io("write", path, &error))?;
    Ok(json)
}

/// Writes both files or neither. Never replaces an existing file.
fn write(data: &Path, capture: &Path, text: &str, topology: &Topology) -> Result<(), Error> {
    let json = json(topology, capture)?;
    if let Some(folder) = data.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::io("make", folder, &error))?;
    }
    create(data, text.as_bytes())?;
    create(capture, &json).inspect_err(|_| {
        // This call created the file. Report the first error, not this one.
        let _ = fs::remove_file(data);
    })
}

/// Creates a new file completely or not at all.
fn create(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |error| Error::io("make", path, &error);
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    let written = opened.map_err(failed)?.write_all(bytes);
    written.map_err(failed).inspect_err(|_| {
        // This call created the file. Report the first error, not this one.
        let _ = fs::remove_file(path);
    })
}

fn name(text: &str) -> Result<String, String> {
    if is_entry(text) {
        Ok(text.to_owned())
    } else {
        Err("write it as vendor/family, with lowercase letters, digits and hyphens".to_owned())
    }
}
