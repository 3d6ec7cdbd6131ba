// SPDX-License-Identifier: GPL-2.0-only

//! The boot that shows what entries do, and what comes of it for each.

use std::{
    fmt::Write as _,
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    board::{Board, Place},
    sample::{Sample, Subject},
};
use crate::{
    groups::Groups,
    machine::{Iommu, Machine, Model, Package},
    scenario::counter,
    setup::Setup,
    vm::Vm,
};

/// Not Intel's: the ACPI table of that one names what QEMU knows on the root bus, and the kernel does
/// without an IOMMU when it then meets a port where QEMU knows an endpoint.
pub(super) const IOMMU: Iommu = Iommu::Amd;
/// How long a boot may take.
const LIMIT: Duration = Duration::from_secs(240);

/// Entries of one module that are shown in one boot.
#[derive(Debug)]
pub struct Proof {
    /// The module.
    pub module: &'static str,
    /// The digest of its table.
    pub version: &'static str,
    /// The entries.
    pub subjects: Vec<Subject>,
    /// What was seen, once the boot was made.
    pub seen: OnceLock<Result<Seen, String>>,
}

/// What was seen in a boot.
#[derive(Debug)]
pub struct Seen {
    places: Vec<Place>,
    /// The groups after each stage, with what was done.
    stages: [(&'static str, Groups); 4],
    /// The entries that the module counted as granted in the last stage.
    granted: Vec<bool>,
    /// What the module said of each of our devices in the last stage.
    log: Vec<String>,
}

impl Proof {
    /// What came of the entry at `position`. The first call boots the guest.
    ///
    /// # Errors
    ///
    /// What was not as it should be.
    pub fn outcome(&self, setup: &Setup, position: usize) -> Result<(), String> {
        let seen = self.seen.get_or_init(|| {
            let seen = self.boot(setup);
            seen.map_err(|error| format!("{error:#}"))
        });
        self.judge(seen.as_ref()?, position)
            .map_err(|error| format!("{error:#}"))
    }

    /// The name of the guest's log: the first entry's.
    fn title(&self) -> String {
        let name = self.subjects.first().map_or("", |subject| &subject.name);
        format!("entry-{}", name.replace('/', "-"))
    }

    fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.subjects.iter().flat_map(|subject| &subject.samples)
    }

    /// Boots a guest with the packages of all entries, and goes through the stages.
    fn boot(&self, setup: &Setup) -> Result<Seen> {
        let board = Board::of(&self.samples().collect::<Vec<_>>());
        let models: Vec<Vec<Model<'_>>> = self
            .samples()
            .map(|sample| sample.functions.iter().map(Model::Space).collect())
            .collect();
        let packages: Vec<Package<'_>> = board
            .places
            .iter()
            .zip(&models)
            .map(|(place, functions)| Package {
                bus: &place.bus,
                address: &place.address,
                functions,
                plugged: true,
            })
            .collect();
        let bridges: Vec<&str> = board.bridges.iter().map(String::as_str).collect();
        let machine = Machine {
            cpus: 1,
            iommu: IOMMU,
            bridges: &bridges,
            packages: &packages,
            acpi: None,
        };
        let log = setup.kernel.logs.join(format!("{}.log", self.title()));
        let deadline = Instant::now() + LIMIT;
        let mut vm = Vm::boot(setup, &machine, deadline, &log)
            .with_context(|| format!("cannot boot; log: {}", log.display()))?;
        let seen = self.stages(&mut vm, board.places.clone());
        // Written in any case: which entries fail is not known yet.
        vm.save_log(&log)?;
        seen.with_context(|| format!("guest's log: {}", log.display()))
    }

    /// The claim and its controls.
    fn stages(&self, vm: &mut Vm<'_>, places: Vec<Place>) -> Result<Seen> {
        let module = self.module;
        let at_boot = vm.groups()?;
        vm.readd_packages()?;
        let without = vm.groups()?;

        let load = format!("/sbin/modprobe {module}");
        vm.check(&load)?;
        let table = format!("{module}: table {},", self.version);
        ensure!(
            !vm.logged(&table)?.is_empty(),
            "{module}.ko has another table than the data makes; run: make table"
        );
        let unload = format!("/sbin/rmmod {module}");
        vm.check(&unload)?;

        let numbers: Vec<String> = self
            .subjects
            .iter()
            .map(|subject| subject.number.to_string())
            .collect();
        vm.check(&format!("{load} withdraw={}", numbers.join(",")))?;
        vm.readd_packages()?;
        let withdrawn = vm.groups()?;
        vm.check(&unload)?;

        vm.check("dmesg -c >/dev/null")?;
        vm.check(&load)?;
        vm.readd_packages()?;
        let with = vm.groups()?;
        let log = vm.logged(": acs_quirks: ")?;
        let granted = self.subjects.iter().map(|subject| {
            let count = counter(vm, module, subject.number, "granted")?;
            Ok(count > 0)
        });
        let granted = granted.collect::<Result<_>>()?;
        vm.is_content()?;
        Ok(Seen {
            places,
            stages: [
                ("at boot", at_boot),
                ("after remove and rescan without the module", without),
                ("with the entry withdrawn", withdrawn),
                (APART, with),
            ],
            granted,
            log,
        })
    }

    /// Compares what was seen of an entry with what it says.
    fn judge(&self, seen: &Seen, position: usize) -> Result<()> {
        let subject = &self.subjects[position];
        let before: usize = self.subjects[..position]
            .iter()
            .map(|subject| subject.samples.len())
            .sum();
        for (sample, place) in subject.samples.iter().zip(&seen.places[before..]) {
            let names: Vec<String> = (0..sample.functions.len())
                .map(|number| format!("{}.{number}", place.address))
                .collect();
            for (stage, groups) in &seen.stages {
                let wanted: Vec<Vec<&str>> = if *stage == APART && sample.stranger.is_none() {
                    names.iter().map(|name| vec![name.as_str()]).collect()
                } else {
                    vec![names.iter().map(String::as_str).collect()]
                };
                if let Some(difference) = groups.around(&place.address).differ(&wanted) {
                    bail!(
                        "{stage}, {}: {difference}{}",
                        describe(sample, &place.address),
                        said(&seen.log, &place.address)
                    );
                }
            }
        }
        let splits = subject
            .samples
            .iter()
            .any(|sample| sample.stranger.is_none());
        ensure!(
            !splits || seen.granted[position],
            "{} has not counted a single claim of the entry",
            self.module
        );
        Ok(())
    }
}

/// The last stage.
const APART: &str = "with the module";

/// A package in words.
fn describe(sample: &Sample, address: &str) -> String {
    let kind = sample.kind.name();
    match &sample.stranger {
        None => format!("{kind} functions of the entry at {address}"),
        Some(what) => format!("one function of the entry ({kind}) beside {what}, at {address}"),
    }
}

/// What the module said of the functions in a slot.
fn said(log: &[String], address: &str) -> String {
    let mut text = String::new();
    for line in log.iter().filter(|line| line.contains(address)) {
        let _ = write!(text, "\n    {line}");
    }
    text
}
