// SPDX-License-Identifier: GPL-2.0-only

//! Functions that stop answering after a number of reads. The numbers cover enumeration, decision
//! and regroup.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Result, bail};

use super::hardware::WITH_STRANGER;
use crate::{groups::Groups, scenario::in_guest, setup::Setup, vm::Vm};

const STRANGER: usize = 2;
const DEVICES: [&str; 2] = ["01:00", "02:00"];
/// Upper bound of the reads from a function between its discovery and the assignment of its group.
const READS: u64 = 100;
/// Step between two numbers of reads: where a claim could be wrong, and elsewhere.
const FINE: usize = 2;
const COARSE: usize = 9;
const LIMIT: Duration = Duration::from_secs(300);

/// Tries all numbers. A device with a function that no entry covers may only get groups that it
/// also gets without the module. When all functions answer again, the groups must be as at the
/// beginning.
///
/// # Errors
///
/// The function, and after how many reads it stopped answering.
pub(super) fn test(setup: &Setup) -> Result<()> {
    // A slow kernel tries fewer numbers, in about the same time.
    let slowness = usize::try_from(setup.kernel.slowness())?;
    let (fine, coarse) = (FINE * slowness, COARSE * slowness);
    in_guest(setup, &WITH_STRANGER, "silences", LIMIT, |vm| {
        // The control: without the module, the kernel may also misread a function that stops
        // answering.
        let without: BTreeSet<Groups> = (0..READS)
            .step_by(fine)
            .map(|reads| beside_stranger(vm, reads))
            .collect::<Result<_>>()?;
        vm.check("/sbin/modprobe acs_quirks_test")?;
        check_recovered(vm)?;
        let mut tried = 0;
        let (mut seen, mut unseen) = (0, 0);
        for reads in (0..READS).step_by(fine) {
            let groups = beside_stranger(vm, reads)?;
            if groups.of("01:00.2").is_none() {
                unseen += 1;
            } else if without.contains(&groups) {
                seen += 1;
            } else {
                bail!(
                    "beside a stranger that answers {reads} reads there are groups that the kernel does not make:\n{groups}"
                );
            }
            check_recovered(vm)?;
            tried += 1;
        }
        // The test proves nothing unless some rescans find the function and some do not.
        if seen == 0 || unseen == 0 {
            bail!("the stranger was found {seen} times, and missing {unseen} times");
        }
        for function in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for reads in (0..READS).step_by(coarse) {
                rescanned(vm, function, reads)?;
                check_recovered(vm)?;
                tried += 1;
            }
        }
        for reads in (0..READS).step_by(coarse) {
            regrouped(vm, reads)?;
            tried += 1;
        }
        errors_above(vm)?;
        println!("functions that fell silent: {tried}");
        Ok(())
    })
}

/// The groups of the first device when the function that no entry covers stops answering after
/// `reads` reads. Groups are numbered from 0 in the order of their first members.
fn beside_stranger(vm: &mut Vm, reads: u64) -> Result<Groups> {
    Ok(rescanned(vm, (0, STRANGER), reads)?.within(DEVICES[0]))
}

/// The groups after a rescan of a device during which one of its functions stops answering after
/// `reads` reads.
fn rescanned(vm: &mut Vm, (device, function): (usize, usize), reads: u64) -> Result<Groups> {
    let address = DEVICES[device];
    vm.check(&format!(
        "for d in /sys/bus/pci/devices/0000:{address}*; do echo 1 >$d/remove; done"
    ))?;
    vm.served(device, function)?.answer(reads)?;
    vm.check("echo 1 >/sys/bus/pci/rescan")?;
    let groups = vm.groups();
    vm.served(device, function)?.answer(u64::MAX)?;
    groups
}

/// Fails unless both devices get the expected groups when all functions answer.
fn check_recovered(vm: &mut Vm) -> Result<()> {
    vm.readd_devices()?;
    let groups = vm.groups()?;
    let expected: [&[&str]; 3] = [
        &["01:00.0", "01:00.1", "01:00.2"],
        &["02:00.0"],
        &["02:00.1"],
    ];
    match groups.differ(&expected) {
        Some(difference) => bail!("all functions answer again: {difference}"),
        None => Ok(()),
    }
}

/// A regroup during which a function stops answering reports it or succeeds. A second regroup,
/// while all functions answer, restores everything. If the kernel has read the identity of the
/// function as ones, the second regroup reports a different function, and a third succeeds.
fn regrouped(vm: &mut Vm, reads: u64) -> Result<()> {
    vm.check("/sbin/rmmod acs_quirks_test && /sbin/modprobe acs_quirks_test withdraw=all")?;
    vm.readd(&[DEVICES[1]])?;
    vm.check("/sbin/rmmod acs_quirks_test && /sbin/modprobe acs_quirks_test")?;
    vm.served(1, 1)?.answer(reads)?;
    let answer = vm.run("acsctl regroup 02:00.0 --timeout 20")?;
    vm.served(1, 1)?.answer(u64::MAX)?;
    if !matches!(answer.status, 0..=2) {
        bail!(
            "after {reads} reads, regroup ends with {}:\n{}",
            answer.status,
            answer.text
        );
    }
    vm.check("echo 1 >/sys/bus/pci/rescan; test $(cat /sys/bus/pci/drivers_autoprobe) = 1")?;
    let mut again = vm.run("acsctl regroup 02:00.0")?;
    if again.status == 1
        && again
            .text
            .contains("another function is at this address now")
    {
        again = vm.run("acsctl regroup 02:00.0")?;
    }
    if again.status != 0 || vm.groups()?.count(DEVICES[1]) != 2 {
        bail!(
            "after {reads} reads, regroup says:\n{}\nand then, with status {}:\n{}",
            answer.text,
            again.status,
            again.text
        );
    }
    Ok(())
}

/// Injects errors that the port above reports, from correctable to fatal. On some, the kernel
/// resets the devices below.
fn errors_above(vm: &mut Vm) -> Result<()> {
    for error in ["RCVR", "BAD_TLP", "COMP_TIME", "POISON_TLP", "DLP"] {
        let before = vm.groups()?;
        vm.inject("port2", error)?;
        vm.check("sleep 1")?;
        if vm.groups()? != before {
            bail!("an error {error} of the port changes groups");
        }
        check_recovered(vm)?;
    }
    if vm.logged("AER: ")?.is_empty() {
        bail!("the kernel has not heard of the port's errors");
    }
    Ok(())
}
