// SPDX-License-Identifier: GPL-2.0-only

//! Patches for mainline, on the source of each kernel in `ACS_QUIRKS_KERNELS`: git applies them,
//! the compiler accepts them, the kernel's own `checkpatch.pl` accepts them, and the kernel answers
//! as the entry claims.

mod compile;
#[path = "../../../../tools/quirk-data/tests/export/verdicts/mod.rs"]
mod verdicts;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow, ensure};
use boot::{
    kernel::{Kernel, cache},
    mails::{Repository, checkpatch},
    trials::{self, trial},
};
use quirk_data::{
    entry::{Entry, Status},
    export::{Options, export},
    folder::{self, Scope},
};

use compile::compile;
use verdicts::{Expectation, Kernel as Compiled, probes};

fn main() -> ExitCode {
    let all = vec![
        trial("patches_apply_and_compile", patches_apply_and_compile),
        trial(
            "kernels_answer_as_the_entry_says",
            kernels_answer_as_the_entry_says,
        ),
        trial("what_is_applied_is_found", what_is_applied_is_found),
        trial("broken_patches_are_found", broken_patches_are_found),
        trial("patches_pass_checkpatch", patches_pass_checkpatch),
    ];
    trials::run("tests of patches", |_| Ok((all, ())))
}

const QUIRKS: &str = "drivers/pci/quirks.c";
const SIGNER: &str = "Jörg Müller <signer@example.org>";

/// One entry for each form of a patch, as if a vendor had vouched for it.
fn entries() -> Result<Vec<Entry>> {
    let folder = "../../tools/quirk-data/tests/export/entries";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut quirks = folder::load(&folder, Scope::now(None))?;
    for quirk in &mut quirks {
        quirk.status = Status::Validated;
        quirk.mainline = None;
    }
    Ok(quirks)
}

/// The source of each kernel that has been prepared with one, and the folder of its prepared files.
fn sources() -> Result<Vec<(PathBuf, PathBuf)>> {
    let cache = cache()?;
    let folders = Kernel::from_env()?.into_iter().map(|kernel| {
        let folder = cache.join("kernels").join(kernel.release);
        (folder.join("tree"), folder)
    });
    let mut sources: Vec<_> = folders.filter(|(tree, _)| tree.is_dir()).collect();
    sources.dedup();
    ensure!(
        !sources.is_empty(),
        "no kernel has a source tree; run: make kernel KERNEL=newest@rust-for-linux"
    );
    Ok(sources)
}

fn patch(quirk: &Entry, source: &Path) -> Result<String> {
    let options = Options {
        signed_off_by: Some(SIGNER.parse()?),
        date: None,
    };
    let patch = export(quirk, source, &options).with_context(|| quirk.name.clone())?;
    Ok(patch.text)
}

/// A repository with the files that the patches change.
fn repository(tree: &Path) -> Result<Repository> {
    Repository::new(tree, [QUIRKS, "include/linux/pci_ids.h"])
}

/// Applies a mail, and returns the new content of `quirks.c`.
fn patched(repository: &Repository, mail: &str) -> Result<String> {
    repository.am(mail)?;
    Ok(fs::read_to_string(repository.path().join(QUIRKS))?)
}

/// Reverts the last patch.
fn back(repository: &Repository) -> Result<()> {
    let arguments = ["reset", "--quiet", "--hard", "HEAD~1"];
    repository.git(&arguments).map(drop)
}

/// Each form of a patch applies, keeps its author and text, and compiles.
fn patches_apply_and_compile() -> Result<()> {
    for (tree, prepared) in sources()? {
        let repository = repository(&tree)?;
        let mut files = Vec::new();
        for quirk in entries()? {
            let mail = patch(&quirk, &tree)?;
            let patched = patched(&repository, &mail).with_context(|| mail.clone())?;
            let said = repository.git(&["log", "-1", "--format=%an <%ae>%n%s%n%(trailers)"])?;
            let name = quirk.title.as_deref().unwrap_or_default();
            let source = &quirk.evidence.as_ref().context("evidence")?.sources[0];
            let expected = format!(
                "{SIGNER}\nPCI: Add ACS quirk for {name}\nLink: {source}\nSigned-off-by: {SIGNER}\n"
            );
            ensure!(said.trim() == expected.trim(), "{said}");
            let again = repository.am(&mail);
            ensure!(again.is_err(), "{} applies twice", quirk.name);
            repository.git(&["am", "--abort"])?;
            back(&repository)?;
            files.push((quirk.name, patched));
        }
        compile(&prepared, &files)?;
    }
    Ok(())
}

/// With each patch, the kernel answers as the entry claims. For all other devices of the same
/// vendors, it answers as without the patch.
fn kernels_answer_as_the_entry_says() -> Result<()> {
    for (tree, _) in sources()? {
        let repository = repository(&tree)?;
        let folder = tempfile::tempdir()?;
        let compile = |text: &str, name| Compiled::compile(text, &tree, folder.path(), name);
        let text = fs::read_to_string(tree.join(QUIRKS))?;
        let unpatched = compile(&text, "unpatched");
        for quirk in entries()? {
            let patched = compile(&patched(&repository, &patch(&quirk, &tree)?)?, "patched");
            back(&repository)?;
            let probes = [probes::at_borders(&quirk), probes::of_every_id(&quirk)].concat();
            let mismatch = Expectation::new(&quirk, &unpatched, probes).mismatch(&patched);
            ensure!(mismatch.is_none(), "{}: {mismatch:?}", quirk.name);
        }
    }
    Ok(())
}

/// After a patch is applied, no further patch is made for its devices.
fn what_is_applied_is_found() -> Result<()> {
    for (tree, _) in sources()? {
        let repository = repository(&tree)?;
        for quirk in entries()? {
            repository.am(&patch(&quirk, &tree)?)?;
            let Err(error) = export(&quirk, repository.path(), &Options::default()) else {
                return Err(anyhow!("{} is exported again", quirk.name));
            };
            let said = error.to_string();
            ensure!(said.contains("already there"), "{}: {said}", quirk.name);
            back(&repository)?;
        }
    }
    Ok(())
}

/// The control: git and the compiler refuse broken patches.
fn broken_patches_are_found() -> Result<()> {
    let quirk = entries()?
        .into_iter()
        .find(|entry| entry.name == "acme/root-port");
    let quirk = quirk.context("there is such an entry")?;
    for (tree, prepared) in sources()? {
        let repository = repository(&tree)?;
        let mail = patch(&quirk, &tree)?;
        let misplaced = mail.replace("\n \t{ 0 }\n", "\n \t{ 1 }\n");
        ensure!(
            misplaced != mail && repository.am(&misplaced).is_err(),
            "git takes it"
        );
        repository.git(&["am", "--abort"])?;

        // An unknown handler, an unused handler (which is only a warning), and an unknown flag.
        for (old, new, said) in [
            (
                "00, pci_quirk_acme_rp_acs }",
                "00, pci_quirk_acme_acs }",
                "undeclared",
            ),
            (
                ", pci_quirk_acme_rp_acs }",
                ", pci_quirk_xgene_acs }",
                "defined but not used",
            ),
            ("PCI_ACS_SV", "PCI_ACS_SW", "undeclared"),
        ] {
            let broken = with_added(&mail, old, new);
            ensure!(broken != mail, "there is no {old}");
            let files = [("broken".to_owned(), patched(&repository, &broken)?)];
            back(&repository)?;
            let Err(error) = compile(&prepared, &files) else {
                return Err(anyhow!("it compiles with {new}"));
            };
            ensure!(error.to_string().contains(said), "{error}");
        }
    }
    Ok(())
}

/// `checkpatch.pl` reports nothing, not even a warning, but for the control.
fn patches_pass_checkpatch() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mail = folder.path().join("mail");
    for (tree, _) in sources()? {
        let checkpatch = || checkpatch(&tree, &[], &mail);
        for quirk in entries()? {
            let text = patch(&quirk, &tree)?;
            fs::write(&mail, &text)?;
            let said = checkpatch().with_context(|| text.clone())?;
            ensure!(
                said.contains("total: 0 errors, 0 warnings"),
                "{said}\n{text}"
            );

            fs::write(&mail, text.replace("+\t", "+        "))?;
            ensure!(checkpatch().is_err(), "blanks for tabs are not noticed");
        }
        // Without an author's name, only that name is missing.
        let quirk = entries()?.remove(0);
        fs::write(&mail, export(&quirk, &tree, &Options::default())?.text)?;
        let Err(error) = checkpatch() else {
            return Err(anyhow!("a missing Signed-off-by is not noticed"));
        };
        let said = error.to_string();
        ensure!(said.contains("Missing Signed-off-by"), "{said}");
        ensure!(said.contains("total: 1 errors, 0 warnings"), "{said}");
    }
    Ok(())
}

/// The mail with a text replaced in the lines that its patch adds.
fn with_added(mail: &str, old: &str, new: &str) -> String {
    let lines = mail.split_inclusive('\n').map(|line| {
        if line.starts_with('+') {
            line.replace(old, new)
        } else {
            line.to_owned()
        }
    });
    lines.collect()
}
