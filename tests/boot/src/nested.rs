// SPDX-License-Identifier: GPL-2.0-only

//! Virtual machines on a guest: QEMU, started there as an owner starts it on a host, each with one of
//! the guest's functions by VFIO.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{initramfs, setup::Setup, vm::Vm};

/// Paths of the build root, and of the guest.
const QEMU: &str = "/usr/bin/qemu-system-x86_64";
const FIRMWARE: &str = "/usr/share/seabios/bios-256k.bin";
/// Memory of the guest that they run on, in MiB: the guest holds QEMU's files twice while it unpacks them.
const MEMORY: u32 = 768;
/// Memory of each, in MiB: the firmware is all that runs there.
const OWN_MEMORY: u32 = 16;
/// How often it is looked, twenty times a second, whether a machine has come to something.
const PATIENCE: u32 = 1200;
/// Where each finds its function.
const SLOT: &str = "05";

/// A guest's setup, with QEMU in its file system, which is written to `folder`.
///
/// # Errors
///
/// When it cannot be written.
pub fn equip(setup: &Setup, folder: &Path) -> Result<Setup> {
    let initramfs = folder.join(format!("{}-qemu", setup.kernel.release));
    fs::copy(&setup.initramfs, &initramfs)?;
    let arch = setup.kernel.arch;
    initramfs::append_program(&initramfs, arch, Path::new(QEMU), &[Path::new(FIRMWARE)])?;
    Ok(Setup {
        initramfs,
        memory: MEMORY,
        ..setup.clone()
    })
}

/// What came of starting a virtual machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Started {
    /// It runs. The ids of its function, `1077:8031`, as its firmware and its monitor have them.
    Runs {
        /// By the firmware, which is the first program that the machine itself runs.
        firmware: String,
        /// By QEMU's monitor.
        monitor: String,
    },
    /// QEMU has ended, and said this.
    Refused(String),
}

/// Starts the machine `name` with a function of the guest, and waits for its firmware to have looked at
/// that.
///
/// # Errors
///
/// When the guest does not answer, or the machine runs and has no such function.
pub fn start(vm: &mut Vm, name: &str, function: &str) -> Result<Started> {
    vm.check(&format!(
        "cd /tmp; rm -f {name}.*; mkfifo {name}.monitor; (exec 3<>{name}.monitor; {QEMU} \
         -machine q35 -accel tcg -cpu qemu64 -m {OWN_MEMORY} -nodefaults -display none -bios {FIRMWARE} \
         -chardev file,id=firmware,path={name}.firmware -device isa-debugcon,iobase=0x402,chardev=firmware \
         -device vfio-pci,host=0000:{function},addr={SLOT}.0 -monitor stdio \
         <&3 >{name}.said 2>&1; echo $? >{name}.status) & \
         wait_for() {{ i=0; until test -e {name}.status || grep -q \"$1\" $2 2>/dev/null; do \
         usleep 50000; i=$((i + 1)); test $i -lt {PATIENCE} || {{ cat {name}.said {name}.firmware; ps; exit 1; }}; done; }}; \
         wait_for 'init bdf=00:{SLOT}.0' {name}.firmware; test ! -e {name}.status || exit 0; \
         echo 'info pci' >{name}.monitor; wait_for 'PCI device' {name}.said"
    ))?;
    let said = vm.check(&format!("cat /tmp/{name}.said"))?;
    if !runs(vm, name)? {
        let last = said.lines().rfind(|line| !line.trim().is_empty());
        return Ok(Started::Refused(last.unwrap_or_default().to_owned()));
    }
    let firmware = vm.check(&format!(
        "sed -n 's/.*init bdf=00:{SLOT}.0 id=//p' /tmp/{name}.firmware"
    ))?;
    let monitor = on_slot(&said).context("the monitor does not show the function")?;
    Ok(Started::Runs { firmware, monitor })
}

/// The ids of the function in [`SLOT`], by what `info pci` has printed.
fn on_slot(said: &str) -> Option<String> {
    let number = u8::from_str_radix(SLOT, 16).ok()?;
    let mut lines = said.lines().map(str::trim);
    lines
        .find(|line| line.starts_with("Bus ") && line.contains(&format!("device {number:>3},")))?;
    let (_, ids) = lines.next()?.split_once("PCI device ")?;
    ids.split_whitespace().next().map(str::to_owned)
}

/// Whether the machine `name` is there.
fn runs(vm: &mut Vm, name: &str) -> Result<bool> {
    Ok(vm.run(&format!("test -e /tmp/{name}.status"))?.status != 0)
}

/// Has the machine `name` end, which gives its function back.
///
/// # Errors
///
/// When it does not run.
pub fn stop(vm: &mut Vm, name: &str) -> Result<()> {
    if !runs(vm, name)? {
        bail!("the machine {name} does not run");
    }
    vm.check(&format!(
        "cd /tmp; echo quit >{name}.monitor; until test -e {name}.status; do usleep 50000; done; test $(cat {name}.status) = 0"
    ))?;
    Ok(())
}
