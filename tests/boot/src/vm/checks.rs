// SPDX-License-Identifier: GPL-2.0-only

//! What a boot ends with: the kernel reports no fault and no leaked memory.

use std::{thread, time::Duration};

use anyhow::{Result, bail};

use super::Vm;
use crate::detectors;

/// Pattern of the kernel's error messages.
const COMPLAINTS: &str = "WARNING:|BUG:|Oops|Internal error:|general protection fault|rcu_.* detected|refcount_t:|Kernel panic";

/// Minimum age of a block of memory that the kernel reports as leaked.
const LEAK_AGE: Duration = Duration::from_secs(6);

impl Vm<'_> {
    /// What a boot ends with: [`Vm::check_log`], and [`Vm::check_leaks`].
    ///
    /// # Errors
    ///
    /// As these.
    pub fn check_kernel(&mut self) -> Result<()> {
        self.check_log()?;
        self.check_leaks()
    }

    /// Fails when the kernel log contains a warning or an error.
    ///
    /// # Errors
    ///
    /// The warnings and errors in the log.
    pub fn check_log(&mut self) -> Result<()> {
        let mut lines = self.run(&format!("dmesg | grep -E '{COMPLAINTS}'"))?.text;
        if self.finds_races {
            let races = self.run("dmesg | sed -n '/BUG: KCSAN/,/=====/p'")?.text;
            lines = detectors::without_races(&lines) + &detectors::races_of_modules(&races);
        }
        if lines.contains(detectors::CYCLE) {
            let report = format!("dmesg | sed -n '/{}/,/stack backtrace/p'", detectors::CYCLE);
            let cycles = self.run(&report)?.text;
            lines = detectors::without_known_cycle(&lines, &cycles);
        }
        if !lines.is_empty() {
            bail!("the kernel complains:\n{lines}");
        }
        Ok(())
    }

    /// Fails when a kernel that searches for leaked memory ([`Kernel::finds_leaks`]) reports some.
    ///
    /// # Errors
    ///
    /// The kernel's report.
    ///
    /// [`Kernel::finds_leaks`]: crate::kernel::Kernel::finds_leaks
    pub fn check_leaks(&mut self) -> Result<()> {
        if !self.finds_leaks {
            return Ok(());
        }
        let leaks = detectors::unknown_leaks(&self.leaks()?);
        if !leaks.is_empty() {
            bail!("memory is lost:\n{leaks}");
        }
        Ok(())
    }

    /// The kernel's report of leaked memory. The kernel reports a block only at the second scan that finds it
    /// unchanged (`kmemleak_scan()` in `mm/kmemleak.c`).
    ///
    /// # Errors
    ///
    /// As [`Vm::check`].
    pub fn leaks(&mut self) -> Result<String> {
        thread::sleep(LEAK_AGE);
        self.check(
            "test -e /sys/kernel/debug/kmemleak || mount -t debugfs debugfs /sys/kernel/debug; \
             cd /sys/kernel/debug; echo scan >kmemleak && echo scan >kmemleak && cat kmemleak",
        )
    }
}
