// SPDX-License-Identifier: GPL-2.0-only

//! Runs the boot tests, on each kernel that `ACS_QUIRKS_KERNELS` names (divided by spaces; `newest`
//! when unset). Takes the arguments of any Rust test: `--list`, a filter, `--test-threads N`.

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use boot::{kernel::Kernel, scenarios, setup::Setup};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match trials() {
        Ok((trials, _folder)) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            eprintln!("boot tests cannot run: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// The tests, and the folder that they need as long as they run.
fn trials() -> Result<(Vec<Trial>, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let mut trials = Vec::new();
    for kernel in Kernel::from_env()? {
        let setup = Arc::new(Setup::new(kernel, folder.path())?);
        for scenario in scenarios::all() {
            let name = format!("{}::{}", setup.kernel.release, scenario.title());
            let setup = Arc::clone(&setup);
            trials.push(Trial::test(name, move || {
                scenario
                    .run(&setup)
                    .map_err(|error| format!("{error:#}").into())
            }));
        }
    }
    Ok((trials, folder))
}
