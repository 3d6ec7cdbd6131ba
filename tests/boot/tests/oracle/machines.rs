// SPDX-License-Identifier: GPL-2.0-only

//! Machines with recorded groups.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use boot::{
    oracle::{self, Record, Survey},
    setup::Setup,
};
use topology::Topology;

/// The project's own topologies.
const OWN: &str = "tests/topologies";
/// Optional further topologies; see `Documentation/topology.md`.
const MORE: &str = "../shared/data/topologies";
const LOGS: &str = "../shared/data/topologies/boot-log";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The topologies in a folder, sorted by name. None if the folder does not exist.
fn read(folder: &str) -> Result<Vec<(String, Topology)>> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else {
        return Ok(Vec::new());
    };
    let mut machines = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let name = path.file_stem().context("it has a name")?;
            machines.push((name.to_string_lossy().into_owned(), topology::read(&path)?));
        }
    }
    machines.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(machines)
}

/// Machines that are recorded completely: kernel, model and record agree.
pub(crate) fn recorded(setup: &Setup) -> Result<()> {
    let mut machines = read(OWN)?;
    ensure!(machines.len() >= 8, "{OWN} has {} machines", machines.len());
    machines.extend(read(MORE)?);
    let quirks = oracle::kernel_quirks()?;
    let survey = Survey::of(setup, &machines, &quirk_data::handlers::newest(&quirks))?;
    let same = survey.count(Record::Same);
    if !survey.agrees() || same != machines.len() {
        bail!("{survey}");
    }
    // The control: without the kernel's quirks, the model does not agree.
    let control = Survey::of(setup, &machines, &quirk_data::handlers::newest(&[]))?;
    ensure!(!control.agrees(), "quirks make no difference to the model");
    Ok(())
}

/// Machines whose record does not say who has ACS: kernel and model agree, and some assignment of
/// ACS capabilities leads to the recorded groups.
pub(crate) fn of_kernel_logs(setup: &Setup) -> Result<()> {
    let mut machines = read(LOGS)?;
    // If there are none, completely recorded machines stand in, without the information on ACS.
    machines.extend(read(OWN)?.into_iter().map(|(name, mut machine)| {
        for function in &mut machine.functions {
            function.acs = None;
            function.acs_known = false;
        }
        (name + ", who has ACS taken away", machine)
    }));
    let quirks = oracle::kernel_quirks()?;
    let survey = Survey::of(setup, &machines, &quirk_data::handlers::newest(&quirks))?;
    let other = survey.count(Record::Other);
    if !survey.agrees() || other > 0 {
        bail!("{survey}");
    }
    ensure!(
        survey.count(Record::SameWithGuess) > 0,
        "nothing was guessed"
    );
    Ok(())
}
