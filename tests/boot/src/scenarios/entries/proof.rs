// SPDX-License-Identifier: GPL-2.0-only

//! The boot that shows what entries do, and what comes of it for each.

use std::{
    path::PathBuf,
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{
    board::{Board, Place},
    sample::{Sample, Subject},
    seen::{APART, Seen},
    verdict::Answers,
};
use crate::{
    machine::{Iommu, Machine, Model, Package},
    scenario::counter,
    setup::Setup,
    vm::Vm,
};

/// The IOMMU of these boots. Not Intel's: the ACPI table of that one names what QEMU knows on the root bus, and the kernel does
/// without an IOMMU when it then meets a port where QEMU knows an endpoint.
pub const IOMMU: Iommu = Iommu::Amd;
/// What the module's lines on devices have in common.
const SAID: &str = ": acs_quirks: ";
/// How long a boot may take.
const LIMIT: Duration = Duration::from_secs(240);

/// Entries of one module that are shown in one boot.
#[derive(Debug)]
pub struct Proof {
    /// Its name, for the guest's log.
    pub title: String,
    /// The module.
    pub module: &'static str,
    /// The digest of its table.
    pub version: &'static str,
    /// The entries.
    pub subjects: Vec<Subject>,
    /// What was seen, once the boot was made.
    pub seen: OnceLock<Result<Seen, String>>,
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
        let result = seen.as_ref()?.judge(&self.subjects, position);
        result.map_err(|error| format!("{error:#}\nguest's log: {}", self.log(setup).display()))
    }

    /// Where the guest's log goes.
    fn log(&self, setup: &Setup) -> PathBuf {
        setup.kernel.logs.join(format!("{}.log", self.title))
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
            bridges: &bridges,
            packages: &packages,
            ..Machine::bare(1, IOMMU)
        };
        let log = self.log(setup);
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
        Answers::watch(vm)?;
        vm.readd_packages()?;
        let without = vm.groups()?;
        let answers = Answers::read(vm)?;

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

        let said = vm.logged(SAID)?.len();
        vm.check(&load)?;
        vm.readd_packages()?;
        let with = vm.groups()?;
        let log = vm.logged(SAID)?.split_off(said);
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
            answers,
            granted,
            log,
        })
    }
}
