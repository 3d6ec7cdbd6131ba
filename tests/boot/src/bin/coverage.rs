// SPDX-License-Identifier: GPL-2.0-only

//! Reports which branches of the kernel's grouping code the KUnit suite reaches.

use std::process::ExitCode;

use anyhow::Result;
use boot::{
    kernel::{Kernel, cache},
    kunit::{self, coverage},
    setup::Setup,
};

fn main() -> ExitCode {
    boot::host::ended(run(), "the coverage cannot be told", 1)
}

fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kernel = Kernel::find(&cache()?, "kunit@rust-for-linux")?;
    let setup = Setup::new(kernel, folder.path())?;
    let run = kunit::run(&setup)?;
    println!(
        "{:32} {:>9} {:>6}  not taken",
        "function", "branches", "taken"
    );
    for reached in coverage::reached(&kunit::tree(&setup)?, &run.counts)? {
        let taken = reached
            .branches
            .iter()
            .filter(|branch| branch.count > 0)
            .count();
        let not_taken = reached.branches.iter().filter(|branch| branch.count == 0);
        let source = reached.source.display();
        let mut places: Vec<String> = not_taken
            .map(|branch| format!("{source}:{}", branch.line))
            .collect();
        places.dedup();
        println!(
            "{:32} {:>9} {taken:>6}  {}",
            reached.function,
            reached.branches.len(),
            places.join(" ")
        );
    }
    Ok(())
}
