// SPDX-License-Identifier: GPL-2.0-only

//! The patches as mails: git applies them in their order, and `checkpatch.pl` accepts them.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use boot::{
    kernel::{Kernel, cache},
    mails::{Repository, checkpatch},
};

/// Folder of the patches.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../upstream");

/// `upstream/README.md` gives the reasons.
const IGNORED: &str = "--ignore=FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID";

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
    let patches = patches()?;
    // A patch adds the others.
    let files = touched(&patches)?;
    let files = files.iter().filter(|file| source.join(file).is_file());
    let repository = Repository::new(&source, files)?;
    let am = |patch: &Path| repository.am(&fs::read_to_string(patch)?);
    for patch in &patches {
        am(patch).with_context(|| patch.display().to_string())?;
    }
    for patch in &patches {
        ensure!(am(patch).is_err(), "{} applies twice", patch.display());
        repository.git(&["am", "--abort"])?;
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
    let options = ["--strict", "--no-tree", IGNORED];
    let check = |patch: &Path| checkpatch(&source, &options, patch);
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
