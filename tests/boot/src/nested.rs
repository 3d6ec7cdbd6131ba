// SPDX-License-Identifier: GPL-2.0-only

//! Virtual machines inside a guest. QEMU runs there as it does on a user's host. Each machine has
//! one of the guest's functions through VFIO.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{setup::Setup, vm::Vm};

/// Paths in the build root and in the guest.
const QEMU: &str = "/usr/bin/qemu-system-x86_64";
const FIRMWARE: &str = "/usr/share/seabios/bios-256k.bin";
/// Memory of the guest in MiB. While it unpacks the initramfs, it holds QEMU's files twice.
const MEMORY: u32 = 768;
/// Memory of each virtual machine in MiB. Only the firmware runs in it.
const OWN_MEMORY: u32 = 16;
/// Number of polls, twenty per second, until a machine must have reported.
const PATIENCE: u32 = 1200;
/// The slot of the function in the virtual machine.
const SLOT: &str = "05";

/// Adds QEMU to the initramfs of a setup. The new initramfs is written to `folder`.
///
/// # Errors
///
/// When it cannot be written.
pub fn equip(setup: &Setup, folder: &Path) -> Result<Setup> {
    Ok(Setup {
        memory: MEMORY,
        ..setup.with_program(folder, Path::new(QEMU), &[FIRMWARE.into()])?
    })
}

/// The result of starting a virtual machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Started {
    /// The machine runs. The fields are vendor and device id of its function, as in `1077:8031`.
    Runs {
        /// The ids that the firmware reports. The firmware is the first program that runs in the
        /// machine.
        firmware: String,
        /// The ids that QEMU's monitor reports.
        monitor: String,
    },
    /// QEMU has ended with this message.
    Refused(String),
}

/// Starts the machine `name` with a function of the guest, and waits until its firmware has found
/// the function.
///
/// # Errors
///
/// When the guest does not answer, or the machine runs and lacks the function.
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

/// The ids of the function in [`SLOT`], from the output of `info pci`.
fn on_slot(said: &str) -> Option<String> {
    let number = u8::from_str_radix(SLOT, 16).ok()?;
    let mut lines = said.lines().map(str::trim);
    lines
        .find(|line| line.starts_with("Bus ") && line.contains(&format!("device {number:>3},")))?;
    let (_, ids) = lines.next()?.split_once("PCI device ")?;
    ids.split_whitespace().next().map(str::to_owned)
}

/// Whether the machine `name` still runs.
fn runs(vm: &mut Vm, name: &str) -> Result<bool> {
    Ok(vm.run(&format!("test -e /tmp/{name}.status"))?.status != 0)
}

/// Stops the machine `name`, which releases its function.
///
/// # Errors
///
/// When the machine does not run.
pub fn stop(vm: &mut Vm, name: &str) -> Result<()> {
    if !runs(vm, name)? {
        bail!("the machine {name} does not run");
    }
    vm.check(&format!(
        "cd /tmp; echo quit >{name}.monitor; until test -e {name}.status; do usleep 50000; done; test $(cat {name}.status) = 0"
    ))?;
    Ok(())
}
