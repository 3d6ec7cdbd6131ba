// SPDX-License-Identifier: GPL-2.0-only

//! The model's groups of random topologies, compared with a transcription of the kernel's code:
//! scan, ACS, quirks and grouping. `make model-test CASES=1000000` makes a long run.
//!
//! Topologies with a difference are kept in `tests/random/found/`, and compared first in later
//! runs.

#[path = "../../../../tools/grouping/tests/common/groups_in_c.rs"]
mod groups_in_c;
#[path = "../../../../tools/quirk-data/tests/handlers/in_c.rs"]
mod handlers_in_c;
mod scan_in_c;

use std::{
    cell::Cell,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use grouping::view;
use grouping::{handlers::Handlers, predict::Prediction};
use quirk_data::{
    entry::Entry,
    folder::{self, Scope},
};
use random_topologies::{Run, kept};
use scan_in_c::{LINUX_6_19, Quirks, Scan};
use topology::{Bdf, Partition, Topology};

fn found() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("found")
}

fn entries() -> Vec<Entry> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../quirks");
    folder::load(&data, Scope::now(None)).expect("the data has no fault")
}

/// The groups by the kernel's code.
fn in_c(topology: &Topology, quirks: &Quirks) -> Result<Partition, String> {
    let scan = Scan::of(topology, quirks);
    if scan.devices.len() != topology.functions.len() {
        return Err("the scan does not come upon every function".to_owned());
    }
    let numbers = groups_in_c::groups(&scan.for_grouping());
    let mut groups: BTreeMap<u32, Vec<Bdf>> = BTreeMap::new();
    for (dev, number) in scan.devices.iter().zip(numbers) {
        if let Some(number) = number {
            groups.entry(number).or_default().push(dev.function.bdf);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_unstable();
    Ok(groups)
}

/// The groups by the model.
fn modelled(topology: &Topology, verdicts: &Handlers) -> Result<Partition, String> {
    let view = view(topology);
    let groups = Prediction::of(topology, &view, verdicts).without_table();
    groups.map_err(|fault| fault.to_string())
}

/// The groups, if both agree.
fn compared(
    topology: &Topology,
    verdicts: &Handlers,
    quirks: &Quirks,
) -> Result<Partition, String> {
    let (found, expected) = (modelled(topology, verdicts)?, in_c(topology, quirks)?);
    if found == expected {
        return Ok(found);
    }
    let text = |groups: &Partition| {
        let group = |group: &Vec<Bdf>| {
            let members: Vec<_> = group.iter().map(Bdf::to_string).collect();
            members.join(" ")
        };
        let lines: Vec<_> = groups.iter().map(group).collect();
        lines.join("\n  ")
    };
    Err(format!(
        "the groups differ\nmodel:\n  {}\nin C:\n  {}",
        text(&found),
        text(&expected)
    ))
}

#[test]
fn the_model_agrees_with_the_kernels_code() {
    let entries = entries();
    let (verdicts, quirks) = (quirk_data::handlers::newest(&entries), Quirks::new());
    for (name, topology) in kept(&found()).expect("what is kept can be read") {
        if let Err(problem) = compared(&topology, &verdicts, &quirks) {
            panic!("{name}: {problem}");
        }
    }
    let run = Run::from_environment("model", 5000, 400, found()).expect("it is sound");
    let (shared, several, older) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let outcome = run.compare(|topology| {
        let groups = compared(topology, &verdicts, &quirks)?;
        let on_6_19 = Topology {
            kernel: Some(LINUX_6_19.to_owned()),
            ..topology.clone()
        };
        let is_other = compared(&on_6_19, &verdicts, &quirks)? != groups;
        older.set(older.get() + u32::from(is_other));
        let is_shared = groups.iter().any(|group| group.len() > 1);
        shared.set(shared.get() + u32::from(is_shared));
        several.set(several.get() + u32::from(groups.len() > 1));
        Ok(())
    });
    if let Err(problem) = outcome {
        panic!("{problem}");
    }
    let (cases, shared, several) = (run.cases, shared.get(), several.get());
    let older = older.get();
    println!(
        "{cases} topologies, {shared} with a shared group, {several} with several groups, {older} \
         with other groups on Linux 6.19"
    );
    assert!(
        shared * 3 > cases && several * 3 > cases,
        "too many show little"
    );
    assert!(older > 0, "no topology shows a difference between releases");
}
