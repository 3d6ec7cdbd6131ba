// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl regroup`, killed at a random moment, while other processes change the host.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::CARDS;
use crate::{
    machine::{GuestHardware, Model},
    scenario::in_guest,
    scenarios::hardware::{first, second, two},
    setup::Setup,
    udev,
    variable::number,
    vm::Vm,
};

/// Default number of rounds. `ACS_QUIRKS_CHAOS` overrides it.
const ROUNDS: u32 = 10;
/// Time limits: for the boot, and for each round.
const BOOT: Duration = Duration::from_secs(120);
const ROUND: Duration = Duration::from_secs(40);
/// A run is killed before this time at the latest, in microseconds. Under emulation it takes half a second or more.
const LONGEST: u32 = 900_000;

const DISKS: &[Model] = &[
    Model::Stock("virtio-blk-pci,drive=disk0"),
    Model::Stock("virtio-blk-pci,drive=disk1"),
];

const MACHINE: GuestHardware = GuestHardware {
    cpus: 2,
    ..two(&[first(CARDS), second(DISKS)])
};

/// What other processes do during a run: a name, and shell that may fail.
const OTHERS: [(&str, &str); 8] = [
    ("nothing", "true"),
    ("unload", "/sbin/rmmod acs_quirks_test"),
    ("load", "/sbin/modprobe acs_quirks_test"),
    (
        "reload",
        "/sbin/rmmod acs_quirks_test; /sbin/modprobe acs_quirks_test",
    ),
    (
        "hot-plug",
        "echo 1 >/sys/bus/pci/devices/0000:02:00.0/remove; echo 1 >/sys/bus/pci/devices/0000:00:11.0/rescan",
    ),
    (
        "port",
        "echo 1 >/sys/bus/pci/devices/0000:00:11.0/remove; echo 1 >/sys/bus/pci/rescan",
    ),
    (
        "drivers",
        "/sbin/rmmod virtio_blk; /sbin/modprobe virtio_blk",
    ),
    ("second run", "acsctl regroup 02:00.0"),
];

/// How the run ends.
const ENDS: [&str; 3] = ["KILL", "TERM", ""];

/// What other processes do if udev runs, too.
const WITH_UDEV: (&str, &str) = ("coldplug", udev::COLDPLUG);

/// Runs the rounds. After each, the next run restores the host: every function has its driver, the groups are
/// those of the present claims, and nothing is left behind.
///
/// # Errors
///
/// When that is not so, with the number of the round and what happened in it.
pub(in crate::scenarios) fn test(setup: &Setup) -> Result<()> {
    rounds(setup, "regroup-chaos", &OTHERS, |vm| {
        vm.check("/sbin/modprobe -a e1000e virtio_pci virtio_blk")
            .map(drop)
    })
}

/// The same while udev loads the drivers of new devices and opens new disks.
///
/// # Errors
///
/// As [`test`].
pub(in crate::scenarios) fn with_udev(setup: &Setup) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let setup = udev::equip(setup, folder.path())?;
    let mut others = OTHERS.to_vec();
    others.push(WITH_UDEV);
    rounds(&setup, "regroup-udev", &others, |vm| {
        udev::start(vm)?;
        // The control: nothing but udev has loaded the drivers.
        vm.check("test -d /sys/module/e1000e && test -d /sys/module/virtio_blk")
            .map(drop)
    })
}

fn rounds(
    setup: &Setup,
    name: &str,
    others: &[(&str, &str)],
    prepare: impl FnOnce(&mut Vm) -> Result<()>,
) -> Result<()> {
    let rounds = number("ACS_QUIRKS_CHAOS", ROUNDS)?;
    let seed = number("ACS_QUIRKS_SEED", 1)?;
    let mut random = fastrand::Rng::with_seed(seed);
    in_guest(setup, &MACHINE, name, BOOT + ROUND * rounds, |vm| {
        prepare(vm)?;
        vm.check("test $(cat /sys/bus/pci/drivers_autoprobe) = 1")?;
        let mut killed = 0;
        for number in 0..rounds {
            let (other, action) = others[random.usize(..others.len())];
            let signal = ENDS[random.usize(..ENDS.len())];
            let [at, other_at] = [random.u32(..LONGEST), random.u32(..LONGEST)];
            let what = format!(
                "round {number}: {other} after {other_at} us, signal \"{signal}\" after {at} us, seed {seed}"
            );
            killed += round(vm, (action, other_at), (signal, at)).context(what)?;
        }
        ensure!(killed > 0, "no run was killed in {rounds} rounds");
        println!("rounds: {rounds}, in which {killed} runs were killed");
        Ok(())
    })
}

/// One round. Returns how many runs were killed: one or none.
fn round(vm: &mut Vm, (action, other_at): (&str, u32), (signal, at): (&str, u32)) -> Result<u32> {
    vm.check("/sbin/modprobe acs_quirks_test")?;
    let end = match signal {
        "" => String::new(),
        signal => format!("usleep {at}; kill -{signal} $p 2>/dev/null; "),
    };
    let ended = vm.check(&format!(
        "({{ usleep {other_at}; {action}; }} >/tmp/other 2>&1; touch /tmp/other-ended) & \
         acsctl regroup 01:00.0 >/tmp/out 2>&1 & p=$!; {end}wait $p; s=$?; \
         until test -e /tmp/other-ended; do usleep 10000; done; rm /tmp/other-ended; echo $s"
    ))?;
    // The other process may have failed halfway.
    vm.check("/sbin/modprobe virtio_blk; echo 1 >/sys/bus/pci/rescan")?;
    udev::settle(vm)?;
    let loaded = vm.run("test -d /sys/module/acs_quirks_test")?.status == 0;
    let last = vm.run("acsctl regroup 01:00.0")?;
    let first = vm.run("cat /tmp/out")?.text;
    let shown = || {
        format!(
            "the run said:\n{first}\nthe run after it said:\n{}",
            last.text
        )
    };
    ensure!(last.status == 0, "status {}: {}", last.status, shown());
    vm.check(
        "cd /sys/bus/pci/devices; for f in 0000:01:00.0 0000:01:00.1; do \
         test \"$(basename \"$(readlink $f/driver)\")\" = e1000e || { echo \"$f has another driver\"; exit 1; }; done; \
         for f in 0000:02:00.0 0000:02:00.1; do \
         test \"$(basename \"$(readlink $f/driver)\")\" = virtio-pci || { echo \"$f has another driver\"; exit 1; }; done; \
         test $(ls -d 0000:02:00.*/virtio*/driver | wc -l) = 2 || { echo a disk has no driver; exit 1; }; \
         test $(cat ../drivers_autoprobe) = 1 || { echo new devices get no driver; exit 1; }; \
         test \"$(ls /run/acsctl)\" = lock || { ls /run/acsctl; exit 1; }; \
         test -z \"$(ls /var/lib/acsctl 2>/dev/null)\" || { ls /var/lib/acsctl; exit 1; }",
    )
    .with_context(shown)?;
    let groups = vm.groups()?.count("01:00");
    let expected = if loaded { 2 } else { 1 };
    ensure!(
        groups == expected,
        "{groups} groups of the cards instead of {expected}; {}",
        shown()
    );
    Ok(u32::from(ended.trim().lines().last() == Some("137")))
}
