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
use rules::pcie::PcieType;
use topology::{Acs, Bdf, Domain, Function, Header, Hex, Port, Topology};

/// Approximate numbers of functions.
const SIZES: [usize; 4] = [100, 1_000, 2_000, 4_000];
/// Boots of each measurement.
const ROUNDS: usize = 3;
/// Number of functions of an adapter, plus the port above it.
const ADAPTER: usize = 9;
/// Ports per domain. Each needs a bus number.
const PORTS: usize = 240;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot measure: {error:#}");
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
    let machines: Vec<_> = SIZES.map(machine).into();
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

/// A server: ports with ACS, and below each an adapter whose functions lack ACS.
fn machine(size: usize) -> Topology {
    let mut topology = Topology::default();
    let adapters = size.div_ceil(ADAPTER);
    for adapter in 0..adapters {
        let domain = Domain(u32::try_from(adapter / PORTS).unwrap_or(0));
        // Fewer than PORTS, so both fit.
        let port = u8::try_from(adapter % PORTS).unwrap_or(0);
        let at = |bus, devfn| Bdf { domain, bus, devfn };
        topology.functions.push(Function {
            header: Header::Bridge,
            pcie_type: Some(Port::Known(PcieType::RootPort)),
            class: Some(Hex(0x06_0400)),
            multifunction: Some(true),
            acs: Some(Acs {
                cap: Some(0x1d),
                ctl: Some(0x1d),
                dword8: None,
            }),
            primary: Some(0),
            secondary: Some(port + 1),
            subordinate: Some(port + 1),
            ..Function::new(at(0, port), 0x1234, 1)
        });
        topology.functions.extend((0..8).map(|number| Function {
            pcie_type: Some(Port::Known(PcieType::Endpoint)),
            class: Some(Hex(0x02_0000)),
            multifunction: Some(true),
            ..Function::new(at(port + 1, number), 0x1234, 2)
        }));
    }
    topology.functions.sort_by_key(|function| function.bdf);
    topology
}
