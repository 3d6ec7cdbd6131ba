// SPDX-License-Identifier: GPL-2.0-only

//! Builds and installs the module as a user does, from the headers of each kernel in
//! `ACS_QUIRKS_KERNELS`. Tests also the messages where that cannot work, and the code that the
//! compilers made.

#[path = "build/objects.rs"]
mod objects;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
};

use anyhow::{Context, Result, ensure};
use boot::{
    kernel::Kernel,
    trials::{self, trial},
};
use tempfile::TempDir;

fn main() -> ExitCode {
    let all = vec![
        trial(
            "says_what_is_missing_before_it_builds",
            says_what_is_missing_before_it_builds,
        ),
        trial(
            "warns_of_a_series_that_no_test_boots",
            warns_of_a_series_that_no_test_boots,
        ),
        trial(
            "code_is_what_the_kernels_configuration_demands",
            code_is_what_the_kernels_configuration_demands,
        ),
        trial("builds_installs_and_cleans", builds_installs_and_cleans),
        trial("other_code_is_found", objects::other_code_is_found),
    ];
    trials::run("tests of builds", |_| Ok((all, ())))
}

/// Root of the checkout.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The kernels whose modules are built from headers.
fn kernels() -> Result<Vec<Kernel>> {
    let mut kernels = Kernel::from_env()?;
    kernels.retain(|kernel| kernel.name == kernel.release);
    Ok(kernels)
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
    for name in [
        "Cargo.toml",
        "Kbuild",
        "Makefile",
        "VERSION",
        "scripts",
        "src",
    ] {
        let status = Command::new("cp")
            .arg("-R")
            .arg(project().join(name))
            .arg(folder.path())
            .status()?;
        ensure!(status.success(), "cannot copy {name}");
    }
    Ok(folder)
}

/// Whether anything was compiled in a copy of the sources.
fn has_objects(folder: &Path) -> Result<bool> {
    let found = Command::new("find")
        .arg(folder)
        .args(["(", "-name", "*.o", "-o", "-name", "*.rlib", ")"])
        .output()?;
    Ok(!found.stdout.is_empty())
}

/// Checks that `make modules` with these arguments refuses before anything is built, and says `reason` in one line.
fn refused(kernel: &Kernel, arguments: &[&str], reason: &str) -> Result<()> {
    let checkout = copy()?;
    let kernel = format!("KVER={}", kernel.release);
    let output = make(
        checkout.path(),
        &[&["modules", &kernel], arguments].concat(),
    )?;
    let said = text(&output);
    ensure!(!output.status.success(), "it is accepted: {arguments:?}");
    let count = said.lines().filter(|line| line.contains(reason)).count();
    ensure!(count == 1, "{count} lines with \"{reason}\" in: {said}");
    ensure!(
        !has_objects(checkout.path())?,
        "something was built: {arguments:?}"
    );
    Ok(())
}

/// Writes a program that prints `version` as `rustc --version` does.
fn compiler(folder: &Path, version: &str) -> Result<String> {
    let file = folder.join("rustc");
    fs::write(&file, format!("#!/bin/sh\necho 'rustc {version} (0)'\n"))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(format!("RUSTC={}", file.display()))
}

fn says_what_is_missing_before_it_builds() -> Result<()> {
    for kernel in &kernels()? {
        let unset = |option: &str| format!("CONFIG_{option}=");
        for option in ["PCI_QUIRKS", "IOMMU_API", "KPROBES", "KRETPROBES"] {
            let reason = format!("without CONFIG_{option}=y: use another kernel");
            refused(kernel, &[&unset(option)], &reason)?;
        }
        for option in ["PREEMPT_RT", "CFI", "CFI_CLANG", "LTO_CLANG"] {
            let reason = format!("with CONFIG_{option}=y");
            refused(kernel, &[&format!("CONFIG_{option}=y")], &reason)?;
        }
        let packages = "install rustc and rust-src, version 1.85 or later";
        refused(kernel, &["RUSTC=/none"], packages)?;
        refused(kernel, &["RUST_LIB_SRC=/none"], packages)?;
        let folder = tempfile::tempdir()?;
        let old = compiler(folder.path(), "1.84.1")?;
        refused(kernel, &[&old], "rustc 1.84.1 (0) is too old")?;
        let rust_for_linux = "PROVIDER=rust-for-linux";
        let of_kernel = if kernel.series()? < "7.0".parse()? {
            "without CONFIG_RUST=y: leave PROVIDER out"
        } else {
            "has no Rust metadata"
        };
        refused(kernel, &[rust_for_linux], of_kernel)?;
        refused(kernel, &["PROVIDER=none"], "PROVIDER=none is neither")?;
        refused(
            kernel,
            &["KVER=0.1-none"],
            "install the kernel headers (Debian: apt install linux-headers-0.1-none)",
        )?;
    }
    Ok(())
}

fn warns_of_a_series_that_no_test_boots() -> Result<()> {
    for kernel in &kernels()? {
        let warning = "this module is not tested on kernel series 6.9";
        // The second fault ends the run early.
        refused(kernel, &["KERNELVERSION=6.9.3", "RUSTC=/none"], warning)?;
    }
    Ok(())
}

fn code_is_what_the_kernels_configuration_demands() -> Result<()> {
    for kernel in &kernels()? {
        objects::check(kernel).with_context(|| kernel.name.clone())?;
    }
    Ok(())
}

/// `make modules` and `make modules_install`, the targets that kbuild users expect.
fn builds_installs_and_cleans() -> Result<()> {
    for kernel in kernels()?.iter().filter(|kernel| !kernel.core_only) {
        let checkout = copy()?;
        let target = tempfile::tempdir()?;
        let release = format!("KVER={}", kernel.release);
        let path = format!("INSTALL_MOD_PATH={}", target.path().display());
        let prefix = format!("{}-linux-gnu-", kernel.arch.rust_name);
        let tools = format!("CROSS_COMPILE={prefix}");
        let compiler = format!("CC={prefix}{}", kernel.compiler()?);
        let usual = [release.as_str(), &tools, &compiler];

        let built = make(checkout.path(), &[&["modules"], &usual[..]].concat())?;
        ensure!(built.status.success(), "{}", text(&built));

        let install = ["modules_install", &path, "INSTALL_MOD_STRIP=1"];
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

        let tree = format!("/lib/modules/{}/build", kernel.release);
        let here = format!("M={}", checkout.path().display());
        let cleaned = make(Path::new(&tree), &[&here, "clean"])?;
        ensure!(cleaned.status.success(), "{}", text(&cleaned));
        ensure!(
            !has_objects(checkout.path())?,
            "objects are left: {}",
            text(&cleaned)
        );
    }
    Ok(())
}
