// SPDX-License-Identifier: GPL-2.0-only

//! Builds and installs the module as a user does, on each kernel in `ACS_QUIRKS_KERNELS`. Tests
//! also the messages of the preflight where that cannot work.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use boot::kernel::Kernel;
use tempfile::TempDir;

/// Root of the checkout.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn make(folder: &Path, arguments: &[&str]) -> Result<Output> {
    Ok(Command::new("make")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()?)
}

/// Standard output and standard error of a command.
fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]]
        .map(String::from_utf8_lossy)
        .concat()
}

/// Copies the sources of the module, so that the checkout stays clean.
fn copy() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for name in ["Kbuild", "Makefile", "VERSION", "scripts", "src"] {
        let status = Command::new("cp")
            .arg("-R")
            .arg(project().join(name))
            .arg(folder.path())
            .status()?;
        ensure!(status.success(), "cannot copy {name}");
    }
    Ok(folder)
}

/// A folder that looks like a complete kernel tree.
fn tree() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let version = Command::new("rustc").arg("--version").output()?.stdout;
    let version = String::from_utf8(version)?;
    let config = ["RUST", "PCI_QUIRKS", "IOMMU_API", "KPROBES", "KRETPROBES"]
        .map(|name| format!("CONFIG_{name}=y\n"))
        .concat();
    let config = format!("{config}CONFIG_RUSTC_VERSION_TEXT=\"{}\"\n", version.trim());
    fs::create_dir_all(folder.path().join("include/config"))?;
    fs::create_dir(folder.path().join("rust"))?;
    fs::write(folder.path().join("Makefile"), "")?;
    fs::write(folder.path().join("include/config/auto.conf"), config)?;
    release(folder.path(), "7.3.4-test")?;
    for name in ["core", "kernel", "bindings", "pin_init"] {
        fs::write(folder.path().join(format!("rust/lib{name}.rmeta")), "")?;
    }
    fs::write(folder.path().join("rust/libmacros.so"), "")?;
    Ok(folder)
}

fn release(tree: &Path, release: &str) -> Result<()> {
    Ok(fs::write(
        tree.join("include/config/kernel.release"),
        release,
    )?)
}

/// Checks that the preflight refuses `tree` with one line that contains `reason`.
fn refused(tree: &Path, reason: &str) -> Result<()> {
    let output = Command::new(project().join("scripts/preflight.sh"))
        .arg(tree)
        .output()?;
    let said = text(&output);
    ensure!(!output.status.success(), "it is accepted");
    ensure!(said.lines().count() == 1, "not one line: {said}");
    ensure!(said.contains(reason), "no \"{reason}\" in: {said}");
    Ok(())
}

/// Removes an option from a tree's configuration.
fn unset(tree: &Path, option: &str) -> Result<()> {
    let file = tree.join("include/config/auto.conf");
    let config = fs::read_to_string(&file)?;
    let kept: Vec<&str> = config
        .lines()
        .filter(|line| !line.starts_with(option))
        .collect();
    fs::write(&file, kept.join("\n"))?;
    Ok(())
}

#[test]
fn preflight_accepts_a_whole_tree() -> Result<()> {
    let output = Command::new(project().join("scripts/preflight.sh"))
        .arg(tree()?.path())
        .output()?;
    ensure!(output.status.success(), "{}", text(&output));
    Ok(())
}

#[test]
fn preflight_names_what_is_missing() -> Result<()> {
    let empty = tempfile::tempdir()?;
    refused(empty.path(), "there is no kernel tree")?;

    let unprepared = tree()?;
    fs::remove_file(unprepared.path().join("include/config/auto.conf"))?;
    refused(unprepared.path(), "make modules_prepare")?;

    for option in ["RUST", "PCI_QUIRKS", "IOMMU_API", "KPROBES", "KRETPROBES"] {
        let without = tree()?;
        unset(without.path(), &format!("CONFIG_{option}=y"))?;
        refused(without.path(), &format!("without CONFIG_{option}=y"))?;
    }

    // Debian's headers lack this file.
    let plain = tree()?;
    fs::remove_file(plain.path().join("rust/libkernel.rmeta"))?;
    refused(plain.path(), "no Rust metadata (rust/libkernel.rmeta)")?;

    let other = tree()?;
    unset(other.path(), "CONFIG_RUSTC_VERSION_TEXT")?;
    refused(other.path(), "its Rust metadata is of")
}

#[test]
fn preflight_refuses_other_series() -> Result<()> {
    let old = tree()?;
    release(old.path(), "6.12.9-test")?;
    refused(old.path(), "kernel 6.12.9-test is not supported")?;
    let output = Command::new(project().join("scripts/preflight.sh"))
        .arg(old.path())
        .env("ALLOW_UNSUPPORTED_KERNEL", "1")
        .output()?;
    ensure!(output.status.success(), "{}", text(&output));
    Ok(())
}

/// `make modules` and `make modules_install`, the targets that kbuild users expect.
#[test]
fn builds_and_installs_against_a_tree() -> Result<()> {
    for kernel in Kernel::from_env()? {
        let checkout = copy()?;
        let target = tempfile::tempdir()?;
        let tree = kernel.image.with_file_name("tree");
        let kdir = format!("KDIR={}", tree.display());
        let path = format!("INSTALL_MOD_PATH={}", target.path().display());
        // `ARCH=` and `CROSS_COMPILE=` for another architecture.
        let usual = fs::read_to_string(kernel.image.with_file_name("make-args"))?;
        let usual: Vec<&str> = usual.split_whitespace().collect();

        let built = make(checkout.path(), &[&["modules", &kdir], &usual[..]].concat())?;
        ensure!(built.status.success(), "{}", text(&built));
        let strip = "INSTALL_MOD_STRIP=1";
        let install = ["modules_install", &kdir, &path, strip];
        let installed = make(checkout.path(), &[&install, &usual[..]].concat())?;
        ensure!(installed.status.success(), "{}", text(&installed));

        let modules = target.path().join("lib/modules").join(&kernel.release);
        let known =
            fs::read_to_string(modules.join("modules.dep")).with_context(|| text(&installed))?;
        ensure!(known.contains("acs_quirks.ko"), "modules.dep: {known}");
        ensure!(
            !known.contains("candidates") && !known.contains("test"),
            "editions that taint are installed: {known}"
        );
    }
    Ok(())
}

/// Distributions install a link to the tree as `build`.
#[test]
fn a_link_to_the_tree_will_do() -> Result<()> {
    let whole = tree()?;
    let folder = tempfile::tempdir()?;
    let link = folder.path().join("build");
    symlink(whole.path(), &link)?;
    let output = Command::new(project().join("scripts/preflight.sh"))
        .arg(&link)
        .output()?;
    ensure!(output.status.success(), "{}", text(&output));
    Ok(())
}
