// SPDX-License-Identifier: GPL-2.0-only

//! Loading and unloading while devices come and go.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::{
    hardware::{ADAPTER_MACHINE, ONE_GROUP},
    memory::Memory,
    races,
};
use crate::{machine::GuestHardware, scenario::in_guest, setup::Setup, variable::number, vm::Vm};

/// Default number of loads. `ACS_QUIRKS_LOADS` overrides it.
const LOADS: u32 = 200;
/// Loads before the first look at the memory: what they allocate stays.
const WARM: u32 = 20;
/// Time limit for the boot and all but the loads.
const BESIDE: Duration = Duration::from_secs(120);
/// The longest time of a load and an unload on average.
const LOAD: Duration = Duration::from_millis(1500);

/// Loads and unloads the module many times while the adapter is removed and rescanned. Nothing may be left: no error in
/// the log, no use of the module, no group, and no memory.
///
/// # Errors
///
/// When a load fails, something is left, or too few rescans happened beside the loads.
pub(super) fn test(setup: &Setup) -> Result<()> {
    let loads = number("ACS_QUIRKS_LOADS", LOADS)?;
    let machine = GuestHardware {
        cpus: 2,
        ..ADAPTER_MACHINE
    };
    in_guest(setup, &machine, "reloads", BESIDE + LOAD * loads, |vm| {
        vm.check("ls /sys/kernel/iommu_groups | wc -l >/tmp/groups")?;
        load(vm, WARM)?;
        vm.readd_devices()?;
        let memory = Memory::now(vm)?;
        races::repeat(vm, "rescan", &format!("sleep 0.1; {}", races::RESCAN))?;
        load(vm, loads)?;
        races::stop(vm)?;
        let rescans = races::rounds_of(vm, "rescan")?;
        ensure!(
            rescans >= loads / 4,
            "only {rescans} rescans beside {loads} loads"
        );
        vm.check("! lsmod | grep acs_quirks_test")?;
        vm.readd_devices()?;
        let growth = memory.growth(vm, loads)?;
        vm.check("test $(ls /sys/kernel/iommu_groups | wc -l) = $(cat /tmp/groups)")?;
        if let Some(difference) = vm.groups()?.differ(ONE_GROUP) {
            bail!("after {loads} loads: {difference}");
        }
        println!("reloads: load {loads}, rescan {rescans}; {growth}");
        Ok(())
    })
}

/// Loads and unloads the module.
fn load(vm: &mut Vm, count: u32) -> Result<()> {
    vm.check(&format!(
        "for i in $(seq {count}); do /sbin/modprobe acs_quirks_test && /sbin/rmmod acs_quirks_test || exit 1; done"
    ))?;
    Ok(())
}
