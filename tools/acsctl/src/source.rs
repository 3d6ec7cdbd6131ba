// SPDX-License-Identifier: GPL-2.0-only

//! Finds and reads the data files of a folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::error::Error;

/// A data file as it lies on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataFile {
    /// Where it is, for messages.
    pub path: PathBuf,
    /// The name of its entry: the path below the folder, with `/`, without `.toml`.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl DataFile {
    /// The line, from 1, of the byte at `offset`.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        let before = self.text.bytes().take(offset);
        before.filter(|&byte| byte == b'\n').count() + 1
    }
}

/// Reads every `*.toml` at any depth below `folder`, sorted by name.
///
/// # Errors
///
/// [`Error::CouldNotRun`] when something cannot be read, when a file is not UTF-8, for a symbolic
/// link (which could make one entry appear twice), and when there is no data file at all: most
/// likely it is the wrong folder.
pub fn read(folder: &Path) -> Result<Vec<DataFile>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for found in fs::read_dir(&at).map_err(|error| Error::io("read the folder", &at, &error))? {
            let found = found.map_err(|error| Error::io("read the folder", &at, &error))?;
            let path = found.path();
            let kind = found
                .file_type()
                .map_err(|error| Error::io("examine", &path, &error))?;
            if kind.is_symlink() {
                return Err(Error::CouldNotRun(format!(
                    "{} is a symbolic link; data files and their folders must be real",
                    path.display()
                )));
            }
            if kind.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "toml") {
                files.push(read_one(folder, path)?);
            }
        }
    }
    if files.is_empty() {
        return Err(Error::CouldNotRun(format!(
            "no data file (*.toml) below {}; name the right folder with --quirks",
            folder.display()
        )));
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn read_one(folder: &Path, path: PathBuf) -> Result<DataFile, Error> {
    let text = fs::read_to_string(&path).map_err(|error| Error::io("read", &path, &error))?;
    let below = path.strip_prefix(folder).unwrap_or(&path);
    let parts: Vec<_> = below
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    Ok(DataFile {
        name: parts.join("/"),
        path,
        text,
    })
}
