// SPDX-License-Identifier: GPL-2.0-only

//! Reports which branches of the kernel's grouping code the KUnit suite reaches. Fails unless
//! `tests/kernel/kunit/reasons.toml` says why, for each line with a branch that no machine takes and no other.

use std::process::ExitCode;

use anyhow::Result;
use boot::{
    blocks::Lines,
    kernel::{Kernel, cache},
    kunit::{self, coverage},
    reasons,
    setup::Setup,
};

const REASONS: &str = "tests/kernel/kunit/reasons.toml";

fn main() -> ExitCode {
    boot::host::ended(run(), "the coverage is not as expected", 1)
}

fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kernel = Kernel::find(&cache()?, "kunit@rust-for-linux")?;
    let setup = Setup::new(kernel, folder.path())?;
    let run = kunit::run(&setup)?;
    println!("{:32} {:>9} {:>6}", "function", "branches", "taken");
    let tree = kunit::tree(&setup)?;
    let mut lines = Lines::new();
    for reached in coverage::reached(&tree, &run.counts)? {
        let taken = reached.branches.iter().filter(|branch| branch.count > 0);
        println!(
            "{:32} {:>9} {:>6}",
            reached.function,
            reached.branches.len(),
            taken.count()
        );
        for branch in reached.branches {
            let all = lines
                .entry((reached.source.clone(), branch.line))
                .or_insert(true);
            *all &= branch.count > 0;
        }
    }
    reasons::judge(REASONS, &lines, &tree.join("../source"))
}
