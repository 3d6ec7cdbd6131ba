// SPDX-License-Identifier: GPL-2.0-only

//! A test as data: the hardware, and the steps with their expected results.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    arch::Arch,
    blocks,
    explain::{self, Because},
    machine::{GuestHardware, Iommu},
    setup::Setup,
    vm::Vm,
};

/// Expected groups. Each lists all its members.
pub type Expected = &'static [&'static [&'static str]];

/// An action or a check.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Checks that these groups exist, with exactly these members.
    Groups(Expected),
    /// Loads a module. Parameters follow its name.
    Load(&'static str),
    /// Checks that the module does not load, and that the kernel log contains this text.
    Refuses(&'static str, &'static str),
    /// Unloads a module.
    Unload(&'static str),
    /// Removes and rescans all devices of the machine.
    Readd,
    /// Removes the functions whose address begins with this prefix, and rescans.
    ReaddAt(&'static str),
    /// Plugs in the device at this index in the machine.
    HotAdd(usize),
    /// Unplugs the device at this index, and waits until its functions are gone.
    HotRemove(usize),
    /// Sends an unplug request for the device at this index.
    Pull(usize),
    /// Waits until the functions of the device at this index are gone.
    Gone(usize),
    /// From now on, the function reads as all ones. Index of its device, and function number.
    Silence(usize, usize),
    /// The function answers again. Index of its device, and function number.
    Wake(usize, usize),
    /// Kills the emulator of the function. Index of its device, and function number.
    Kill(usize, usize),
    /// Restarts the emulator, before the device is plugged in again.
    Revive(usize, usize),
    /// Makes a port report a PCI Express error: QEMU's ids of the port and of the error.
    Inject(&'static str, &'static str),
    /// Runs a line of shell that must succeed.
    Run(&'static str),
    /// Runs a line of shell that must succeed, and whose output must contain this text.
    Says(&'static str, &'static str),
    /// Runs a line of shell that must end with this status, and whose output must contain this
    /// text.
    Ends(u8, &'static str, &'static str),
    /// Checks that a line of the kernel log contains this text.
    Logged(&'static str),
    /// Checks that this many lines of the kernel log contain this text.
    LoggedTimes(usize, &'static str),
    /// Checks that a counter of an entry of the test module is above zero.
    Counted(u16, &'static str),
    /// Checks that a counter of an entry of the test module is zero.
    NotCounted(u16, &'static str),
    /// Checks that the test module's record of decisions contains this text.
    Decided(&'static str),
    /// Repeats the steps.
    Repeat(usize, &'static [Self]),
    /// Checks that `acsctl` lists and predicts the groups that the kernel has made.
    Agrees,
    /// Checks that `acsctl predict` predicts exactly these groups, with all their members, to
    /// differ from the kernel's.
    Differs(Expected),
    /// Checks that a capture leads to the guest's groups when the host computes them: without a
    /// table, or with that of the test module.
    Captured(bool),
    /// Checks that `acsctl why` gives this reason for two functions.
    Explains(&'static str, &'static str, Because),
}

/// A test as data.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The topic, in a few words joined by hyphens.
    pub name: &'static str,
    /// The hardware to boot on.
    pub machine: GuestHardware<'static>,
    /// The steps, in order. The first step that fails ends the test.
    pub steps: &'static [Step],
    /// Time limit for the guest.
    pub limit: Duration,
}

/// Time limit of a usual scenario. A slow host needs a tenth of it.
pub const LIMIT: Duration = Duration::from_secs(120);

impl Scenario {
    /// The same test with another IOMMU.
    #[must_use]
    pub const fn on(mut self, iommu: Iommu) -> Self {
        self.machine.iommu = iommu;
        self
    }

    /// Whether guests of this architecture run the test. Only this function decides it.
    #[must_use]
    pub fn is_for(&self, arch: &Arch) -> bool {
        self.machine.fits(arch) && arch.takes(&self.title(arch))
    }

    /// The name, followed by the IOMMU unless it is the default of the architecture.
    #[must_use]
    pub fn title(&self, arch: &Arch) -> String {
        match arch.iommu(self.machine.iommu) {
            iommu if arch.iommus.first() == Some(&iommu) => self.name.to_owned(),
            other => format!("{}-{}", self.name, other.name()),
        }
    }

    /// Runs the test on a kernel.
    ///
    /// # Errors
    ///
    /// The step that failed, the reason, and where the guest's log is.
    pub fn run(&self, setup: &Setup) -> Result<()> {
        let title = self.title(setup.kernel.arch);
        in_guest(setup, &self.machine, &title, self.limit, |vm| {
            take_all(self.steps, vm)
        })
    }
}

/// Boots a machine, runs `test` in it within `limit`, and returns its result. A kernel that checks every access to
/// memory has several times as long. Fails also when the kernel log contains a warning or an error.
///
/// # Errors
///
/// The error of `test`, and where the guest's log is. `name` names the log.
pub fn in_guest<'a, T>(
    setup: &Setup,
    machine: &GuestHardware<'a>,
    name: &str,
    limit: Duration,
    test: impl FnOnce(&mut Vm<'a>) -> Result<T>,
) -> Result<T> {
    let log = setup.kernel.logs.join(format!("{name}.log"));
    // A log of an earlier run would mislead.
    let _ = fs::remove_file(&log);
    let mut vm = Vm::boot(
        setup,
        machine,
        Instant::now() + limit * setup.kernel.slowness(),
        &log,
    )
    .with_context(|| format!("cannot boot; log: {}", log.display()))?;
    let result = test(&mut vm).and_then(|value| vm.check_kernel().map(|()| value));
    if result.is_err() {
        vm.save_log(&log)?;
    }
    if setup.kernel.records_coverage() {
        blocks::save(&mut vm, &log)?;
    }
    result.with_context(|| format!("guest's log: {}", log.display()))
}

fn take_all(steps: &[Step], vm: &mut Vm) -> Result<()> {
    for (number, step) in (1..).zip(steps) {
        step.take(vm)
            .with_context(|| format!("step {number} of {}: {step:?}", steps.len()))?;
    }
    Ok(())
}

impl Step {
    fn take(&self, vm: &mut Vm) -> Result<()> {
        match *self {
            Self::Groups(expected) => match vm.groups()?.differ(expected) {
                Some(difference) => bail!(difference),
                None => Ok(()),
            },
            Self::Load(module) => vm.check(&format!("/sbin/modprobe {module}")).map(drop),
            Self::Refuses(module, reason) => {
                let answer = vm.run(&format!("/sbin/modprobe {module}"))?;
                if answer.status == 0 {
                    bail!("it loads");
                }
                check_logged(vm, reason)
            }
            Self::Unload(module) => vm.check(&format!("/sbin/rmmod {module}")).map(drop),
            Self::Readd => vm.readd_devices(),
            Self::ReaddAt(prefix) => vm.readd(&[prefix]),
            Self::HotAdd(position) => vm.hot_add(position),
            Self::HotRemove(position) => vm.hot_remove(position),
            Self::Pull(position) => vm.pull(position),
            Self::Gone(position) => vm.gone(position),
            Self::Silence(position, number) => vm.served(position, number)?.answer(0),
            Self::Wake(position, number) => vm.served(position, number)?.answer(u64::MAX),
            Self::Kill(position, number) => vm.served(position, number)?.kill(),
            Self::Revive(position, number) => vm.served(position, number)?.revive(),
            Self::Inject(port, error) => vm.inject(port, error),
            Self::Run(line) => vm.check(line).map(drop),
            Self::Says(line, text) => check_contains(&vm.check(line)?, text),
            Self::Ends(status, line, text) => {
                let answer = vm.run(line)?;
                if answer.status != status {
                    bail!("status {}:\n{}", answer.status, answer.text);
                }
                check_contains(&answer.text, text)
            }
            Self::Logged(text) => check_logged(vm, text),
            Self::LoggedTimes(count, text) => match vm.logged(text)?.len() {
                found if found == count => Ok(()),
                found => bail!("it is logged {found} times"),
            },
            Self::Counted(entry, name) => match counter(vm, "acs_quirks_test", entry, name)? {
                0 => bail!("the counter is zero"),
                _ => Ok(()),
            },
            Self::NotCounted(entry, name) => match counter(vm, "acs_quirks_test", entry, name)? {
                0 => Ok(()),
                count => bail!("the counter is {count}"),
            },
            Self::Decided(text) => {
                let record = vm.check("cat /sys/kernel/debug/acs_quirks_test/decisions")?;
                check_contains(&record, text)
            }
            Self::Repeat(times, steps) => (0..times).try_for_each(|_| take_all(steps, vm)),
            Self::Agrees => explain::check_groups(vm),
            Self::Differs(expected) => explain::check_differences(vm, expected),
            Self::Captured(with_module) => explain::check_capture(vm, with_module),
            Self::Explains(one, two, because) => explain::check_reason(vm, one, two, because),
        }
    }
}

/// Number of lines shown of an unexpected output.
const SHOWN: usize = 15;

fn check_contains(text: &str, part: &str) -> Result<()> {
    if text.contains(part) {
        return Ok(());
    }
    let lines: Vec<&str> = text.lines().collect();
    let end = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
    bail!("there is no \"{part}\" in the text that ends so:\n{end}")
}

fn check_logged(vm: &mut Vm, text: &str) -> Result<()> {
    if vm.logged(text)?.is_empty() {
        bail!("the kernel log does not say \"{text}\"");
    }
    Ok(())
}

/// Reads a counter of an entry from the module's debugfs file.
pub(crate) fn counter(vm: &mut Vm, module: &str, entry: u16, name: &str) -> Result<u64> {
    let text = vm.check(&format!("cat /sys/kernel/debug/{module}/counts"))?;
    let entry = entry.to_string();
    let line = text
        .lines()
        .find(|line| line.split(' ').next() == Some(&entry))
        .with_context(|| format!("no entry {entry} in:\n{text}"))?;
    line.split(' ')
        .filter_map(|pair| pair.split_once('='))
        .find(|(found, _)| *found == name)
        .with_context(|| format!("no counter {name} in: {line}"))?
        .1
        .parse()
        .context("not a number")
}
