// SPDX-License-Identifier: GPL-2.0-only

//! Compares the time of `acsctl regroup` with that of a removal and rescan by hand, in the same
//! boot. Reports the fastest round of each, because other load on the host only adds time, and the
//! ratio.

use std::{
    fs,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use boot::{
    kernel::Kernel,
    machine::{GuestHardware, Model},
    scenarios::hardware::{ADAPTER_MACHINE, first, pair, second, two},
    setup::Setup,
    vm::Vm,
};

const ROUNDS: usize = 15;
/// The program of `make acsctl`, which keeps its path in the guest.
const ACSCTL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../build/acsctl");
const LIMIT: Duration = Duration::from_secs(300);
const CARDS: &[Model] = &[
    Model::Stock("e1000e,romfile="),
    Model::Stock("e1000e,romfile="),
];
const OTHER: &[Model] = &pair(0x1234, 0x0bad);
/// The cases: name, hardware, address of the device, and driver.
const CASES: [(&str, GuestHardware, &str, Option<&str>); 2] = [
    (
        "six functions without a driver",
        ADAPTER_MACHINE,
        "82:00",
        None,
    ),
    (
        "two network cards with their driver",
        two(&[first(CARDS), second(OTHER)]),
        "01:00",
        Some("e1000e"),
    ),
];

fn main() -> ExitCode {
    boot::host::ended(measure(), "regroup-cost", 2)
}

fn measure() -> Result<()> {
    let kernel = Kernel::from_env()?.pop().context("no kernel is prepared")?;
    let folder = tempfile::tempdir()?;
    // The guests' own acsctl is not optimized.
    let acsctl = fs::canonicalize(ACSCTL).context("there is no build/acsctl; run: make acsctl")?;
    let setup = Setup::new(kernel, folder.path())?.with_program(folder.path(), &acsctl, &[])?;
    let log = setup.kernel.logs.join("regroup-cost.log");
    for (what, machine, address, driver) in CASES {
        let mut vm = Vm::boot(&setup, &machine, Instant::now() + LIMIT, &log)?;
        if let Some(driver) = driver {
            vm.check(&format!("/sbin/modprobe {driver}"))?;
        }
        let regroup = format!("{} regroup {address}.0 >/dev/null", acsctl.display());
        let lines = [bare(address), format!("{regroup} --dry-run"), regroup];
        let mut times = [Duration::MAX; 3];
        for _ in 0..ROUNDS {
            // Each measurement begins with one group and ends with a split.
            for (fastest, line) in times.iter_mut().zip(&lines) {
                vm.readd(&[address])?;
                vm.check("/sbin/modprobe acs_quirks_test")?;
                let start = Instant::now();
                vm.check(line)?;
                *fastest = start.elapsed().min(*fastest);
                vm.check("/sbin/rmmod acs_quirks_test")?;
            }
        }
        let [bare, planned, regrouped] = times;
        println!(
            "{what}: bare {bare:.0?}, acsctl regroup {regrouped:.0?} (of it the plan {planned:.0?}), ratio {:.2}",
            regrouped.as_secs_f64() / bare.as_secs_f64()
        );
    }
    Ok(())
}

/// Remove and rescan by hand, as in the owner's guide.
fn bare(address: &str) -> String {
    format!(
        "for f in /sys/bus/pci/devices/0000:{address}.*; do echo 1 >$f/remove; done; echo 1 >/sys/bus/pci/rescan"
    )
}
