// SPDX-License-Identifier: GPL-2.0-only

//! The search of `pci_device_group()` on one bus instead of the whole machine: faster, and with the
//! same groups.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use boot::{
    oracle::{self, Oracle, Questions},
    setup::Setup,
    variable::number,
};
use random_topologies::topology;
use topology::{Bdf, Function, Topology};

/// Approximate number of functions of the machine whose grouping is timed.
const LARGE: usize = 1_000;
/// The patched kernel must be faster by this factor. For 540 functions, a factor of twelve was seen.
const FACTOR: u32 = 5;

/// Default number of random machines, which takes some minutes, and the number per boot.
const MACHINES: u64 = 100_000;
const BOOT: usize = 2_000;
/// Maximum number of functions of a random machine.
const MOST: usize = 400;

/// The patched kernel groups a large machine in a fraction of the time.
pub(crate) fn faster(patched: &Setup, control: &Setup) -> Result<()> {
    let after = time(patched).context("with the patches")?;
    let before = time(control).context("without the patches")?;
    println!("{LARGE} functions: {before:?} without the patches, {after:?} with them");
    ensure!(
        after * FACTOR < before,
        "{before:?} without the patches, {after:?} with them"
    );
    Ok(())
}

/// How long the kernel takes to group a large machine. Its groups must be those of the model.
fn time(setup: &Setup) -> Result<Duration> {
    let verdicts = quirk_data::handlers::newest(&oracle::kernel_quirks()?);
    let questions = Questions {
        verdicts: false,
        model: true,
    };
    let described = oracle::describe(&oracle::server(LARGE), &verdicts, questions)?;
    let mut answers = Oracle::new(setup, false, &[]).ask(&[described])?;
    let answer = answers.pop().context("there is no answer")??;
    let found = answer.in_kernel.context("the model was not asked")?;
    ensure!(found.is_same, "the model makes other groups");
    Ok(found.kernel)
}

/// On random machines, the patched kernel makes the groups of the model, which are those of the
/// unpatched kernel for the same facts about the functions. The model runs in the kernel on the
/// kernel's own facts, because the corrected port types differ from those of the release.
///
/// `ACS_QUIRKS_RANDOM` is the number of machines, `ACS_QUIRKS_SEED` the seed of the first.
pub(crate) fn same(patched: &Setup) -> Result<()> {
    let verdicts = quirk_data::handlers::newest(&oracle::kernel_quirks()?);
    let count = number("ACS_QUIRKS_RANDOM", MACHINES)?;
    let first = number("ACS_QUIRKS_SEED", 1)?;
    let seeds: Vec<u64> = (first..first + count).collect();
    let in_one_boot = |seeds: &[u64]| {
        let [mut functions, mut hidden, mut several, mut by_correction] = [0; 4];
        let titles: Vec<String> = seeds.iter().map(|seed| format!("seed {seed}")).collect();
        let machines = seeds.iter().map(|&seed| topology(seed, MOST));
        let named: Vec<_> = titles.iter().map(String::as_str).zip(machines).collect();
        for (index, answer) in oracle::ask(patched, &named, &verdicts)? {
            let found = answer.kernel.in_kernel.context("the model was not asked")?;
            let unscanned = &answer.kernel.missing;
            ensure!(
                found.is_same && is_by_corrected_type(&named[index].1, unscanned),
                "kernel and model differ on the machine of {}; the kernel has no group for {unscanned:?}, and has {:?}",
                titles[index],
                answer.kernel.groups
            );
            hidden += unscanned.len() as u64;
            functions += named[index].1.functions.len() as u64;
            several += u64::from(answer.kernel.groups.len() > 1);
            by_correction += u64::from(answer.kernel.groups != answer.model);
        }
        Ok([functions, hidden, several, by_correction])
    };
    let [functions, hidden, several, by_correction] =
        oracle::in_boots(patched, &seeds, BOOT, in_one_boot)?;
    println!(
        "machines {count}, functions {functions}, hidden by corrected port types {hidden}, with several groups {several}, where corrected port types matter {by_correction}"
    );
    // Machines with only one group show little.
    ensure!(count < 100 || several * 2 > count);
    Ok(())
}

/// Whether the kernel has left out these functions because it has corrected the type of a port: below a downstream port,
/// it looks for device 0 alone (`only_one_child()` in `drivers/pci/probe.c`). A random machine may have more there.
fn is_by_corrected_type(machine: &Topology, unscanned: &[Bdf]) -> bool {
    let is_below_unscanned = |bdf: &Bdf| {
        let mut functions = machine.functions.iter();
        let is_above = |function: &&Function| {
            (function.bdf.bus().0, function.secondary) == (bdf.bus().0, Some(bdf.bus().1))
        };
        functions
            .find(is_above)
            .is_some_and(|bridge| unscanned.contains(&bridge.bdf))
    };
    let is_behind_unscanned = |bdf: &Bdf| {
        let vmd = machine.vmd.get(&bdf.domain);
        vmd.is_some_and(|vmd| unscanned.contains(vmd))
    };
    let mut functions = unscanned.iter();
    functions.all(|bdf| bdf.slot() != 0 || is_below_unscanned(bdf) || is_behind_unscanned(bdf))
}
