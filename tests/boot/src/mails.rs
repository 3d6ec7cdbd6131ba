// SPDX-License-Identifier: GPL-2.0-only

//! Patches for Linux as mails, treated as a maintainer does: `git am`, and the kernel's
//! `checkpatch.pl`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// A repository with the files of a kernel's source that patches change.
#[derive(Debug)]
pub struct Repository(TempDir);

impl Repository {
    /// Makes a repository of these files of a kernel's source, by their paths in it.
    ///
    /// # Errors
    ///
    /// When a file is missing, or git fails.
    pub fn new(source: &Path, files: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<Self> {
        let repository = Self(tempfile::tempdir()?);
        for file in files {
            let target = repository.path().join(&file);
            fs::create_dir_all(target.parent().context("it has one")?)?;
            fs::copy(source.join(file), target)?;
        }
        repository.git(&["init", "--quiet"])?;
        repository.git(&["add", "--force", "."])?;
        repository.git(&["commit", "--quiet", "--message=as it is"])?;
        Ok(repository)
    }

    /// Path of the repository.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs git in the repository, and returns its output.
    ///
    /// # Errors
    ///
    /// When git fails; the error has its output.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.path());
        git.args(["-c", "user.name=Test", "-c", "user.email=test@example.org"]);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").args(arguments);
        run(&mut git)
    }

    /// Applies a mail.
    ///
    /// # Errors
    ///
    /// When git refuses it. `git am --abort` is then due.
    pub fn am(&self, mail: &str) -> Result<()> {
        let file = self.path().join(".git/mail");
        fs::write(&file, mail)?;
        self.git(&["am", "--quiet", &file.to_string_lossy()])
            .map(drop)
    }
}

/// Runs a kernel's `checkpatch.pl` with these options on a mail, and returns its output.
///
/// # Errors
///
/// When it finds something; the error has its output.
pub fn checkpatch(source: &Path, options: &[&str], mail: &Path) -> Result<String> {
    let mut perl = Command::new("perl");
    perl.arg(source.join("scripts/checkpatch.pl"));
    perl.arg(format!("--root={}", source.display()));
    run(perl.args(options).arg(mail))
}

/// Runs a command, and returns its standard output and standard error.
///
/// # Errors
///
/// When the command fails; the error has its output.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let text = [&output.stdout[..], &output.stderr[..]]
        .map(String::from_utf8_lossy)
        .concat();
    ensure!(output.status.success(), "{command:?}: {text}");
    Ok(text)
}
