// SPDX-License-Identifier: GPL-2.0-only

//! A test as data: the hardware, and steps with what they must lead to.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    arch::Arch,
    explain::{self, Because},
    machine::{GuestHardware, Iommu},
    setup::Setup,
    vm::Vm,
};

/// Groups that are expected: each names all its members.
pub type Expected = &'static [&'static [&'static str]];

/// One thing to do or to look at.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// These groups exist, with exactly these members.
    Groups(Expected),
    /// Loads a module, parameters behind its name.
    Load(&'static str),
    /// The module does not load, and the kernel log then says this.
    Refuses(&'static str, &'static str),
    /// Unloads a module.
    Unload(&'static str),
    /// Removes all packages of the machine, and looks for them again.
    Readd,
    /// Removes the functions whose address begins so, and looks for them again.
    ReaddAt(&'static str),
    /// Plugs in the package at this position in the machine.
    HotAdd(usize),
    /// Pulls out the package at this position in the machine, and waits until it is gone.
    HotRemove(usize),
    /// Begins to pull it out.
    Pull(usize),
    /// Waits until it is gone.
    Gone(usize),
    /// A function, by position of its package and number, reads as all ones from now on.
    Silence(usize, usize),
    /// It answers again.
    Wake(usize, usize),
    /// The emulator of a function is killed.
    Kill(usize, usize),
    /// It is started anew, for a function that will be plugged in.
    Revive(usize, usize),
    /// A line of shell that succeeds.
    Run(&'static str),
    /// A line of shell that succeeds, and what it prints contains this.
    Says(&'static str, &'static str),
    /// A line of shell that ends with this status, and what it prints contains this.
    Ends(u8, &'static str, &'static str),
    /// The kernel log has a line that contains this.
    Logged(&'static str),
    /// The kernel log has this many lines that contain this.
    LoggedTimes(usize, &'static str),
    /// A counter of an entry of the test module is above zero.
    Counted(u16, &'static str),
    /// A counter of an entry of the test module is zero.
    NotCounted(u16, &'static str),
    /// These steps, so many times.
    Repeat(usize, &'static [Self]),
    /// `acsctl` lists and predicts the groups that there are.
    Agrees,
    /// `acsctl predict` has exactly these groups, all their members named, where the kernel has others.
    Differs(Expected),
    /// From a capture, the groups that there are come out on the host, by the kernel alone or with the
    /// test module.
    Captured(bool),
    /// `acsctl why` has this reason for two functions.
    Explains(&'static str, &'static str, Because),
}

/// A test.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is about, in few words joined by hyphens.
    pub name: &'static str,
    /// The hardware.
    pub machine: GuestHardware<'static>,
    /// What is done, in order. A step that fails ends the test.
    pub steps: &'static [Step],
    /// How long it may take.
    pub limit: Duration,
}

/// How long a scenario may take that does nothing special: a slow machine needs a tenth of it.
pub const LIMIT: Duration = Duration::from_secs(120);

impl Scenario {
    /// The same with another IOMMU.
    #[must_use]
    pub const fn on(mut self, iommu: Iommu) -> Self {
        self.machine.iommu = iommu;
        self
    }

    /// Whether it is for guests of this architecture. Nothing else decides on that.
    #[must_use]
    pub fn is_for(&self, arch: &Arch) -> bool {
        self.machine.fits(arch) && arch.takes(&self.title(arch))
    }

    /// The name with the IOMMU, where that is not the usual one of the guest's architecture.
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
    /// The step that failed, how, and where the guest's log is kept.
    pub fn run(&self, setup: &Setup) -> Result<()> {
        let title = self.title(setup.kernel.arch);
        in_guest(setup, &self.machine, &title, self.limit, |vm| {
            take_all(self.steps, vm)
        })
    }
}

/// Boots a machine, and has `test` do with it what it likes for at most so long, and gives what that gives.
/// The kernel must not complain of anything.
///
/// # Errors
///
/// What `test` fails with, and where the guest's log is kept, by `name`.
pub fn in_guest<'a, T>(
    setup: &Setup,
    machine: &GuestHardware<'a>,
    name: &str,
    limit: Duration,
    test: impl FnOnce(&mut Vm<'a>) -> Result<T>,
) -> Result<T> {
    let log = setup.kernel.logs.join(format!("{name}.log"));
    // One from an earlier run would mislead.
    let _ = fs::remove_file(&log);
    let mut vm = Vm::boot(setup, machine, Instant::now() + limit, &log)
        .with_context(|| format!("cannot boot; log: {}", log.display()))?;
    let result = test(&mut vm).and_then(|value| vm.check_log().map(|()| value));
    if result.is_err() {
        vm.save_log(&log)?;
    }
    result.with_context(|| format!("guest's log: {}", log.display()))
}

/// Takes the steps, until one fails.
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
            Self::Repeat(times, steps) => (0..times).try_for_each(|_| take_all(steps, vm)),
            Self::Agrees => explain::check_groups(vm),
            Self::Differs(expected) => explain::check_differences(vm, expected),
            Self::Captured(with_module) => explain::check_capture(vm, with_module),
            Self::Explains(one, two, because) => explain::check_reason(vm, one, two, because),
        }
    }
}

/// How many lines of a text are shown that is not what it should be.
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

/// A counter of a module's debugfs file.
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
