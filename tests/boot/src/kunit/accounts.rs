// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's own accounts: what it has in memory and in sysfs, and whether something stays behind.

use std::{collections::BTreeMap, thread, time::Duration};

use anyhow::{Context, Result, bail};

use crate::vm::Vm;

/// How many machines come and go: so many in one run of the suite, and so many runs.
const CYCLES: u64 = 10 * 100;
const RUNS: &str =
    "for run in $(seq 100); do echo 1 >/sys/kernel/debug/kunit/acs_quirks_cycles/run; done";
/// What is freed under RCU is freed a while later.
const SETTLE: Duration = Duration::from_secs(2);
/// Slab caches keep freed objects at hand, more than a thousand small ones, which count as in use.
const SHRINK: &str = "for cache in /sys/kernel/slab/*/shrink; do echo 1 >$cache; done";
/// How old a block of memory must be for the kernel to call it lost.
const LEAK_AGE: Duration = Duration::from_secs(6);

/// What the kernel has.
#[derive(Debug)]
struct Accounts {
    /// Objects in use, by slab cache.
    slabs: BTreeMap<String, u64>,
    /// Files and folders in sysfs.
    files: u64,
}

impl Accounts {
    fn read(vm: &mut Vm) -> Result<Self> {
        thread::sleep(SETTLE);
        vm.check(SHRINK)?;
        // First, for it leaves what it has found in a cache.
        let files =
            vm.check("find /sys/devices /sys/bus /sys/class /sys/kernel/iommu_groups | wc -l")?;
        let slabs = vm.check("tail -n +3 /proc/slabinfo")?;
        let slabs = slabs.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
        });
        let accounts = Self {
            slabs: slabs.collect(),
            files: files.trim().parse().context("not a number")?,
        };
        if accounts.slabs.is_empty() {
            bail!("/proc/slabinfo has no cache");
        }
        Ok(accounts)
    }
}

/// Has a thousand machines come and go, and compares the accounts. Those that came before have filled what
/// is filled once.
///
/// # Errors
///
/// When something has stayed behind that may have been left by each machine.
pub(super) fn balance(vm: &mut Vm) -> Result<()> {
    let before = Accounts::read(vm)?;
    vm.check(RUNS)?;
    let after = Accounts::read(vm)?;
    if before.files != after.files {
        bail!("sysfs had {} files, and has {}", before.files, after.files);
    }
    for (cache, count) in &after.slabs {
        let was = before.slabs.get(cache).copied().unwrap_or(0);
        // Other things go on in the kernel.
        if count.saturating_sub(was) >= CYCLES / 2 {
            bail!("the slab cache {cache} had {was} objects in use, and has {count}");
        }
    }
    Ok(())
}

/// Fails when the kernel has lost memory.
///
/// # Errors
///
/// With what it says of the blocks.
pub(super) fn check_leaks(vm: &mut Vm) -> Result<()> {
    thread::sleep(LEAK_AGE);
    let leaks = vm.check("cd /sys/kernel/debug; echo scan >kmemleak; cat kmemleak")?;
    if !leaks.is_empty() {
        bail!("memory is lost:\n{leaks}");
    }
    Ok(())
}
