// SPDX-License-Identifier: GPL-2.0-only

//! Detects leaks with the kernel's own accounts: objects in memory and files in sysfs.

use std::{collections::BTreeMap, thread, time::Duration};

use anyhow::{Context, Result, bail};

use crate::vm::Vm;

/// Number of machines in a run of the suite, and number of runs.
const CYCLES: u64 = 10 * 100;
const RUNS: &str =
    "for run in $(seq 100); do echo 1 >/sys/kernel/debug/kunit/acs_quirks_cycles/run; done";
/// Time that the kernel needs to free memory that RCU protects.
const SETTLE: Duration = Duration::from_secs(2);
/// Slab caches keep freed objects: more than a thousand small ones, which count as in use.
const SHRINK: &str = "for cache in /sys/kernel/slab/*/shrink; do echo 1 >$cache; done";

/// The kernel's accounts at one moment.
#[derive(Debug)]
struct Accounts {
    /// Objects in use, by slab cache.
    slabs: BTreeMap<String, u64>,
    /// Number of files and folders in sysfs.
    files: u64,
}

impl Accounts {
    fn read(vm: &mut Vm) -> Result<Self> {
        thread::sleep(SETTLE);
        vm.check(SHRINK)?;
        // This command comes first, because it leaves objects in a cache.
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

/// Compares the accounts before and after a thousand machines. A first round fills caches that are
/// filled only once.
///
/// # Errors
///
/// When the difference is so large that each machine may have leaked something.
pub(super) fn balance(vm: &mut Vm) -> Result<()> {
    let before = Accounts::read(vm)?;
    vm.check(RUNS)?;
    let after = Accounts::read(vm)?;
    if before.files != after.files {
        bail!("sysfs had {} files, and has {}", before.files, after.files);
    }
    for (cache, count) in &after.slabs {
        let was = before.slabs.get(cache).copied().unwrap_or(0);
        // Other activity of the kernel causes small differences.
        if count.saturating_sub(was) >= CYCLES / 2 {
            bail!("the slab cache {cache} had {was} objects in use, and has {count}");
        }
    }
    Ok(())
}

/// Loses memory on purpose, with a module that the kernel must report: the control of
/// [`Vm::check_leaks`].
///
/// # Errors
///
/// When the kernel does not report it.
pub(super) fn lose(vm: &mut Vm) -> Result<()> {
    vm.check("/sbin/modprobe acs_quirks_faults")?;
    let leaks = vm.leaks()?;
    if !leaks.contains("[acs_quirks_faults]") {
        bail!("the kernel does not report what acs_quirks_faults has lost:\n{leaks}");
    }
    Ok(())
}
