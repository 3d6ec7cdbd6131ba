// SPDX-License-Identifier: GPL-2.0-only

//! The quirk database of a command: the entries built into the program, or a folder.

use std::path::{Path, PathBuf};

use quirk_data::{
    entry::Entry,
    error::Error,
    folder,
    source::{self, DataFile, Sources, is_same},
};

/// A quirk database.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Database {
    /// The folder; `None` for the entries built into the program.
    pub folder: Option<PathBuf>,
}

impl Database {
    /// The database in a folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self {
            folder: Some(folder.to_path_buf()),
        }
    }

    /// The entries' files, for checks of one more file together with them, or of each file by
    /// itself.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the folder cannot be read.
    pub fn sources(&self) -> Result<Sources, Error> {
        let built_in = || Ok(source::built_in());
        self.folder.as_deref().map_or_else(built_in, source::read)
    }

    /// The entries, by number.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the folder cannot be read; [`Error::Findings`] when a file has
    /// faults.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        if let Some(folder) = &self.folder {
            return folder::entries(source::read(folder)?);
        }
        // `build.rs` checked and stored them.
        let stored = include_bytes!(concat!(env!("OUT_DIR"), "/entries.json"));
        serde_json::from_slice(stored).map_err(|error| {
            Error::CouldNotRun(format!(
                "acsctl is damaged: cannot read its built-in entries: {error}"
            ))
        })
    }

    /// The entries with the entry `entry`, a file or a name, and its position among them. A file is
    /// added to the database.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such file or entry, or when no module can have the
    /// entry; [`Error::Findings`] when the file has faults.
    pub fn with_entry(&self, entry: &str) -> Result<(Vec<Entry>, usize), Error> {
        let file = Path::new(entry);
        let (entries, name) = if file.is_file() {
            let mut sources = self.sources()?;
            let before = sources.files.clone();
            sources.add(file)?;
            let is_new = |file: &&DataFile| !before.contains(file);
            let added = sources.files.iter().find(is_new).cloned();
            // The file is in the database already, or is not text, so nothing was added.
            let name = added.as_ref().map(|file| file.name.clone());
            let name = name.or_else(|| {
                let same = sources
                    .files
                    .iter()
                    .find(|known| is_same(&known.path, file));
                same.map(|known| known.name.clone())
            });
            if let Some(added) = &added {
                // The file replaces the entry of the same name.
                sources
                    .files
                    .retain(|file| file.name != added.name || file == added);
            }
            (folder::entries(sources)?, name.unwrap_or_default())
        } else {
            (self.entries()?, entry.to_owned())
        };
        let index = entries.iter().position(|entry| entry.name == name);
        let Some(index) = index else {
            return Err(Error::NotFound(format!(
                "no file or entry \"{entry}\"; name a data file, or an entry that \"acsctl quirk \
                 list\" shows"
            )));
        };
        if entries[index].status.is_negative() || entries[index].acs_registers.is_some() {
            return Err(Error::NotFound(format!(
                "no module can have the entry {name} (status {}); see acsctl quirk show {name}",
                entries[index].status.name()
            )));
        }
        Ok((entries, index))
    }
}
