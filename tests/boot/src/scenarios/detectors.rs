// SPDX-License-Identifier: GPL-2.0-only

//! The control of every test on a kernel with detectors: the kernel reports the faults that a module makes on purpose, in Rust
//! code that is instrumented as the project's modules are, and the check at the end of a boot sees the reports.

use std::time::Duration;

use anyhow::{Result, bail};

use super::hardware::ADAPTER_MACHINE;
use crate::{scenario::in_guest, setup::Setup};

/// Time limit for the boot and the scans for leaked memory.
const LIMIT: Duration = Duration::from_secs(120);

/// Loads the module that makes the faults.
///
/// # Errors
///
/// When the check at the end of a boot does not fail with each report.
pub(super) fn test(setup: &Setup) -> Result<()> {
    // A report must not end this guest.
    let setup = Setup {
        options: "panic_on_warn=0 kasan.fault=report",
        ..setup.clone()
    };
    let kernel = &setup.kernel;
    let expected = [
        (
            kernel.finds_races(),
            "BUG: KCSAN: data-race in acs_quirks_add_one",
        ),
        (
            kernel.finds_bad_accesses(),
            "BUG: KASAN: slab-use-after-free in acs_quirks_read",
        ),
    ];
    in_guest(&setup, &ADAPTER_MACHINE, "detectors", LIMIT, |vm| {
        vm.check_kernel()?;
        vm.check("/sbin/modprobe acs_quirks_faults")?;
        for (_, report) in expected.iter().filter(|(is_expected, _)| *is_expected) {
            must_report(vm.check_log(), report)?;
        }
        if kernel.finds_leaks() {
            must_report(vm.check_leaks(), "[acs_quirks_faults]")?;
        }
        vm.check("dmesg -c >/dev/null; ! cd /sys/kernel/debug || test ! -e kmemleak || echo clear >kmemleak")?;
        Ok(())
    })
}

fn must_report(outcome: Result<()>, report: &str) -> Result<()> {
    match outcome {
        Err(error) if error.to_string().contains(report) => Ok(()),
        outcome => bail!("the check must report {report:?}, and says {outcome:?}"),
    }
}
