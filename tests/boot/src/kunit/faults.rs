// SPDX-License-Identifier: GPL-2.0-only

//! Loads the module while memory runs out: one allocation after the other fails on purpose.

use anyhow::{Context, Result, bail};

use crate::vm::Vm;

/// One edition is enough: all editions have the same code.
const MODULE: &str = "acs_quirks_test";
/// More allocations than the initialisation of the module makes.
const MOST: u32 = 400;
/// Only allocations below this kernel function fail. It calls a module's initialisation.
const WITHIN: &str = "do_init_module";
const DEBUG: &str = "/sys/kernel/debug";

/// Makes each allocation of the module's initialisation fail once. Either the module does not load
/// and frees everything, or it loads and can be unloaded. At the end, it must load while no fault
/// is injected.
///
/// # Errors
///
/// The first expectation that is not met.
pub(super) fn survive(vm: &mut Vm) -> Result<()> {
    let withdraw = all_but_one_entry(vm)?;
    set_up(vm)?;
    let mut refused = 0;
    for nth in 1..=MOST {
        let before = left(vm)?;
        // busybox's insmod would retry with another system call.
        let load =
            format!("echo {nth} >/proc/self/fail-nth; exec /sbin/modprobe {MODULE} {withdraw}");
        let loads = vm.run(&format!("sh -c '{load}'"))?.status == 0;
        let failed = left(vm)? < before;
        refused += u32::from(!loads);
        if loads {
            vm.check(&format!("/sbin/rmmod {MODULE}"))?;
        } else if !failed {
            bail!("it does not load, and no allocation has failed");
        }
        check_nothing_left(vm).with_context(|| format!("after allocation {nth} has failed"))?;
        if !failed {
            // No allocation is left to fail.
            if refused == 0 {
                bail!("no allocation keeps it from loading; {nth} were tried");
            }
            return vm.check_log();
        }
    }
    bail!("it has more than {MOST} allocations")
}

/// The parameter that leaves one entry active. Initialisation asks the kernel about each active
/// entry, and each question makes the same allocations.
fn all_but_one_entry(vm: &mut Vm) -> Result<String> {
    let table = vm.check(&format!(
        "/sbin/modprobe {MODULE} && cat {DEBUG}/{MODULE}/table && /sbin/rmmod {MODULE}"
    ))?;
    let entries = table.lines().skip(1);
    let numbers: Vec<_> = entries.filter_map(|line| line.split(' ').next()).collect();
    match numbers.split_first() {
        Some((_, rest)) if !rest.is_empty() => Ok(format!("withdraw={}", rest.join(","))),
        _ => bail!("the module's table does not have two entries:\n{table}"),
    }
}

/// Makes allocations that may sleep fail too, but only below a module's initialisation.
fn set_up(vm: &mut Vm) -> Result<()> {
    let symbols = vm.check(&format!("grep -A1 ' {WITHIN}$' /proc/kallsyms"))?;
    let mut addresses = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let (Some(start), Some(end)) = (addresses.next(), addresses.next()) else {
        bail!("the kernel's symbols do not have {WITHIN}:\n{symbols}");
    };
    for kind in ["failslab", "fail_page_alloc"] {
        let settings = [
            ("ignore-gfp-wait", "N".to_owned()),
            ("require-start", format!("0x{start}")),
            ("require-end", format!("0x{end}")),
            ("times", MOST.to_string()),
        ];
        for (name, value) in settings {
            vm.check(&format!("echo {value} >{DEBUG}/{kind}/{name}"))?;
        }
    }
    vm.check(&format!("echo 0 >{DEBUG}/fail_page_alloc/min-order"))?;
    Ok(())
}

/// The number of faults still to be injected. The log does not list all that were injected.
fn left(vm: &mut Vm) -> Result<u32> {
    let times = vm.check(&format!("cat {DEBUG}/fail*/times"))?;
    let mut sum = 0;
    for number in times.split_whitespace() {
        sum += number.parse::<u32>().context("not a number")?;
    }
    Ok(sum)
}

/// Fails when the module has not freed everything.
fn check_nothing_left(vm: &mut Vm) -> Result<()> {
    let found = vm.run(&format!(
        "ls -d /sys/module/{MODULE} {DEBUG}/{MODULE} 2>/dev/null; cat {DEBUG}/kprobes/list"
    ))?;
    if !found.text.is_empty() {
        bail!("there still is: {}", found.text);
    }
    Ok(())
}
