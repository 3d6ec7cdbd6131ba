// SPDX-License-Identifier: GPL-2.0-only

//! Hot-plug, loading and listing at the same time.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{hardware::ADAPTER_MACHINE, memory::Memory};
use crate::{machine::GuestHardware, scenario::in_guest, setup::Setup, variable::number, vm::Vm};

/// Default duration in seconds. `ACS_QUIRKS_RACE` overrides it.
const SECONDS: u32 = 30;
/// Removes and rescans the adapter.
pub(super) const RESCAN: &str = "for d in /sys/bus/pci/devices/0000:82:00.*; do echo 1 >$d/remove; done 2>/dev/null; echo 1 >/sys/bus/pci/rescan";
/// The loops: name, one round in shell, and the minimum number of rounds.
const RUNNERS: [(&str, &str, u32); 3] = [
    ("rescan", RESCAN, 10),
    (
        "load",
        // An open file in debugfs holds the module.
        "/sbin/modprobe acs_quirks_test && until /sbin/rmmod acs_quirks_test; do usleep 1000; done",
        10,
    ),
    (
        "list",
        "acsctl groups >/tmp/groups 2>&1; cat /sys/kernel/debug/acs_quirks_test/* >/dev/null 2>&1; test -s /tmp/groups",
        10,
    ),
];
/// Time limit for the boot, and for the steps before and after the loops.
const BESIDE: Duration = Duration::from_secs(120);

/// Runs the loops in parallel. Afterwards, the adapter is in one group without the module, and
/// split with it.
///
/// # Errors
///
/// When a loop has stalled, or the final groups are wrong.
pub(super) fn test(setup: &Setup) -> Result<()> {
    let seconds = number("ACS_QUIRKS_RACE", SECONDS)?;
    let machine = GuestHardware {
        cpus: 2,
        ..ADAPTER_MACHINE
    };
    let limit = BESIDE + Duration::from_secs(u64::from(seconds) * 2);
    in_guest(setup, &machine, "races", limit, |vm| {
        // What the first load and the first rescan need stays.
        vm.check("/sbin/modprobe acs_quirks_test && acsctl groups >/dev/null")?;
        vm.readd_devices()?;
        vm.check("/sbin/rmmod acs_quirks_test")?;
        let memory = Memory::now(vm)?;
        for (name, line, _) in RUNNERS {
            repeat(vm, name, line)?;
        }
        vm.check(&format!("sleep {seconds}"))?;
        stop(vm)?;
        let (mut rounds, mut loads) = (Vec::new(), 0);
        for (name, _, least) in RUNNERS {
            let count = rounds_of(vm, name)?;
            if count < least / setup.kernel.slowness() {
                bail!("{name} went round {count} times");
            }
            if name == "load" {
                loads = count;
            }
            rounds.push(format!("{name} {count}"));
        }
        let growth = memory.growth(vm, loads)?;
        vm.readd_devices()?;
        let together = vm.groups()?.count("82:00");
        vm.check("/sbin/modprobe acs_quirks_test")?;
        vm.readd_devices()?;
        let apart = vm.groups()?.count("82:00");
        if (together, apart) != (1, 6) {
            bail!("in the end there are {together} groups without the module and {apart} with it");
        }
        println!(
            "rounds in {seconds} seconds: {}; {growth}",
            rounds.join(", ")
        );
        Ok(())
    })
}

/// Repeats a line of shell in the background, until [`stop`].
pub(super) fn repeat(vm: &mut Vm, name: &str, line: &str) -> Result<()> {
    vm.check(&format!(
        "(until test -e /tmp/stop; do {{ {line}; }} && echo >>/tmp/{name}.rounds || echo >>/tmp/{name}.faults; done; \
         touch /tmp/{name}.end) >/dev/null 2>&1 &"
    ))?;
    Ok(())
}

/// Lets each loop end with its round.
pub(super) fn stop(vm: &mut Vm) -> Result<()> {
    vm.check("touch /tmp/stop")?;
    Ok(())
}

/// Waits for the end of a loop, and returns its number of rounds. Fails when one of them failed.
pub(super) fn rounds_of(vm: &mut Vm, name: &str) -> Result<u32> {
    vm.check(&format!(
        "until test -e /tmp/{name}.end; do usleep 50000; done"
    ))?;
    let count = vm.check(&format!(
        "wc -l </tmp/{name}.rounds; test ! -e /tmp/{name}.faults"
    ))?;
    Ok(count.trim().parse()?)
}
