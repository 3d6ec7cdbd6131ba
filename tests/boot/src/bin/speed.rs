// SPDX-License-Identifier: GPL-2.0-only

//! Measures the kernel's grouping, without and with the module, and the model's, on a stock kernel and
//! machines of growing size. The module has no entry for their functions. The times are the shortest of
//! [`ROUNDS`] boots. Boots without and with the module alternate, so that other work on this machine
//! slows both down; a boot measures small machines several times.
//!
//! The kernel's time includes the creation of the groups, which is linear. The kernel's search is
//! quadratic. The model runs in the kernel, on the kernel's own facts about the functions.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use boot::{
    kernel::Kernel,
    oracle::{self, Oracle, Questions},
    setup::Setup,
};

/// Approximate numbers of functions.
const SIZES: [usize; 4] = [100, 500, 1_000, 2_000];
/// Boots of each measurement.
const ROUNDS: usize = 4;

fn main() -> ExitCode {
    boot::host::ended(run(), "cannot measure", 2)
}

fn run() -> Result<()> {
    let quirks = oracle::kernel_quirks()?;
    let verdicts = quirk_data::handlers::newest(&quirks);
    let questions = Questions {
        verdicts: false,
        model: true,
    };
    let machines: Vec<_> = SIZES.map(oracle::server).into();
    let mut described = Vec::new();
    // For each description, the machine that it is of.
    let mut of = Vec::new();
    for (at, machine) in machines.iter().enumerate() {
        // The search is quadratic.
        let times = (SIZES[3] / SIZES[at]).pow(2).clamp(1, 20);
        for _ in 0..times {
            described.push(oracle::describe(machine, &verdicts, questions)?);
            of.push(at);
        }
    }
    let folder = tempfile::tempdir()?;
    for kernel in Kernel::from_env()? {
        println!("{}", kernel.name);
        println!(
            "functions     kernel (ms)   with module    ratio      model (ms)   model on this host (ms)"
        );
        let setup = Setup::new(kernel, folder.path())?;
        let oracles = [&[][..], &["acs_quirks"]].map(|modules| Oracle::new(&setup, false, modules));
        let mut shortest = [[Shortest::MAX; SIZES.len()]; 2];
        for _ in 0..ROUNDS {
            for (oracle, shortest) in oracles.iter().zip(&mut shortest) {
                for (answer, &at) in oracle.ask(&described)?.into_iter().zip(&of) {
                    let found = answer?.in_kernel.context("the model was not asked")?;
                    shortest[at].kernel = shortest[at].kernel.min(found.kernel);
                    shortest[at].model = shortest[at].model.min(found.model);
                }
            }
        }
        let [without, with] = shortest;
        for (at, machine) in machines.iter().enumerate() {
            let start = Instant::now();
            oracle::model(machine, &verdicts).map_err(|fault| anyhow::anyhow!("{fault}"))?;
            let host = start.elapsed();
            let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
            println!(
                "{:9} {:15.3} {:13.3} {:8.3} {:15.3} {:25.3}",
                machine.functions.len(),
                milliseconds(without[at].kernel),
                milliseconds(with[at].kernel),
                with[at].kernel.as_secs_f64() / without[at].kernel.as_secs_f64(),
                milliseconds(without[at].model),
                milliseconds(host),
            );
        }
    }
    Ok(())
}

/// The shortest times of a machine.
#[derive(Clone, Copy)]
struct Shortest {
    kernel: Duration,
    model: Duration,
}

impl Shortest {
    /// No time yet.
    const MAX: Self = Self {
        kernel: Duration::MAX,
        model: Duration::MAX,
    };
}
