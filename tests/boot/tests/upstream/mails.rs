// SPDX-License-Identifier: GPL-2.0-only

//! The patches as mails: git applies them in their order, and `checkpatch.pl` accepts them.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use boot::kernel::{Kernel, cache};

/// Folder of the patches.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../upstream");

/// The patches, in their order.
fn patches() -> Result<Vec<PathBuf>> {
    let mut patches = Vec::new();
    for file in fs::read_dir(FOLDER)? {
        let path = file?.path();
        if path.extension() == Some(OsStr::new("patch")) {
            patches.push(path);
        }
    }
    patches.sort();
    ensure!(!patches.is_empty(), "{FOLDER} has no patch");
    Ok(patches)
}

/// The source of the stock kernel in `ACS_QUIRKS_KERNELS`.
fn source() -> Result<PathBuf> {
    let cache = cache()?;
    let mut sources = Kernel::from_env()?.into_iter().filter_map(|kernel| {
        let is_stock = !kernel.release.contains("-upstream");
        is_stock.then(|| cache.join("kernels").join(kernel.release).join("tree"))
    });
    let source = sources.find(|tree| tree.is_dir());
    source
        .context("no stock kernel has a source tree; run: make kernel KERNEL=newest@rust-for-linux")
}

/// git applies all patches to the stock kernel's source, and none of them twice.
pub(crate) fn apply() -> Result<()> {
    let source = source()?;
    let repository = tempfile::tempdir()?;
    let git = |arguments: &[&OsStr]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(repository.path());
        git.args(["-c", "user.name=Test", "-c", "user.email=test@example.org"]);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").args(arguments);
        run(&mut git)
    };
    let words = |line: &'static str| line.split(' ').map(OsStr::new).collect::<Vec<_>>();
    let patches = patches()?;
    for file in touched(&patches)? {
        let from = source.join(&file);
        if !from.is_file() {
            continue; // a patch adds it
        }
        let to = repository.path().join(&file);
        fs::create_dir_all(to.parent().context("it has one")?)?;
        fs::copy(from, to)?;
    }
    git(&words("init --quiet"))?;
    git(&words("add --force ."))?;
    git(&words("commit --quiet --message=stock"))?;
    let am = |patch: &Path| git(&[OsStr::new("am"), OsStr::new("--quiet"), patch.as_os_str()]);
    for patch in &patches {
        am(patch).with_context(|| patch.display().to_string())?;
    }
    for patch in &patches {
        ensure!(am(patch).is_err(), "{} applies twice", patch.display());
        git(&words("am --abort"))?;
    }
    Ok(())
}

/// The files that the patches change or add.
fn touched(patches: &[PathBuf]) -> Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    for patch in patches {
        for line in fs::read_to_string(patch)?.lines() {
            if let Some(file) = line.strip_prefix("+++ b/") {
                files.insert(file.to_owned());
            }
        }
    }
    Ok(files)
}

/// `checkpatch.pl --strict` reports nothing about any patch. The control is a patch with a fault.
pub(crate) fn pass_checkpatch() -> Result<()> {
    let source = source()?;
    let check = |patch: &Path| {
        let mut perl = Command::new("perl");
        perl.arg(source.join("scripts/checkpatch.pl"));
        perl.arg(format!("--root={}", source.display()));
        perl.args(["--strict", "--no-tree"]);
        perl.arg("--ignore=FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID");
        perl.arg(patch);
        run(&mut perl)
    };
    let patches = patches()?;
    for patch in &patches {
        let said = check(patch).with_context(|| patch.display().to_string())?;
        ensure!(
            said.contains("total: 0 errors, 0 warnings, 0 checks"),
            "{}: {said}",
            patch.display()
        );
    }
    let broken = tempfile::NamedTempFile::new()?;
    let text = fs::read_to_string(&patches[0])?;
    fs::write(&broken, text.replace("\nSigned-off-by:", "\nSigned-by:"))?;
    ensure!(
        check(broken.path()).is_err(),
        "a patch without sign-off passes"
    );
    Ok(())
}

/// Runs a command, and returns its output.
fn run(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if !output.status.success() {
        bail!("{command:?}: {said}");
    }
    Ok(said)
}
