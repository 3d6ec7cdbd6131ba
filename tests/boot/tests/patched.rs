// SPDX-License-Identifier: GPL-2.0-only

//! Scenarios for kernels whose source was patched, on the kernels in `ACS_QUIRKS_KERNELS`. The stock kernel of the
//! series shows the control of each.

use std::process::ExitCode;

use anyhow::Result;
use boot::{
    kernel::Kernel,
    scenario::Scenario,
    scenarios::{acs_late, lacking},
    setup::Setup,
    trials::{self, trial},
};
use libtest_mimic::Trial;

/// The end of a kernel's release, its scenario, and the scenario of the stock kernel.
const PATCHED: [(&str, Scenario, Scenario); 2] = [
    ("-lacking", lacking::WITHOUT_QUIRKS, lacking::WITH_QUIRKS),
    ("-acs-late", acs_late::LATE, acs_late::IN_TIME),
];

fn main() -> ExitCode {
    trials::run("tests on a patched kernel", |_| all())
}

/// The tests, and a folder that must outlive them.
fn all() -> Result<(Vec<Trial>, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let kernels = Kernel::from_env()?;
    let is_for = |kernel: &Kernel, end: &str| kernel.release.ends_with(end);
    let is_stock = |kernel: &Kernel| !PATCHED.iter().any(|(end, ..)| is_for(kernel, end));
    let mut trials = Vec::new();
    for (end, patched, stock) in PATCHED {
        if !kernels.iter().any(|kernel| is_for(kernel, end)) {
            continue;
        }
        for kernel in &kernels {
            let scenario = match kernel {
                _ if is_for(kernel, end) => patched,
                _ if is_stock(kernel) => stock,
                _ => continue,
            };
            let setup = Setup::new(kernel.clone(), folder.path())?;
            let name = format!("{}::{}", kernel.name, scenario.name);
            trials.push(trial(name, move || scenario.run(&setup)));
        }
    }
    Ok((trials, folder))
}
