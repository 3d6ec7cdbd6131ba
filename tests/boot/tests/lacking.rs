// SPDX-License-Identifier: GPL-2.0-only

//! The validated entries, on the kernels in `ACS_QUIRKS_KERNELS`: `lacking`, which lacks quirks, and the stock
//! kernel of its series, which has them.

use std::process::ExitCode;

use anyhow::Result;
use boot::{
    kernel::Kernel,
    scenarios::lacking::{WITH_QUIRKS, WITHOUT_QUIRKS},
    setup::Setup,
    trials::{self, trial},
};
use libtest_mimic::Trial;

fn main() -> ExitCode {
    trials::run("tests on a kernel without quirks", |_| all())
}

/// The tests, and a folder that must outlive them.
fn all() -> Result<(Vec<Trial>, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let mut trials = Vec::new();
    for kernel in Kernel::from_env()? {
        let setup = Setup::new(kernel, folder.path())?;
        let scenario = if setup.kernel.release.ends_with("-lacking") {
            WITHOUT_QUIRKS
        } else {
            WITH_QUIRKS
        };
        let name = format!("{}::{}", setup.kernel.name, scenario.name);
        trials.push(trial(name, move || scenario.run(&setup)));
    }
    Ok((trials, folder))
}
