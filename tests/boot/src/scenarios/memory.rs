// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's memory before and after a test that loads the module many times.

use anyhow::{Result, ensure};

use crate::vm::Vm;

/// The kernel's own memory in KiB, once what it can free is free.
const USED: &str = "sync; echo 3 >/proc/sys/vm/drop_caches; sleep 2; \
     awk '/^(Slab|KernelStack|PageTables|Percpu|VmallocUsed):/ { sum += $2 } END { print sum }' /proc/meminfo";
/// How much it may grow in KiB: at all, and with each load. A module that keeps a page at each load, or a device that
/// is never freed, is above that after some thousands.
const GROWTH: (u32, u32) = (4096, 1);
/// How many objects of 4 KiB the kernel has. The self-test of a load allocates a `struct pci_dev` from these.
const OBJECTS: &str = "awk '$1 == \"kmalloc-4k\" { print $2 }' /proc/slabinfo";
/// So many more are a leak, whatever the number of loads.
const LEAK: u32 = 60;

/// What the kernel uses before a test.
pub(super) struct Memory {
    /// In KiB.
    used: u32,
    /// Of 4 KiB.
    objects: u32,
}

impl Memory {
    /// What it uses now.
    ///
    /// # Errors
    ///
    /// As [`Vm::check`].
    pub(super) fn now(vm: &mut Vm) -> Result<Self> {
        Ok(Self {
            used: vm.check(USED)?.trim().parse()?,
            objects: vm.check(OBJECTS)?.trim().parse()?,
        })
    }

    /// Describes the growth since then.
    ///
    /// # Errors
    ///
    /// When the kernel uses more than so many loads may add.
    pub(super) fn growth(&self, vm: &mut Vm, loads: u32) -> Result<String> {
        let now = Self::now(vm)?;
        let growth = format!(
            "the kernel's memory: {} KiB, then {}; objects of 4 KiB: {}, then {}",
            self.used, now.used, self.objects, now.objects
        );
        ensure!(
            now.used <= self.used + GROWTH.0 + GROWTH.1 * loads
                && now.objects < self.objects + LEAK,
            "after {loads} loads, too much is in use: {growth}"
        );
        Ok(growth)
    }
}
