// SPDX-License-Identifier: GPL-2.0-only

//! The demonstration: a stock kernel, a six-function adapter, and its groups before and after.
//!
//! Exit status 0 when the functions were together before, stayed together without the module, and
//! are apart with it; 1 when not; 2 when it could not be tried.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use boot::{
    groups::Groups, kernel::Kernel, scenarios::hardware::ADAPTER_MACHINE, setup::Setup, vm::Vm,
};

/// What the functions of the adapter are, by number.
const FUNCTIONS: [&str; 6] = [
    "1077:8030 network",
    "1077:8030 network",
    "1077:8031 Fibre Channel over Ethernet",
    "1077:8031 Fibre Channel over Ethernet",
    "1077:8032 iSCSI",
    "1077:8032 iSCSI",
];
const SLOT: &str = "82:00";
const LIMIT: Duration = Duration::from_secs(180);

fn main() -> ExitCode {
    match demonstrate() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("The demonstration could not be run: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn demonstrate() -> Result<bool> {
    let start = Instant::now();
    let say = |text: &str| println!("[{:5.1} s] {text}", start.elapsed().as_secs_f64());

    println!();
    say("packing the guest's files; the first time also trying whether KVM works here");
    let kernel = Kernel::from_env()?.pop().context("no kernel is prepared")?;
    let folder = tempfile::tempdir()?;
    let setup = Setup::new(kernel, folder.path())?;
    let log = setup.kernel.logs.join("demo.log");

    say(&format!(
        "booting Debian's unmodified kernel {} in QEMU, with an Intel IOMMU",
        setup.kernel.release
    ));
    let mut vm = Vm::boot(&setup, &ADAPTER_MACHINE, start + LIMIT, &log)
        .with_context(|| format!("the guest's log: {}", log.display()))?;

    say("it is up; a two-port adapter with six functions is at 82:00");
    let before = vm.groups()?;

    say("control: removing and rescanning the adapter, without the module");
    vm.readd_packages()?;
    let control = vm.groups()?;

    say("modprobe acs_quirks_test");
    vm.check("/sbin/modprobe acs_quirks_test")?;
    for line in vm.logged("acs_quirks_test: table")? {
        println!("          {line}");
    }

    say("regroup: removing and rescanning the adapter once more");
    vm.readd_packages()?;
    let after = vm.groups()?;
    for line in vm.logged("82:00.2: acs_quirks")? {
        println!("          {line}");
    }
    say("done");

    table(&before, &control, &after);
    let worked =
        distinct(&before) == 1 && distinct(&control) == 1 && distinct(&after) == FUNCTIONS.len();
    verdict(worked);
    if !worked {
        vm.save_log(&log)?;
        println!("The guest's log: {}", log.display());
    }
    Ok(worked)
}

/// How many groups the adapter's functions are in; 0 when functions are missing.
fn distinct(groups: &Groups) -> usize {
    let list: Vec<u32> = groups.below(SLOT).map(|(_, group)| group).collect();
    let set: std::collections::BTreeSet<u32> = list.iter().copied().collect();
    if list.len() == FUNCTIONS.len() {
        set.len()
    } else {
        0
    }
}

/// The groups side by side.
fn table(before: &Groups, control: &Groups, after: &Groups) {
    println!();
    println!("                                                      IOMMU group");
    println!("  function                                            before   control  with module");
    println!("  --------------------------------------------------  -------  -------  -----------");
    for (number, what) in FUNCTIONS.iter().enumerate() {
        let address = format!("{SLOT}.{number}");
        let group = |groups: &Groups| {
            groups
                .of(&address)
                .map_or_else(|| "-".to_owned(), |group| group.to_string())
        };
        println!(
            "  {address}  {what:<41}  {:>7}  {:>7}  {:>11}",
            group(before),
            group(control),
            group(after)
        );
    }
    println!();
}

/// What to make of it.
fn verdict(worked: bool) {
    if worked {
        println!("Before, all six functions could go to one virtual machine only; now each can go");
        println!("to its own. The kernel is the one that Debian ships.");
        println!();
        println!("The entry behind this is a test entry: no vendor has stated that these");
        println!("functions are isolated, so it builds only into a test module, which taints the");
        println!("kernel.");
    } else {
        println!("This is not what should have come out.");
    }
}
