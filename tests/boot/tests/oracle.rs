// SPDX-License-Identifier: GPL-2.0-only

//! Asks stock kernels for groups and verdicts, and compares the model, the quirk database and the
//! module's decision with them, on each kernel in `ACS_QUIRKS_KERNELS`.

#[path = "oracle/in_tree.rs"]
mod in_tree;
#[path = "oracle/machines.rs"]
mod machines;
#[path = "oracle/random.rs"]
mod random;
#[path = "oracle/with_module.rs"]
mod with_module;

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use boot::{
    kernel::Kernel,
    setup::Setup,
    trials::{self, trial},
};
use libtest_mimic::Trial;

/// A test: its name, and its function.
type Test = (&'static str, fn(&Setup) -> Result<()>);

const TESTS: [Test; 5] = [
    ("recorded-machines", machines::recorded),
    ("machines-of-kernel-logs", machines::of_kernel_logs),
    ("random-machines", random::same),
    ("random-machines-with-module", with_module::predicted),
    ("in-tree-quirks", in_tree::equivalent),
];

fn main() -> ExitCode {
    trials::run("the oracle's tests", |_| all())
}

/// The tests, and a folder that must outlive them.
fn all() -> Result<(Vec<Trial>, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let mut trials = Vec::new();
    for kernel in Kernel::from_env()? {
        let setup = Arc::new(Setup::new(kernel, folder.path())?);
        for (name, test) in TESTS {
            let name = format!("oracle::{name}");
            if !setup.kernel.runs(&name)? {
                continue;
            }
            let title = format!("{}::{name}", setup.kernel.name);
            let setup = Arc::clone(&setup);
            trials.push(trial(title, move || test(&setup)));
        }
    }
    Ok((trials, folder))
}
