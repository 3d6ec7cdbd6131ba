// SPDX-License-Identifier: GPL-2.0-only

//! The start of a guest: QEMU's command line, the files that it reads, and the connections to it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    detectors,
    emulator::Served,
    firmware, initramfs,
    machine::{Device, GuestHardware, Model},
    qmp::Qmp,
    setup::Setup,
    shell::Shell,
};

/// Kernel command line for every architecture. `panic_on_warn` makes a warning fatal, so that no
/// warning is lost when the log overflows. The second line skips slow boot steps that do not affect
/// devices.
const COMMAND_LINE: &str = "quiet log_buf_len=4M panic=-1 oops=panic panic_on_warn=1 \
     mitigations=off init_on_alloc=0 nokaslr lsm=capability audit=0 cryptomgr.notests random.trust_cpu=on";
/// The kernel reads ACPI tables from this path, in uncompressed archives only.
const ACPI_TABLE: &str = "kernel/firmware/acpi/table.aml";

/// QEMU. Dropping it kills and reaps the process.
#[derive(Debug)]
pub(super) struct Qemu(Child);

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Qemu {
    /// Starts QEMU with `machine` and the kernel of `setup`. Its sockets and logs go into `folder`.
    pub(super) fn start(setup: &Setup, machine: &GuestHardware, folder: &Path) -> Result<Self> {
        let child = command(setup, machine, folder)?
            .spawn()
            .with_context(|| format!("cannot start {}; run: make root", setup.kernel.arch.qemu))?;
        Ok(Self(child))
    }

    /// Connects to QEMU's monitor and to the guest's shell.
    pub(super) fn connect(
        &mut self,
        folder: &Path,
        boot_by: Instant,
        deadline: Instant,
    ) -> Result<(Qmp, Shell)> {
        let mut open = |name: &str| -> Result<UnixStream> {
            loop {
                if let Ok(stream) = UnixStream::connect(folder.join(name)) {
                    return Ok(stream);
                }
                if let Some(status) = self.0.try_wait()? {
                    let said = fs::read_to_string(messages(folder)).unwrap_or_default();
                    bail!("QEMU ended with {status}:\n{said}");
                }
                if Instant::now() > boot_by {
                    bail!("QEMU does not open its sockets");
                }
                thread::sleep(Duration::from_millis(20));
            }
        };
        let shell = open("shell")?;
        let qmp = Qmp::new(open("qmp")?)?;
        Ok((qmp, Shell::new(shell, boot_by, deadline)?))
    }
}

/// Starts the servers of all emulated functions. The key is the device's index and the function
/// number.
pub(super) fn serve(
    machine: &GuestHardware,
    sockets: &Path,
) -> Result<BTreeMap<(usize, usize), Served>> {
    let mut served = BTreeMap::new();
    for (position, device) in machine.devices.iter().enumerate() {
        for (number, model) in device.functions.iter().enumerate() {
            let space = match model {
                Model::Emulated(function) | Model::Unmarked(function) => function.space(),
                Model::Space(space) => (*space).clone(),
                Model::Stock(_) => continue,
            };
            let socket = Device::socket(position, number, sockets);
            served.insert((position, number), Served::start(space, &socket)?);
        }
    }
    Ok(served)
}

fn command(setup: &Setup, machine: &GuestHardware, folder: &Path) -> Result<Command> {
    let socket = |name: &str| format!("unix:{},server=on,wait=off", folder.join(name).display());
    let arch = setup.kernel.arch;
    let mut options = format!("{} {COMMAND_LINE} {}", arch.kernel_options, setup.options);
    let mut machine = *machine;
    if setup.kernel.finds_leaks() {
        options += detectors::KMEMLEAK_OPTIONS;
    }
    if setup.kernel.finds_races() {
        options += detectors::KCSAN_OPTIONS;
        machine.cpus = machine.cpus.max(2);
    }
    let mut command = Command::new(arch.qemu);
    command
        .args(arch.machine)
        .args(["-m", &setup.memory.to_string()])
        .args(["-accel", setup.accelerator.option()])
        .args(["-nodefaults", "-display", "none", "-no-reboot"])
        .args(["-serial", &format!("file:{}", console(folder).display())])
        .args(["-serial", &socket("shell")])
        .args(["-qmp", &socket("qmp")])
        .args(machine.arguments(arch, folder))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(messages(folder))?);
    let initramfs = initramfs(setup, &machine, folder)?;
    if let Some(firmware) = &setup.firmware {
        let kernel = setup.kernel.image.with_file_name("vmlinuz");
        command.args(firmware::arguments(
            firmware, &kernel, &initramfs, &options, folder,
        )?);
    } else {
        command.arg("-kernel").arg(&setup.kernel.image);
        command.arg("-initrd").arg(initramfs);
        command.args(["-append", &options]);
    }
    if let Some(disk) = &setup.disk {
        let file = format!(
            "driver=raw,node-name=root,file.driver=file,file.filename={}",
            disk.display()
        );
        command.args(["-blockdev", &file]);
        command.args(["-device", "virtio-blk-pci,drive=root,bus=pcie.0,addr=2.0"]);
    }
    Ok(command)
}

/// The guest's initramfs, which also carries the machine's ACPI table.
fn initramfs(setup: &Setup, machine: &GuestHardware, folder: &Path) -> Result<PathBuf> {
    let Some(source) = machine.acpi else {
        return Ok(setup.initramfs.clone());
    };
    let table = compile_acpi(source, folder)?;
    let own = folder.join("initramfs");
    fs::copy(&setup.initramfs, &own)?;
    let files = [(ACPI_TABLE.to_owned(), table.as_slice())];
    initramfs::append(&own, files.into_iter())?;
    Ok(own)
}

fn compile_acpi(source: &str, folder: &Path) -> Result<Vec<u8>> {
    let file = folder.join("table.asl");
    fs::write(&file, source)?;
    let output = Command::new("iasl").arg("-va").arg(&file).output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        bail!("iasl does not accept the ACPI table:\n{text}");
    }
    Ok(fs::read(folder.join("table.aml"))?)
}

/// The file with the kernel's console output. It is short unless the kernel panics.
fn console(folder: &Path) -> PathBuf {
    folder.join("console")
}

/// The file with QEMU's own messages.
fn messages(folder: &Path) -> PathBuf {
    folder.join("qemu")
}

/// Collects the kernel messages, the console and QEMU's messages in one file.
pub(super) fn save_log(folder: &Path, said: &str, log: &Path) -> Result<()> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let text = format!(
        "== QEMU\n{}\n== kernel log\n{said}\n== console\n{}\n",
        read(messages(folder)),
        read(console(folder)),
    );
    if let Some(parent) = log.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(log, text)?;
    Ok(())
}
