// SPDX-License-Identifier: GPL-2.0-only

//! A data file as text.

use std::path::PathBuf;

/// An entry's file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataFile {
    /// The path, for messages.
    pub path: PathBuf,
    /// The name of the entry: the path below the folder, with `/`, without `.toml`.
    pub name: String,
    /// The contents.
    pub text: String,
    /// Whether the file is built into this program, and was checked before the build. Captures are
    /// not built in.
    pub built_in: bool,
}

impl DataFile {
    /// The line number, from 1, of the byte at `offset`.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        let before = self.text.bytes().take(offset);
        before.filter(|&byte| byte == b'\n').count() + 1
    }
}
