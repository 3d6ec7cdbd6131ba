// SPDX-License-Identifier: GPL-2.0-only

//! Lists the source lines of the modules that ran in no guest of the kernel in `ACS_QUIRKS_KERNELS`. Fails unless
//! `tests/kernel/coverage/reasons.toml` says why, for each of these lines and no other.

use std::{collections::BTreeMap, fs, path::Path, process::ExitCode};

use anyhow::{Context, Result, ensure};
use boot::{blocks, kernel::Kernel, reasons::Reasons};

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
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

    let read = |path: &str| {
        let path = Path::new(PROJECT).join(path);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let reasons = Reasons::read(&read(REASONS)?).context(REASONS)?;
    let compared = reasons.compare(&lines, read)?;
    println!("The others, by the reason in {REASONS}:");
    for (count, why) in compared.explained {
        println!("{count:>5}  {why}");
    }
    for fault in &compared.faults {
        println!("{fault}");
    }
    let count = compared.faults.len();
    ensure!(
        count == 0,
        "{count} differences from {REASONS}; they are listed above"
    );
    Ok(())
}
