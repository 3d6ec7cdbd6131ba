// SPDX-License-Identifier: GPL-2.0-only

//! Asks a stock kernel for the IOMMU groups of topologies, and compares them with the model's and
//! with the recorded groups.
//!
//! Exit status: 0 when the kernel and the model agree on every topology, 1 when they do not, 2 when
//! the comparison failed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use boot::{
    kernel::Kernel,
    oracle::{self, Survey, report},
    setup::Setup,
};
use clap::Parser;

/// Lets a stock kernel compute the IOMMU groups of recorded machines.
#[derive(Parser, Debug)]
struct Arguments {
    /// Topology files, or folders that contain them
    #[arg(required = true)]
    topologies: Vec<PathBuf>,
    /// Write the results to this file as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            boot::host::say(format_args!("the oracle cannot tell: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Returns whether the kernel and the model agree on all topologies.
fn run(arguments: &Arguments) -> Result<bool> {
    let mut machines = Vec::new();
    for path in &arguments.topologies {
        let mut files = Vec::new();
        collect(path, &mut files)?;
        for file in files {
            let topology = topology::read(&file)?;
            let name = match file.strip_prefix(path) {
                Ok(below) if below != Path::new("") => below,
                _ => &file,
            };
            machines.push((name.display().to_string(), topology));
        }
    }
    if machines.is_empty() {
        bail!("there is no topology file; they end in .json");
    }
    let quirks = oracle::kernel_quirks()?;
    let quirks = quirk_data::handlers::newest(&quirks);
    let folder = tempfile::tempdir()?;
    let mut surveys = Vec::new();
    for kernel in Kernel::from_env()? {
        let release = kernel.name.clone();
        let setup = Setup::new(kernel, folder.path())?;
        let survey = Survey::of(&setup, &machines, &quirks)?;
        print!("{survey}");
        surveys.push((release, survey));
    }
    let agree = surveys.iter().all(|(_, survey)| survey.agrees());
    if let Some(path) = &arguments.report {
        let kernels = surveys
            .iter()
            .map(|(release, survey)| report::kernel(release, survey));
        let text = report::text(&kernels.collect::<Vec<_>>())?;
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(agree)
}

/// Adds the topology files at a path: the file itself, or all below the folder, sorted by name.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    Ok(())
}
