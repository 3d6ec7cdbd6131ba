// SPDX-License-Identifier: GPL-2.0-only

//! Measures the kernel's grouping and the model's in one boot of a stock kernel, on machines of
//! growing size.
//!
//! The kernel's time includes the creation of the groups, which is linear. The kernel's search is
//! quadratic. The model runs in the kernel, on the kernel's own facts about the functions.

use std::{process::ExitCode, time::Instant};

use anyhow::{Context, Result};
use boot::{
    kernel::Kernel,
    oracle::{self, Oracle, Questions},
    setup::Setup,
};
use rules::pcie::PcieType;
use topology::{Acs, Bdf, Domain, Function, Header, Hex, Port, Topology};

/// Approximate numbers of functions.
const SIZES: [usize; 4] = [100, 1_000, 2_000, 4_000];
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
        println!("functions     kernel (ms)      model (ms)    ratio   model on this host (ms)");
        let setup = Setup::new(kernel, folder.path())?;
        let answers = Oracle::new(&setup, false, &[]).ask(&described)?;
        for (machine, answer) in machines.iter().zip(answers) {
            let found = answer?.in_kernel.context("the model was not asked")?;
            let start = Instant::now();
            oracle::model(machine, &verdicts).map_err(|fault| anyhow::anyhow!("{fault}"))?;
            let host = start.elapsed();
            let milliseconds = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
            println!(
                "{:9} {:15.3} {:15.3} {:8.0} {:25.3}",
                machine.functions.len(),
                milliseconds(found.kernel),
                milliseconds(found.model),
                found.kernel.as_secs_f64() / found.model.as_secs_f64(),
                milliseconds(host),
            );
        }
    }
    Ok(())
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
