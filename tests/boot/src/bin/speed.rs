// SPDX-License-Identifier: GPL-2.0-only

//! Measures the kernel's grouping, without and with the module, and the model's, on a stock kernel and
//! machines of growing size. The module has no entry for their functions. The times are the shortest of
//! [`ROUNDS`] boots.
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
    oracle::{self, Described, Oracle, Questions},
    setup::Setup,
};

/// Approximate numbers of functions.
const SIZES: [usize; 4] = [100, 1_000, 2_000, 4_000];
/// Boots of each measurement.
const ROUNDS: usize = 3;
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            boot::host::say(format_args!("cannot measure: {error:#}"));
            ExitCode::from(2)
        }
    }
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
    for machine in &machines {
        described.push(oracle::describe(machine, &verdicts, questions)?);
    }
    let folder = tempfile::tempdir()?;
    for kernel in Kernel::from_env()? {
        println!("{}", kernel.name);
        println!(
            "functions     kernel (ms)   with module    ratio      model (ms)   model on this host (ms)"
        );
        let setup = Setup::new(kernel, folder.path())?;
        let without = shortest(&Oracle::new(&setup, false, &[]), &described)?;
        let with = shortest(&Oracle::new(&setup, false, &["acs_quirks"]), &described)?;
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
struct Shortest {
    kernel: Duration,
    model: Duration,
}

/// Measures each machine in [`ROUNDS`] boots.
fn shortest(oracle: &Oracle<'_>, machines: &[Described]) -> Result<Vec<Shortest>> {
    let mut shortest: Vec<Shortest> = Vec::new();
    for round in 0..ROUNDS {
        for (at, answer) in oracle.ask(machines)?.into_iter().enumerate() {
            let found = answer?.in_kernel.context("the model was not asked")?;
            match shortest.get_mut(at).filter(|_| round > 0) {
                Some(known) => {
                    known.kernel = known.kernel.min(found.kernel);
                    known.model = known.model.min(found.model);
                }
                None => shortest.push(Shortest {
                    kernel: found.kernel,
                    model: found.model,
                }),
            }
        }
    }
    Ok(shortest)
}
