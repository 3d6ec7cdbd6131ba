// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl quirk new`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use quirk_data::{draft, error::Error, name::is_entry};
use topology::{Bdf, Topology};

use super::DatabaseOption;
use crate::host::{HostPaths, Source};

#[derive(Args, Debug)]
pub(in crate::commands) struct New {
    /// A function of the device, as 0000:82:00.0; the draft covers all functions of its slot.
    #[arg(value_name = "BDF", value_parser = Bdf::written)]
    function: Bdf,
    /// Read the device from FILE, a capture, instead of this host.
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
    /// Name of the entry: the vendor's folder and the silicon family [default: from the ids].
    #[arg(long, value_name = "VENDOR/FAMILY", value_parser = name)]
    name: Option<String>,
    #[command(flatten)]
    database: DatabaseOption,
}

impl New {
    pub(super) fn run(&self) -> Result<String, Error> {
        // An unfinished draft in the folder must not prevent another draft.
        let (entries, faulty) = self.database.load_sound()?;
        for file in faulty {
            let notice = format!(
                "notice: {} has findings and is ignored here",
                file.display()
            );
            // Write the draft even if the notice cannot be printed.
            let _ = writeln!(io::stderr(), "{notice}");
        }
        let source = match &self.topology {
            Some(file) => Source::Files(vec![file.clone()]),
            None => Source::Host(HostPaths::default()),
        };
        let topology = source.capture(false)?;
        let (name, draft) = draft::draft(&topology, self.function, self.name.as_deref(), &entries)?;
        // Without a source tree, write to the working directory.
        let folder = self.database.choose().folder.unwrap_or_default();
        let data = folder.join(&name).with_extension("toml");
        let capture = data.with_extension("capture.json");
        write(&data, &capture, &draft.data, &draft.capture)?;
        let (data, capture) = (data.display(), capture.display());
        Ok(format!(
            "{data}: the draft; answer its questions, then run acsctl quirk check {data}\n\
             {capture}: the capture; it does not identify the machine or its owner\n"
        ))
    }
}

/// Writes both files or neither. Never replaces an existing file.
fn write(data: &Path, capture: &Path, text: &str, topology: &Topology) -> Result<(), Error> {
    let mut json = Vec::new();
    topology::write(topology, &mut json).map_err(|error| Error::io("write", capture, &error))?;
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
