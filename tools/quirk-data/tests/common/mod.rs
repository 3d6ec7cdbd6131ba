// SPDX-License-Identifier: GPL-2.0-only

//! The data of the tests.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use quirk_data::source::{self, DataFile};
use topology::Topology;

/// The folder with the tests' data.
pub(crate) fn tests() -> PathBuf {
    root().join("tools/quirk-data/tests")
}

/// The root of the source tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder of valid entries, with every status that an edition for real devices may have.
pub(crate) fn accepted() -> Vec<DataFile> {
    source::read(&tests().join("accepted"))
        .expect("the folder is there")
        .files
}

/// The files of `tests/rejected/`, as if they were in the folder of the vendor of `accepted/`.
pub(crate) fn rejected() -> Vec<DataFile> {
    let mut files = source::read(&tests().join("rejected"))
        .expect("the folder is there")
        .files;
    for file in &mut files {
        file.name = format!("acme/{}", file.name);
    }
    files
}

/// The recorded machines in a folder, by file name; none without the folder.
pub(crate) fn machines(folder: &Path) -> Vec<Topology> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| topology::read(path).unwrap_or_else(|error| panic!("{error}")))
        .collect()
}

/// An empty folder for one test.
pub(crate) fn scratch(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("it is the test's own");
    }
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}
