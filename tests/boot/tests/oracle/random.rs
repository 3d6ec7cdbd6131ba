// SPDX-License-Identifier: GPL-2.0-only

//! Random machines: the kernel's groups equal the model's.
//!
//! `ACS_QUIRKS_RANDOM` is the number of machines, and `ACS_QUIRKS_SEED` the seed of the first. A
//! machine on which kernel and model differ is shrunk as long as they differ, and written to a
//! file.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use boot::{
    kernel,
    oracle::{self, Groups},
    setup::Setup,
    variable::number,
};
use grouping::handlers::Handlers;
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use random_topologies::{Tree, topologies};
use topology::Topology;

/// Default number of machines, for all kernels together.
const MACHINES: u64 = 10_000;
/// Number of machines per boot.
const BOOT: usize = 2_500;
/// Maximum number of functions of a machine.
const MOST: usize = 400;
/// Maximum number of boots to shrink one machine. Each boot asks about all next smaller machines.
const ROUNDS: usize = 60;
/// Maximum number of smaller machines per boot.
const STEPS: usize = 200;

/// The machine of a seed.
fn draw(seed: u64) -> Result<Tree> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let tree = topologies(MOST).new_tree(&mut runner);
    tree.map_err(|reason| anyhow::anyhow!("seed {seed}: {reason}"))
}

/// Kernel and model give every machine the same groups.
pub(crate) fn same(setup: &Setup) -> Result<()> {
    let kernels = kernel::Kernel::from_env()?.len() as u64;
    let count = number("ACS_QUIRKS_RANDOM", MACHINES.div_ceil(kernels))?;
    let first = number("ACS_QUIRKS_SEED", 1)?;
    let quirks = oracle::kernel_quirks()?;
    let verdicts = quirk_data::handlers::newest(&quirks);
    let none = quirk_data::handlers::newest(&[]);
    let seeds: Vec<u64> = (first..first + count).collect();
    let [functions, several, by_quirks] = oracle::in_boots(setup, &seeds, BOOT, |seeds| {
        let [mut functions, mut several, mut by_quirks] = [0; 3];
        let mut machines = Vec::new();
        for &seed in seeds {
            machines.push(draw(seed)?.current());
        }
        let answers = ask(setup, &machines, &verdicts)
            .with_context(|| format!("machine 0 has the seed {}", seeds[0]))?;
        for ((&seed, machine), answer) in seeds.iter().zip(&machines).zip(answers) {
            functions += machine.functions.len() as u64;
            several += u64::from(answer.kernel.groups.len() > 1);
            let machine = oracle::with_kernel(machine, &setup.kernel);
            let plain = oracle::model(&machine, &none).ok();
            by_quirks += u64::from(plain.as_ref() != Some(&answer.model));
            if answer.difference().is_some() {
                return Err(mismatch(setup, seed, &verdicts));
            }
        }
        Ok([functions, several, by_quirks])
    })?;
    println!(
        "machines {count}, functions {functions}, with several groups {several}, where quirks matter {by_quirks}"
    );
    // Machines with only one group show little, and so do machines without quirks.
    ensure!(count < 100 || several * 2 > count && by_quirks * 20 > count);
    Ok(())
}

fn ask(setup: &Setup, machines: &[Topology], verdicts: &Handlers) -> Result<Vec<Groups>> {
    let titles: Vec<_> = (0..machines.len())
        .map(|index| format!("machine {index}"))
        .collect();
    let named = titles
        .iter()
        .map(String::as_str)
        .zip(machines.iter().cloned());
    let answers = oracle::ask(setup, &named.collect::<Vec<_>>(), verdicts)?;
    Ok(answers.into_values().collect())
}

/// The error for a machine on which kernel and model differ. It names the file with the smallest
/// machine found.
fn mismatch(setup: &Setup, seed: u64, verdicts: &Handlers) -> anyhow::Error {
    let found = smallest(setup, seed, verdicts).and_then(|(machine, groups)| {
        let folder = kernel::cache()?.join("logs/mismatches");
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{}-{seed}.json", setup.kernel.name));
        topology::write(&machine, &mut fs::File::create(&file)?)?;
        let difference = groups.difference().map(|difference| difference.to_string());
        Ok((file, difference.unwrap_or_default()))
    });
    match found {
        Ok((file, difference)) => anyhow::anyhow!(
            "seed {seed}: kernel and model differ; the smallest such machine is in {}:\n{difference}",
            file.display()
        ),
        Err(error) => error.context(format!(
            "seed {seed}: kernel and model differ; a smaller such machine was not found"
        )),
    }
}

/// Shrinks a machine as long as kernel and model differ on it. Each boot asks about all next
/// smaller machines at once.
fn smallest(setup: &Setup, seed: u64, verdicts: &Handlers) -> Result<(Topology, Groups)> {
    let mut tree = draw(seed)?;
    for _ in 0..ROUNDS {
        // The machines that follow each other as long as no step is kept.
        let mut steps = Vec::new();
        let mut next = tree.clone();
        while steps.len() < STEPS && next.simplify() {
            steps.push((next.clone(), next.current()));
            if !next.complicate() {
                break;
            }
        }
        let machines: Vec<_> = steps.iter().map(|(_, machine)| machine.clone()).collect();
        if machines.is_empty() {
            break;
        }
        let answers = ask(setup, &machines, verdicts)?;
        let differs = |index: &usize| answers[*index].difference().is_some();
        let Some(kept) = (0..steps.len()).find(differs) else {
            if steps.len() < STEPS {
                break;
            }
            tree = next;
            continue;
        };
        tree = steps.swap_remove(kept).0;
    }
    let machine = tree.current();
    let groups = ask(setup, std::slice::from_ref(&machine), verdicts)?;
    match groups.into_iter().next() {
        Some(groups) if groups.difference().is_some() => Ok((machine, groups)),
        _ => bail!("the machine that was left is one on which they agree"),
    }
}
