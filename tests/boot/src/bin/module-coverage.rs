// SPDX-License-Identifier: GPL-2.0-only

//! Lists the source lines of the modules that ran in no guest of the kernel in `ACS_QUIRKS_KERNELS`. Fails unless
//! `tests/kernel/coverage/reasons.toml` says why, for each of these lines and no other.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use boot::{blocks, kernel::Kernel, reasons};

const REASONS: &str = "tests/kernel/coverage/reasons.toml";

fn main() -> ExitCode {
    boot::host::ended(run(), "the coverage is not as expected", 1)
}

fn run() -> Result<()> {
    let kernel = Kernel::from_env()?.pop().context("no kernel is prepared")?;
    let lines = blocks::lines(&kernel)?;
    let mut files: BTreeMap<&str, (usize, Vec<String>)> = BTreeMap::new();
    for ((file, line), ran) in &lines {
        let (all, missed) = files.entry(file).or_default();
        *all += 1;
        missed.extend((!ran).then(|| line.to_string()));
    }
    println!("{:36} {:>5} {:>5}  did not run", "file", "lines", "ran");
    let mut sums = [0; 2];
    for (file, (all, missed)) in &files {
        let ran = all - missed.len();
        println!("{file:36} {all:>5} {ran:>5}  {}", missed.join(" "));
        sums = [sums[0] + all, sums[1] + ran];
    }
    println!("{} of {} lines of the modules ran", sums[1], sums[0]);
    reasons::judge(REASONS, &lines, Path::new(""))
}
