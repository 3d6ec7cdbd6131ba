// SPDX-License-Identifier: GPL-2.0-only

//! An open debugfs file of a Rust module keeps the module loaded.

use anyhow::{Context, Result, ensure};
use boot::{
    machine::{GuestHardware, Iommu},
    scenario::{LIMIT, in_guest},
    setup::Setup,
};

/// The kernel's sample, and a file of it.
const MODULE: &str = "rust_debugfs_scoped";
const FILE: &str = "/sys/kernel/debug/rust_scoped_debugfs/control/create";

/// With the patch, the module can be unloaded only after the file is closed. On the control it can
/// be unloaded before. There the file stays open, because closing it calls into freed memory.
pub(crate) fn owned(patched: &Setup, control: &Setup) -> Result<()> {
    let machine = GuestHardware::bare(1, Iommu::None);
    let hold =
        format!("sleep 100000 3>{FILE} </dev/null >/dev/null 2>&1 & echo $! >/holder; sleep 1");
    let unload = format!("/sbin/rmmod {MODULE}");
    in_guest(patched, &machine, "upstream-debugfs", LIMIT, |vm| {
        vm.check(&format!("/sbin/modprobe {MODULE}"))?;
        vm.check(&hold)?;
        ensure!(
            vm.run(&unload)?.status != 0,
            "the module is unloaded while a file of it is open"
        );
        vm.check("kill $(cat /holder); sleep 1")?;
        vm.check(&unload).map(drop)
    })
    .context("with the patches")?;
    in_guest(control, &machine, "upstream-debugfs", LIMIT, |vm| {
        vm.check(&format!("/sbin/modprobe {MODULE}"))?;
        vm.check(&hold)?;
        vm.check(&unload).map(drop)
    })
    .context("without the patches")
}
