// SPDX-License-Identifier: GPL-2.0-only

//! systemd's device manager in a guest, with Debian's rules: it loads drivers for new devices, and opens new disks to
//! see what is on them.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{setup::Setup, vm::Vm};

/// Paths in the build root and in the guest.
const PROGRAM: &str = "/usr/bin/udevadm";
const RULES: &str = "/usr/lib/udev/rules.d";
/// udev opens this library at run time to load modules, so its list of needed libraries lacks it.
const KMOD: &str = "libkmod.so.2";

/// Adds udev to the initramfs of a setup. The new initramfs is written to `folder`.
///
/// # Errors
///
/// When it cannot be written.
pub fn equip(setup: &Setup, folder: &Path) -> Result<Setup> {
    let rules = fs::read_dir(RULES).context("udev is missing in the build root; run: make root")?;
    let mut files = vec![Path::new(setup.kernel.arch.libraries).join(KMOD)];
    for rule in rules {
        files.push(rule?.path());
    }
    setup.with_program(folder, Path::new(PROGRAM), &files)
}

/// Starts udev, and lets it treat the devices that are there as new ones.
///
/// # Errors
///
/// When the guest does not answer, or udev does not start.
pub fn start(vm: &mut Vm) -> Result<()> {
    // The program is the daemon when it has this name.
    vm.check(&format!(
        "ln -s {PROGRAM} /run/systemd-udevd && /run/systemd-udevd --daemon --resolve-names=never 2>&1 && {COLDPLUG}"
    ))?;
    settle(vm)
}

/// Shell that makes udev treat all devices as new ones.
pub const COLDPLUG: &str = "/usr/bin/udevadm trigger --action=add";

/// Waits until udev has treated all new devices. Does nothing in a guest without udev.
///
/// # Errors
///
/// When it has not within a minute.
pub fn settle(vm: &mut Vm) -> Result<()> {
    vm.check(&format!(
        "test ! -e {PROGRAM} || {PROGRAM} settle --timeout=60"
    ))
    .map(drop)
}
