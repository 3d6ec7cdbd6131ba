// SPDX-License-Identifier: GPL-2.0-only

//! Random machines with devices of the test edition's table: with the module loaded, the kernel's
//! groups equal the predicted ones.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use boot::{
    oracle::{self, Difference, Oracle, Questions},
    setup::Setup,
};
use fastrand::Rng;
use grouping::{handlers::Handlers, predict::Prediction, view};
use quirk_data::{
    built,
    edition::Edition,
    entry::Entry,
    folder::{self, Scope},
};
use rules::{entry::Kind, table::Table};
use topology::{Bdf, Domain, Function, Hex, Partition, Topology};

/// Number of machines.
const MACHINES: u64 = 1_000;
/// Maximum number of functions of a machine.
const MOST: usize = 60;
/// No other test begins with this seed.
const FIRST_SEED: u64 = 0x7e57_0000;
const MODULE: &str = "acs_quirks_test";

/// With the module and without it, the kernel's groups equal the predicted ones.
pub(crate) fn predicted(setup: &Setup) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel/module/quirks");
    let entries = folder::load(&folder, Scope::now(Some(Edition::Test)))
        .map_err(|error| anyhow!("{error}"))?;
    let entries = Edition::Test.select(&entries, None);
    let table = built::table(&entries);
    // A topology does not record the registers of a condition.
    let ids: Vec<_> = entries
        .into_iter()
        .filter(|quirk| quirk.conditions.is_empty())
        .collect();
    let quirks = oracle::kernel_quirks()?;
    let verdicts = quirk_data::handlers::newest(&quirks);
    let machines: Vec<_> = (FIRST_SEED..FIRST_SEED + MACHINES)
        .map(|seed| machine(seed, &ids))
        .collect();
    let mut described = Vec::new();
    for machine in &machines {
        described.push(oracle::describe(machine, &verdicts, Questions::default())?);
    }
    let with = Oracle::new(setup, false, &[MODULE]).ask(&described)?;
    let without = Oracle::new(setup, false, &[]).ask(&described)?;
    let (mut functions, mut split) = (0, 0);
    for ((seed, machine), (with, without)) in (FIRST_SEED..)
        .zip(&machines)
        .zip(with.into_iter().zip(without))
    {
        let context = || format!("seed {seed:#x}");
        let (with, without) = (with.with_context(context)?, without.with_context(context)?);
        let machine = oracle::with_kernel(machine, &setup.kernel);
        let (predicted, predicted_without) =
            predict(&machine, &verdicts, &table).with_context(context)?;
        functions += machine.functions.len();
        split += u64::from(with.groups != without.groups);
        for (answer, whose, expected) in [
            (&with, "predicted with the table", &predicted),
            (&without, "predicted without", &predicted_without),
        ] {
            if let Some(difference) = Difference::between(answer, whose, expected) {
                bail!("seed {seed:#x}:\n{difference}");
            }
        }
    }
    println!(
        "machines {MACHINES}, functions {functions}, on which the table splits something {split}"
    );
    ensure!(
        split * 10 > MACHINES,
        "the table makes too little difference"
    );
    Ok(())
}

fn predict(
    machine: &Topology,
    verdicts: &Handlers,
    table: &Table,
) -> Result<(Partition, Partition)> {
    let view = view(machine);
    let prediction = Prediction::of(machine, &view, verdicts);
    let sound = |fault| anyhow!("{fault}");
    Ok((
        prediction.with_table(table).map_err(sound)?,
        prediction.without_table().map_err(sound)?,
    ))
}

/// A random machine, many of whose devices have ids of these entries.
fn machine(seed: u64, entries: &[&Entry]) -> Topology {
    let mut random = Rng::with_seed(seed);
    let mut machine = random_topologies::topology(seed, MOST);
    machine.iommu = None;
    let mut slot = None;
    let mut wanted = false;
    for function in &mut machine.functions {
        let place: (Domain, u8, u8) = (
            function.bdf.domain,
            function.bdf.bus,
            Bdf::slot(function.bdf),
        );
        if slot.replace(place) != Some(place) {
            wanted = random.u8(..10) < 7;
        }
        // Sometimes a function of the device is not covered.
        if wanted && random.u8(..10) < 9 {
            give_ids(function, entries, &mut random);
        }
    }
    machine
}

/// Gives a function ids of an entry, mostly of one for its kind.
fn give_ids(function: &mut Function, entries: &[&Entry], random: &mut Rng) {
    let found = function.pcie_type.as_ref().and_then(topology::Port::kind);
    let is_of_kind = |kind: Kind| found.is_some_and(|found| kind.applies_to(found));
    let of_kind: Vec<_> = entries
        .iter()
        .filter(|quirk| quirk.kinds().any(is_of_kind))
        .collect();
    let entry = match random.u8(..12) {
        0 => random.choice(entries),
        // Mostly the same entry, so that all functions of a device have its ids.
        1..=3 => random.choice(of_kind.iter().copied()),
        _ => of_kind.first().copied(),
    };
    let Some(entry) = entry else { return };
    let ids: Vec<_> = entry.ids().collect();
    let Some(ids) = random.choice(ids) else {
        return;
    };
    function.vendor = Hex::id(ids.vendor);
    function.device = Some(Hex::id(random.u16(ids.first..=ids.last)));
    if random.u8(..4) > 0 {
        function.acs = None;
    }
}
