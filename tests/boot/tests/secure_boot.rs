// SPDX-License-Identifier: GPL-2.0-only

//! Boots the kernels in `ACS_QUIRKS_KERNELS` with Secure Boot on, from the files of
//! `scripts/prepare-secure-boot.sh`: once with the modules as they were built, and once with the test edition signed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result, bail};
use boot::{
    initramfs,
    kernel::{Kernel, cache},
    scenarios::secure_boot::{SIGNED, UNSIGNED},
    setup::Setup,
    trials::{self, trial},
};
use libtest_mimic::Trial;
use tempfile::TempDir;

/// The firmware keeps the whole boot disk in memory for a while.
const MEMORY: u32 = 1024;

fn main() -> ExitCode {
    trials::run("tests with Secure Boot", |_| all())
}

/// The tests, and a folder that must outlive them.
fn all() -> Result<(Vec<Trial>, TempDir)> {
    let folder = tempfile::tempdir()?;
    let firmware = cache()?.join("secure-boot");
    let mut trials = Vec::new();
    for kernel in Kernel::from_env()? {
        let unsigned = Setup {
            firmware: Some(firmware.clone()),
            memory: MEMORY,
            // The last lsm= counts.
            options: "lsm=lockdown,capability",
            ..Setup::new(kernel, folder.path())?
        };
        let signed = Setup {
            initramfs: with_signature(&unsigned, &firmware, folder.path())?,
            ..unsigned.clone()
        };
        for (scenario, setup) in [(UNSIGNED, unsigned), (SIGNED, signed)] {
            let name = format!("{}::{}", setup.kernel.name, scenario.name);
            trials.push(trial(name, move || scenario.run(&setup)));
        }
    }
    Ok((trials, folder))
}

/// The initramfs of `setup` with the test edition signed: with the kernel's own program, as the owner's guide says.
fn with_signature(setup: &Setup, firmware: &Path, folder: &Path) -> Result<PathBuf> {
    let kernel = &setup.kernel;
    let inside = format!(
        "lib/modules/{}/updates/acs_quirks_test.ko.xz",
        kernel.release
    );
    let module = folder.join("acs_quirks_test.ko");
    run(Command::new("xz")
        .args(["--decompress", "--stdout"])
        .arg(kernel.modules.join(&inside))
        .stdout(File::create(&module)?))?;
    run(Command::new(sign_file(kernel)?)
        .arg("sha256")
        .args([firmware.join("mok.key"), firmware.join("mok.pem")])
        .arg(&module))?;
    // The kernel's decompressor knows only this check.
    run(Command::new("xz")
        .args(["--check=crc32", "--force"])
        .arg(&module))?;
    let signed = fs::read(module.with_extension("ko.xz"))?;
    let own = folder.join(format!("{}-signed", kernel.name));
    fs::copy(&setup.initramfs, &own)?;
    initramfs::append(&own, [(inside, signed.as_slice())].into_iter())?;
    Ok(own)
}

/// The program of the kernel's headers that signs a module.
fn sign_file(kernel: &Kernel) -> Result<PathBuf> {
    let library = kernel.image.with_file_name("headers").join("usr/lib");
    let folders = fs::read_dir(&library).with_context(|| format!("no {}", library.display()))?;
    let mut programs = folders
        .flatten()
        .map(|folder| folder.path().join("scripts/sign-file"));
    programs
        .find(|program| program.exists())
        .with_context(|| format!("there is no sign-file below {}", library.display()))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status()?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}
