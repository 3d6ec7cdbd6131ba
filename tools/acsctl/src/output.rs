// SPDX-License-Identifier: GPL-2.0-only

//! Writes a generated file, or compares it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process,
};

use quirk_data::error::Error;

/// Whether a path means the standard output.
#[must_use]
pub fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether a file contains exactly `text`; `false` if the file does not exist.
///
/// # Errors
///
/// [`Error::CouldNotRun`] when the file exists and cannot be read, or is not a regular file.
pub fn is_current(path: &Path, text: &str) -> Result<bool, Error> {
    // Reading from a pipe would block, and writing would replace the pipe with a file.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let path = path.display();
        return Err(Error::CouldNotRun(format!(
            "cannot write {path}: it exists and is not a regular file; name a file"
        )));
    }
    match fs::read(path) {
        Ok(found) => Ok(found == text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

/// Writes `text` to a file; returns `false` if the file had this content already and was not
/// touched.
///
/// An existing file is replaced atomically and keeps its owner and mode, so that no reader sees a
/// part of it, and a build as root leaves no files of root.
///
/// # Errors
///
/// [`Error::CouldNotRun`]; the file is then unchanged.
pub fn write(path: &Path, text: &str) -> Result<bool, Error> {
    if is_current(path, text)? {
        return Ok(false);
    }
    // Replace the target of a symbolic link, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let temporary = temporary_path(&target);
    let written =
        write_temporary(&temporary, &target, text).and_then(|()| fs::rename(&temporary, &target));
    written.map_err(|error| {
        // The draft may not exist. Report the first error, not this one.
        let _ = fs::remove_file(&temporary);
        Error::io("write", path, &error)
    })?;
    Ok(true)
}

fn temporary_path(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}.new", process::id()));
    target.with_file_name(name)
}

fn write_temporary(temporary: &Path, target: &Path, text: &str) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(temporary)?;
    if let Ok(old) = fs::metadata(target) {
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            chown(temporary, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(old.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
