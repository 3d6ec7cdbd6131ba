// SPDX-License-Identifier: GPL-2.0-only

//! Lists the source lines of the modules that ran in no guest of the kernel in `ACS_QUIRKS_KERNELS`.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Context, Result};
use boot::{blocks, kernel::Kernel};

fn main() -> ExitCode {
    boot::host::ended(run(), "the coverage cannot be told", 1)
}

fn run() -> Result<()> {
    let kernel = Kernel::from_env()?.pop().context("no kernel is prepared")?;
    let mut files: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for ((file, line), ran) in blocks::lines(&kernel)? {
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
    Ok(())
}
