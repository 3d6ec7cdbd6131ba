// SPDX-License-Identifier: GPL-2.0-only

//! A running guest.

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
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    detectors,
    emulator::Served,
    firmware,
    groups::Groups,
    host::say,
    initramfs,
    machine::{Device, GuestHardware, Iommu, Model},
    qmp::Qmp,
    setup::Setup,
    shell::{Answer, Shell},
};

/// Size of a disk in bytes: large enough for FAT32. The file is sparse.
const DISK: u64 = 64 << 20;
/// Kernel command line for every architecture. `panic_on_warn` makes a warning fatal, so that no
/// warning is lost when the log overflows. The second line skips slow boot steps that do not affect
/// devices.
const COMMAND_LINE: &str = "quiet log_buf_len=4M panic=-1 oops=panic panic_on_warn=1 \
     mitigations=off init_on_alloc=0 nokaslr lsm=capability audit=0 cryptomgr.notests random.trust_cpu=on";
/// The kernel reads ACPI tables from this path, in uncompressed archives only.
const ACPI_TABLE: &str = "kernel/firmware/acpi/table.aml";
/// Pattern of the kernel's error messages.
const COMPLAINTS: &str = "WARNING:|BUG:|Oops|Internal error:|general protection fault|rcu_.* detected|refcount_t:|Kernel panic";

/// Minimum age of a block of memory that the kernel reports as leaked.
const LEAK_AGE: Duration = Duration::from_secs(6);

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
    _qemu: Process,
    // Drop this after QEMU: a function's server waits until QEMU closes the connection.
    served: BTreeMap<(usize, usize), Served>,
    folder: TempDir,
}

/// QEMU. Dropping it kills and reaps the process.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
        let served = serve(machine, folder.path())?;
        for drive in machine.drives() {
            File::create(folder.path().join(drive))?.set_len(DISK)?;
        }
        let child = command(setup, machine, folder.path())?
            .spawn()
            .with_context(|| format!("cannot start {}; run: make root", setup.kernel.arch.qemu))?;
        let mut qemu = Process(child);
        let connected =
            connect(&mut qemu, folder.path(), boot_by, deadline).and_then(|(qmp, mut shell)| {
                if setup.kernel.arch.iommu(machine.iommu) == Iommu::Virtio {
                    shell.run("/sbin/modprobe virtio-iommu")?;
                }
                Ok((qmp, shell))
            });
        let (qmp, shell) = connected.inspect_err(|_| {
            let _ = save_log(folder.path(), "", log);
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
        save_log(self.folder.path(), &said.unwrap_or_default(), log)
    }

    /// What a boot ends with: [`Vm::check_log`], and [`Vm::check_leaks`].
    ///
    /// # Errors
    ///
    /// As these.
    pub fn check_kernel(&mut self) -> Result<()> {
        self.check_log()?;
        self.check_leaks()
    }

    /// Fails when the kernel log contains a warning or an error.
    ///
    /// # Errors
    ///
    /// The warnings and errors in the log.
    pub fn check_log(&mut self) -> Result<()> {
        let mut lines = self.run(&format!("dmesg | grep -E '{COMPLAINTS}'"))?.text;
        if self.finds_races {
            let races = self.run("dmesg | sed -n '/BUG: KCSAN/,/=====/p'")?.text;
            lines = detectors::without_races(&lines) + &detectors::races_of_modules(&races);
        }
        if lines.contains(detectors::CYCLE) {
            let report = format!("dmesg | sed -n '/{}/,/stack backtrace/p'", detectors::CYCLE);
            let cycles = self.run(&report)?.text;
            lines = detectors::without_known_cycle(&lines, &cycles);
        }
        if !lines.is_empty() {
            bail!("the kernel complains:\n{lines}");
        }
        Ok(())
    }

    /// Fails when a kernel that searches for leaked memory ([`Kernel::finds_leaks`]) reports some.
    ///
    /// # Errors
    ///
    /// The kernel's report.
    ///
    /// [`Kernel::finds_leaks`]: crate::kernel::Kernel::finds_leaks
    pub fn check_leaks(&mut self) -> Result<()> {
        if !self.finds_leaks {
            return Ok(());
        }
        let leaks = detectors::unknown_leaks(&self.leaks()?);
        if !leaks.is_empty() {
            bail!("memory is lost:\n{leaks}");
        }
        Ok(())
    }

    /// The kernel's report of leaked memory. The kernel reports a block only at the second scan that finds it
    /// unchanged (`kmemleak_scan()` in `mm/kmemleak.c`).
    ///
    /// # Errors
    ///
    /// As [`Vm::check`].
    pub fn leaks(&mut self) -> Result<String> {
        thread::sleep(LEAK_AGE);
        self.check(
            "test -e /sys/kernel/debug/kmemleak || mount -t debugfs debugfs /sys/kernel/debug; \
             cd /sys/kernel/debug; echo scan >kmemleak && echo scan >kmemleak && cat kmemleak",
        )
    }
}

/// Starts the servers of all emulated functions. The key is the device's index and the function
/// number.
fn serve(machine: &GuestHardware, sockets: &Path) -> Result<BTreeMap<(usize, usize), Served>> {
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

/// Connects to QEMU's monitor and to the guest's shell.
fn connect(
    qemu: &mut Process,
    folder: &Path,
    boot_by: Instant,
    deadline: Instant,
) -> Result<(Qmp, Shell)> {
    let mut open = |name: &str| -> Result<UnixStream> {
        loop {
            if let Ok(stream) = UnixStream::connect(folder.join(name)) {
                return Ok(stream);
            }
            if let Some(status) = qemu.0.try_wait()? {
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

/// The file with the kernel's console output. It is short unless the kernel panics.
fn console(folder: &Path) -> PathBuf {
    folder.join("console")
}

/// The file with QEMU's own messages.
fn messages(folder: &Path) -> PathBuf {
    folder.join("qemu")
}

/// Collects the kernel messages, the console and QEMU's messages in one file.
fn save_log(folder: &Path, said: &str, log: &Path) -> Result<()> {
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
