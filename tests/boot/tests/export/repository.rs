// SPDX-License-Identifier: GPL-2.0-only

//! Applies patches as a maintainer does.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::run;

const QUIRKS: &str = "drivers/pci/quirks.c";
const IDS: &str = "include/linux/pci_ids.h";

/// A repository with the file of a kernel's source that patches change.
pub(crate) struct Repository(TempDir);

impl Repository {
    /// Path of the repository.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes a repository of a kernel's source.
    pub(crate) fn new(source: &Path) -> Result<Self> {
        let repository = Self(tempfile::tempdir()?);
        for file in [QUIRKS, IDS] {
            let target = repository.0.path().join(file);
            fs::create_dir_all(target.parent().context("it has one")?)?;
            fs::copy(source.join(file), target)?;
        }
        repository.git(&["init", "--quiet"])?;
        repository.git(&["add", "."])?;
        repository.git(&["commit", "--quiet", "--message=as it is"])?;
        Ok(repository)
    }

    /// Runs git in the repository.
    pub(crate) fn git(&self, arguments: &[&str]) -> Result<String> {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.0.path());
        git.args(["-c", "user.name=Test", "-c", "user.email=test@example.org"]);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").args(arguments);
        run(&mut git)
    }

    /// Applies a mail, and returns the new content of the file.
    pub(crate) fn am(&self, mail: &str) -> Result<String> {
        let file = self.0.path().join(".git/mail");
        fs::write(&file, mail)?;
        self.git(&["am", "--quiet", &file.to_string_lossy()])?;
        Ok(fs::read_to_string(self.0.path().join(QUIRKS))?)
    }

    /// Reverts the last patch.
    pub(crate) fn back(&self) -> Result<()> {
        self.git(&["reset", "--quiet", "--hard", "HEAD~1"])?;
        Ok(())
    }
}
