// SPDX-License-Identifier: GPL-2.0-only

//! The quirk database of a command: the entries built into the program, or a folder.

use std::path::{Path, PathBuf};

use quirk_data::{
    entry::{Entry, Status},
    error::Error,
    folder,
    source::{self, DataFile, Sources, is_same},
    supposed,
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

    /// The entry `entry`, a file or a name, as a hypothesis, and the other entries: a draft may lack
    /// its evidence. A file replaces the entry of its name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such file or entry, or when no module can have the
    /// entry; [`Error::Findings`] when the claim of the file, or another file, has faults.
    pub fn suppose(&self, entry: &str) -> Result<(Vec<Entry>, SupposedEntry), Error> {
        let file = Path::new(entry);
        let (entries, supposed) = if file.is_file() {
            self.suppose_file(file)?
        } else {
            let entries = self.entries()?;
            let Some(found) = entries.iter().find(|known| known.name == entry).cloned() else {
                return Err(Error::NotFound(format!(
                    "no file or entry \"{entry}\"; name a data file, or an entry that \"acsctl quirk \
                     list\" shows"
                )));
            };
            let supposed = SupposedEntry {
                entry: found,
                file: None,
                faults: 0,
                has_supposed_flags: false,
            };
            (entries, supposed)
        };
        let SupposedEntry { entry, .. } = &supposed;
        if entry.status.is_negative() || entry.acs_registers.is_some() {
            return Err(Error::NotFound(format!(
                "no module can have the entry {} (status {}); see acsctl quirk show {}",
                entry.name,
                entry.status.name(),
                entry.name
            )));
        }
        Ok((entries, supposed))
    }

    fn suppose_file(&self, file: &Path) -> Result<(Vec<Entry>, SupposedEntry), Error> {
        let mut sources = self.sources()?;
        let before = sources.files.clone();
        sources.add(file)?;
        let is_new = |file: &&DataFile| !before.contains(file);
        let added = sources.files.iter().find(is_new).cloned();
        let name = if let Some(added) = &added {
            let is_kept = |file: &DataFile| file.name != added.name || file == added;
            sources.files.retain(is_kept);
            added.name.clone()
        } else {
            // The file is in the database already, or is not text, so nothing was added.
            let mut files = sources.files.iter();
            let same = files.find(|known| is_same(&known.path, file));
            same.map(|known| known.name.clone()).unwrap_or_default()
        };
        let (mut entries, found) = supposed::suppose(&sources, &name)?;
        if added.is_none() && found.faults.is_empty() {
            entries = folder::entries(sources)?;
        }
        let supposed = SupposedEntry {
            entry: found.entry,
            file: Some(file.to_path_buf()),
            faults: found.faults.len(),
            has_supposed_flags: found.has_supposed_flags,
        };
        Ok((entries, supposed))
    }
}

/// An entry that an answer supposes to be in a loaded module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SupposedEntry {
    /// The entry.
    pub entry: Entry,
    /// Its file; `None` for an entry of the database that was named.
    pub file: Option<PathBuf>,
    /// How many faults the file has. Its claim has none.
    pub faults: usize,
    /// Whether the file names no flags yet, and the entry has those that grouping asks for.
    pub has_supposed_flags: bool,
}

impl SupposedEntry {
    /// Whether the claim is a hypothesis: a file is not in the database, and a candidate's evidence
    /// does not suffice.
    #[must_use]
    pub const fn is_hypothesis(&self) -> bool {
        let has_evidence = matches!(self.entry.status, Status::Validated | Status::Mainline);
        self.file.is_some() || !has_evidence
    }
}
