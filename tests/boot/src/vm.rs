// SPDX-License-Identifier: GPL-2.0-only

//! A running guest.

mod checks;
mod qemu;

use std::{
    collections::BTreeMap,
    fs::File,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    emulator::Served,
    groups::Groups,
    host::say,
    machine::{Device, GuestHardware, Iommu},
    qmp::Qmp,
    setup::Setup,
    shell::{Answer, Shell},
};

use self::qemu::Qemu;

/// Size of a disk in bytes: large enough for FAT32. The file is sparse.
const DISK: u64 = 64 << 20;

/// A running guest. Dropping it kills QEMU.
#[derive(Debug)]
pub struct Vm<'a> {
    machine: GuestHardware<'a>,
    shell: Shell,
    qmp: Qmp,
    /// The options with which `acsctl regroup` accepts the kernel, if it refuses it otherwise.
    even_if: Option<String>,
    finds_leaks: bool,
    finds_races: bool,
    _qemu: Qemu,
    // Drop this after QEMU: a function's server waits until QEMU closes the connection.
    served: BTreeMap<(usize, usize), Served>,
    folder: TempDir,
}

impl<'a> Vm<'a> {
    /// Boots `machine`. The guest may run until `deadline`. If the boot fails, `log` receives the
    /// kernel's messages so far.
    ///
    /// About one boot in some hundred does not end under emulation; why is not known. No code of the project runs
    /// in a guest before its shell answers, so a guest that has not booted in half of the time is booted once
    /// more, and this is said.
    ///
    /// # Errors
    ///
    /// When QEMU does not start, or the guest does not boot in time.
    pub fn boot(
        setup: &Setup,
        machine: &GuestHardware<'a>,
        deadline: Instant,
        log: &Path,
    ) -> Result<Self> {
        let half = deadline.saturating_duration_since(Instant::now()) / 2;
        let boot_by = Instant::now() + half;
        match Self::boot_once(setup, machine, boot_by, deadline, log) {
            Err(error) if Instant::now() >= boot_by => {
                say(format_args!(
                    "{}: {error:#}; the guest is booted once more",
                    log.display()
                ));
                Self::boot_once(setup, machine, deadline, deadline, log)
            }
            outcome => outcome,
        }
    }

    fn boot_once(
        setup: &Setup,
        machine: &GuestHardware<'a>,
        boot_by: Instant,
        deadline: Instant,
        log: &Path,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let served = qemu::serve(machine, folder.path())?;
        for drive in machine.drives() {
            File::create(folder.path().join(drive))?.set_len(DISK)?;
        }
        let mut qemu = Qemu::start(setup, machine, folder.path())?;
        let connected =
            qemu.connect(folder.path(), boot_by, deadline)
                .and_then(|(qmp, mut shell)| {
                    if setup.kernel.arch.iommu(machine.iommu) == Iommu::Virtio {
                        shell.run("/sbin/modprobe virtio-iommu")?;
                    }
                    Ok((qmp, shell))
                });
        let (qmp, shell) = connected.inspect_err(|_| {
            let _ = qemu::save_log(folder.path(), "", log);
        })?;
        Ok(Self {
            machine: *machine,
            shell,
            qmp,
            even_if: setup.kernel.regroup_even_if()?,
            finds_leaks: setup.kernel.finds_leaks(),
            finds_races: setup.kernel.finds_races(),
            _qemu: qemu,
            served,
            folder,
        })
    }

    /// Runs a line of shell in the guest. On a kernel that `acsctl regroup` refuses, the command gets the options
    /// that accept it.
    ///
    /// # Errors
    ///
    /// When the guest ends or runs out of time. A command that fails is not an error.
    pub fn run(&mut self, line: &str) -> Result<Answer> {
        match &self.even_if {
            Some(option) => {
                let line = line.replace("acsctl regroup", &format!("acsctl regroup {option}"));
                self.shell.run(&line)
            }
            None => self.shell.run(line),
        }
    }

    /// Runs a line of shell that must succeed, and returns its output.
    ///
    /// # Errors
    ///
    /// As [`Vm::run`], and when the command fails.
    pub fn check(&mut self, line: &str) -> Result<String> {
        let answer = self.run(line)?;
        if answer.status != 0 {
            bail!("status {} of: {line}\n{}", answer.status, answer.text);
        }
        Ok(answer.text)
    }

    /// The guest's IOMMU groups.
    ///
    /// # Errors
    ///
    /// As [`Vm::run`].
    pub fn groups(&mut self) -> Result<Groups> {
        let paths = self.run("echo /sys/kernel/iommu_groups/*/devices/*")?;
        Ok(Groups::from_paths(&paths.text))
    }

    /// Removes all functions whose address begins with one of `prefixes`, and rescans the bus.
    ///
    /// # Errors
    ///
    /// As [`Vm::check`].
    pub fn readd(&mut self, prefixes: &[&str]) -> Result<()> {
        let places: Vec<String> = prefixes
            .iter()
            .map(|prefix| format!("/sys/bus/pci/devices/0000:{prefix}*"))
            .collect();
        self.check(&format!(
            "for d in {}; do echo 1 >$d/remove; done; echo 1 >/sys/bus/pci/rescan",
            places.join(" ")
        ))?;
        Ok(())
    }

    /// Removes and rescans all devices of the machine.
    ///
    /// # Errors
    ///
    /// As [`Vm::check`].
    pub fn readd_devices(&mut self) -> Result<()> {
        let devices = self.machine.devices;
        let addresses: Vec<&str> = devices.iter().map(|device| device.address).collect();
        self.readd(&addresses)
    }

    /// Plugs in the device at index `position`, and waits until all its functions are in groups.
    ///
    /// # Errors
    ///
    /// When QEMU refuses, or the guest runs out of time.
    pub fn hot_add(&mut self, position: usize) -> Result<()> {
        let device = self.device(position)?;
        // The guest scans the slot when function 0 appears, so function 0 comes last.
        for number in (0..device.functions.len()).rev() {
            let description = device.description(position, number, self.folder.path());
            self.qmp.execute("device_add", &description)?;
        }
        let nodes = format!("0000:{}*/iommu_group", device.address);
        self.wait_for(&nodes, device.functions.len())
    }

    /// Unplugs the device at index `position`, and waits until the guest has removed its functions.
    ///
    /// # Errors
    ///
    /// When QEMU refuses, or the guest runs out of time.
    pub fn hot_remove(&mut self, position: usize) -> Result<()> {
        self.pull(position)?;
        self.gone(position)
    }

    /// Waits until the guest has removed the functions of the device at index `position`, and QEMU
    /// has deleted them. [`Vm::pull`] must have started the removal.
    ///
    /// # Errors
    ///
    /// When that does not happen in time.
    pub fn gone(&mut self, position: usize) -> Result<()> {
        let device = self.device(position)?;
        let count = device.functions.len();
        let ids: Vec<String> = (0..count)
            .map(|number| Device::id(position, number))
            .collect();
        self.qmp.wait_deleted(&ids)?;
        self.wait_for(&format!("0000:{}*", device.address), 0)
    }

    /// Sends the guest an unplug request for the device at index `position`, and does not wait.
    ///
    /// # Errors
    ///
    /// When QEMU refuses.
    pub fn pull(&mut self, position: usize) -> Result<()> {
        self.device(position)?;
        let id = json!({ "id": Device::id(position, 0) });
        self.qmp.execute("device_del", &id).map(drop)
    }

    /// Runs a command of QEMU's monitor.
    ///
    /// # Errors
    ///
    /// QEMU's error message.
    pub fn monitor(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        self.qmp.execute(command, arguments)
    }

    /// Makes a port report a PCI Express error, by QEMU's ids of both.
    ///
    /// # Errors
    ///
    /// As [`Vm::monitor`].
    pub fn inject(&mut self, port: &str, error: &str) -> Result<()> {
        let line = format!("pcie_aer_inject_error {port} {error} 0");
        self.monitor("human-monitor-command", &json!({ "command-line": line }))?;
        Ok(())
    }

    /// The server of an emulated function, to inject faults: `position` is the index of the device,
    /// `number` the function number.
    ///
    /// # Errors
    ///
    /// When the machine has no such emulated function.
    pub fn served(&mut self, position: usize, number: usize) -> Result<&mut Served> {
        let served = self.served.get_mut(&(position, number));
        served.context("there is no such emulated function")
    }

    fn device(&self, position: usize) -> Result<Device<'a>> {
        let found = self.machine.devices.get(position).copied();
        found.with_context(|| format!("the machine has no device {position}"))
    }

    /// Waits until `count` names in `/sys/bus/pci/devices` match `pattern`.
    fn wait_for(&mut self, pattern: &str, count: usize) -> Result<()> {
        let line = format!("ls -d /sys/bus/pci/devices/{pattern} 2>/dev/null | wc -l");
        loop {
            if self.run(&line)?.text.trim() == count.to_string() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The lines of the kernel log that contain `text`.
    ///
    /// # Errors
    ///
    /// As [`Vm::run`].
    pub fn logged(&mut self, text: &str) -> Result<Vec<String>> {
        let text = text.replace('\'', "'\\''");
        let found = self.run(&format!("dmesg | grep -F -e '{text}'"))?;
        Ok(found.text.lines().map(str::to_owned).collect())
    }

    /// Writes the guest's kernel messages to `log`, as far as the guest still answers.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save_log(&mut self, log: &Path) -> Result<()> {
        let said = self.run("dmesg").map(|answer| answer.text);
        qemu::save_log(self.folder.path(), &said.unwrap_or_default(), log)
    }
}
