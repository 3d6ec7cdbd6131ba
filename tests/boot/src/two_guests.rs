// SPDX-License-Identifier: GPL-2.0-only

//! Two virtual machines that each ask for one function of the same adapter: the main use of the
//! project.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::{
    groups::Groups,
    machine::Iommu,
    nested::{self, Started},
    scenario::in_guest,
    scenarios::hardware::on_board,
    setup::Setup,
    vm::Vm,
};

/// Bus and slot of the adapter.
pub const ADAPTER: &str = "82:00";
const WANTED: [(&str, &str); 2] = [("A", "82:00.2"), ("B", "82:00.3")];
const FUNCTIONS: usize = 6;
/// Vendor and device id of the functions in [`WANTED`].
const IDS: &str = "1077:8031";
/// QEMU's error when another process holds the IOMMU group.
const BUSY: &str = "Device or resource busy";
/// The edition of the module with an entry for the adapter.
const MODULE: &str = "acs_quirks_test";

/// Time limit for the guest. A slow host needs a fifth of it.
const LIMIT: Duration = Duration::from_secs(300);

/// The records of a run.
#[derive(Debug)]
pub struct Story {
    /// The groups after boot.
    pub before: Groups,
    /// The groups after a remove and rescan without the module.
    pub control: Groups,
    /// The groups with the module loaded, after `acsctl regroup`.
    pub after: Groups,
    /// The groups after the module was unloaded, and another `acsctl regroup`.
    pub end: Groups,
    /// SVG diagrams of the machine, by `acsctl groups`: before, and with the module.
    pub pictures: [String; 2],
    /// Results of starting machines A and B: before, with the module, and after it was unloaded.
    pub machines: [[Started; 2]; 3],
}

/// Runs `test` in a guest that has the adapter and QEMU.
///
/// # Errors
///
/// As [`in_guest`].
pub fn with_adapter<T>(
    setup: &Setup,
    iommu: Iommu,
    name: &str,
    test: impl FnOnce(&mut Vm) -> Result<T>,
) -> Result<T> {
    let folder = tempfile::tempdir()?;
    let setup = nested::equip(setup, folder.path())?;
    in_guest(&setup, &on_board(iommu), name, LIMIT, test)
}

/// Runs the sequence with the entry withdrawn, which is the control, and then with the entry.
///
/// # Errors
///
/// The unexpected result, and where the guest's log is.
pub fn test(setup: &Setup, iommu: Iommu) -> Result<()> {
    let name = format!("two-machines-{}", iommu.name());
    with_adapter(setup, iommu, &name, |vm| {
        for withdrawn in [true, false] {
            let story = run(vm, withdrawn, &|_| ())?;
            if let Some(fault) = story.fault(withdrawn) {
                bail!("entry withdrawn: {withdrawn}: {fault}");
            }
        }
        Ok(())
    })
}

/// Runs the sequence, and reports each step to `say` in one line. With `withdrawn`, all entries of
/// the module are withdrawn.
///
/// # Errors
///
/// When a step fails. A machine that does not get its function is not an error.
pub fn run(vm: &mut Vm, withdrawn: bool, say: &dyn Fn(&str)) -> Result<Story> {
    let before = vm.groups()?;
    let picture = drawn(vm)?;
    to_vfio(vm)?;
    let machines = attempt(vm, say)?;

    say("control: removing and rescanning the adapter, without the module");
    vm.readd(&[ADAPTER])?;
    let control = vm.groups()?;
    to_vfio(vm)?;

    let load = if withdrawn {
        format!("modprobe {MODULE} withdraw=all")
    } else {
        format!("modprobe {MODULE}")
    };
    say(&load);
    vm.check(&format!("/sbin/{load}"))?;
    regroup(vm, say)?;
    let after = vm.groups()?;
    let pictures = [picture, drawn(vm)?];
    let with_module = attempt(vm, say)?;

    say(&format!("rmmod {MODULE}"));
    vm.check(&format!("/sbin/rmmod {MODULE}"))?;
    regroup(vm, say)?;
    let end = vm.groups()?;
    let at_the_end = attempt(vm, say)?;
    Ok(Story {
        before,
        control,
        after,
        end,
        pictures,
        machines: [machines, with_module, at_the_end],
    })
}

/// Binds the functions in [`WANTED`] to vfio-pci.
fn to_vfio(vm: &mut Vm) -> Result<()> {
    let functions = WANTED.map(|(_, function)| function).join(" ");
    vm.check(&format!("to-vfio {functions}")).map(drop)
}

/// The machine as an SVG diagram.
fn drawn(vm: &mut Vm) -> Result<String> {
    vm.check("acsctl groups --svg /tmp/groups.svg >/dev/null && cat /tmp/groups.svg")
}

/// Regroups the adapter with `acsctl`, which restores the drivers.
fn regroup(vm: &mut Vm, say: &dyn Fn(&str)) -> Result<()> {
    let line = format!("acsctl regroup {}", WANTED[0].1);
    let said = vm.check(&line)?;
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    say(&format!("{line}: {}", last.unwrap_or_default().trim()));
    Ok(())
}

/// Starts both machines one after the other, and stops them.
///
/// # Errors
///
/// When a machine runs and another program can open its function's group.
fn attempt(vm: &mut Vm, say: &dyn Fn(&str)) -> Result<[Started; 2]> {
    let mut start = |(name, function): (&str, &str)| -> Result<Started> {
        let started = nested::start(vm, name, function)?;
        say(&format!(
            "machine {name} asks for {function}: {}",
            match &started {
                Started::Runs { firmware, .. } => format!("it runs, and sees {firmware}"),
                Started::Refused(why) => format!("refused\n          {why}"),
            }
        ));
        Ok(started)
    };
    let started = [start(WANTED[0])?, start(WANTED[1])?];
    for ((name, function), started) in WANTED.iter().zip(&started) {
        if matches!(started, Started::Runs { .. }) {
            check_held(vm, name, function)?;
        }
    }
    for ((name, _), started) in WANTED.iter().zip(&started) {
        if matches!(started, Started::Runs { .. }) {
            nested::stop(vm, name)?;
        }
    }
    Ok(started)
}

/// Fails when another program can open the group of a function that a machine uses.
fn check_held(vm: &mut Vm, name: &str, function: &str) -> Result<()> {
    let answer = vm.run(&format!("hold-vfio 0000:{function} </dev/null"))?;
    if answer.status == 0 || !answer.text.contains(BUSY) {
        bail!(
            "machine {name} has {function}, and another program gets: {}",
            answer.text
        );
    }
    Ok(())
}

impl Story {
    /// The first unexpected result, with the entry in effect or withdrawn. `None` if all are as
    /// expected.
    #[must_use]
    pub fn fault(&self, withdrawn: bool) -> Option<String> {
        let count = if withdrawn { 1 } else { FUNCTIONS };
        let groups = [&self.before, &self.control, &self.after, &self.end];
        if groups
            .iter()
            .any(|stage| stage.below(ADAPTER).count() != FUNCTIONS)
        {
            return Some("functions of the adapter are missing".to_owned());
        }
        let found = groups.map(|groups| groups.count(ADAPTER));
        if found != [1, 1, count, 1] {
            return Some(format!("the adapter's functions are in {found:?} groups"));
        }
        let splits = [false, !withdrawn, false];
        let stages = ["before", "with the module", "at the end"];
        for ((machines, split), stage) in self.machines.iter().zip(splits).zip(stages) {
            let [a, b] = machines;
            let b_is_right = if split { sees(b) } else { is_refused(b) };
            if !sees(a) || !b_is_right {
                return Some(format!("{stage}: A: {a:?}, B: {b:?}"));
            }
        }
        None
    }
}

/// Whether a machine runs and has the function.
fn sees(machine: &Started) -> bool {
    matches!(machine, Started::Runs { firmware, monitor } if firmware == IDS && monitor == IDS)
}

/// Whether a machine was refused its function because the group is busy.
fn is_refused(machine: &Started) -> bool {
    matches!(machine, Started::Refused(why) if why.contains(BUSY))
}
