// SPDX-License-Identifier: GPL-2.0-only

//! The boot that shows what entries do, and what comes of it for each.

use std::{
    path::PathBuf,
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{
    device::{EmulatedDevice, TestedEntry},
    observations::{APART, Observations},
    slots::{Slot, Slots},
    verdict::Answers,
};
use crate::{
    machine::{Device, GuestHardware, Iommu, Model},
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
pub struct EntryBoot {
    /// Its name, for the guest's log.
    pub title: String,
    /// The module.
    pub module: &'static str,
    /// The digest of its table.
    pub version: &'static str,
    /// The entries.
    pub entries: Vec<TestedEntry>,
    /// What was observations, once the boot was made.
    pub observations: OnceLock<Result<Observations, String>>,
}

impl EntryBoot {
    /// What came of the entry at `position`. The first call boots the guest.
    ///
    /// # Errors
    ///
    /// What was not as it should be.
    pub fn outcome(&self, setup: &Setup, position: usize) -> Result<(), String> {
        let observations = self.observations.get_or_init(|| {
            let observations = self.boot(setup);
            observations.map_err(|error| format!("{error:#}"))
        });
        let result = observations.as_ref()?.check(&self.entries, position);
        result.map_err(|error| format!("{error:#}\nguest's log: {}", self.log(setup).display()))
    }

    /// Where the guest's log goes.
    fn log(&self, setup: &Setup) -> PathBuf {
        setup.kernel.logs.join(format!("{}.log", self.title))
    }

    fn devices(&self) -> impl Iterator<Item = &EmulatedDevice> {
        self.entries.iter().flat_map(|entry| &entry.devices)
    }

    /// Boots a guest with the packages of all entries, and goes through the stages.
    fn boot(&self, setup: &Setup) -> Result<Observations> {
        let slots = Slots::of(&self.devices().collect::<Vec<_>>());
        let models: Vec<Vec<Model<'_>>> = self
            .devices()
            .map(|device| device.functions.iter().map(Model::Space).collect())
            .collect();
        let devices: Vec<Device<'_>> = slots
            .places
            .iter()
            .zip(&models)
            .map(|(place, functions)| Device {
                bus: &place.bus,
                address: &place.address,
                functions,
                plugged: true,
            })
            .collect();
        let bridges: Vec<&str> = slots.bridges.iter().map(String::as_str).collect();
        let machine = GuestHardware {
            bridges: &bridges,
            devices: &devices,
            ..GuestHardware::bare(1, IOMMU)
        };
        let log = self.log(setup);
        let deadline = Instant::now() + LIMIT;
        let mut vm = Vm::boot(setup, &machine, deadline, &log)
            .with_context(|| format!("cannot boot; log: {}", log.display()))?;
        let observations = self.stages(&mut vm, slots.places.clone());
        // Written in any case: which entries fail is not known yet.
        vm.save_log(&log)?;
        observations.with_context(|| format!("guest's log: {}", log.display()))
    }

    /// The claim and its controls.
    fn stages(&self, vm: &mut Vm<'_>, places: Vec<Slot>) -> Result<Observations> {
        let module = self.module;
        let at_boot = vm.groups()?;
        Answers::watch(vm)?;
        vm.readd_devices()?;
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
            .entries
            .iter()
            .map(|entry| entry.number.to_string())
            .collect();
        vm.check(&format!("{load} withdraw={}", numbers.join(",")))?;
        vm.readd_devices()?;
        let withdrawn = vm.groups()?;
        vm.check(&unload)?;

        let said = vm.logged(SAID)?.len();
        vm.check(&load)?;
        vm.readd_devices()?;
        let with = vm.groups()?;
        let log = vm.logged(SAID)?.split_off(said);
        let granted = self.entries.iter().map(|entry| {
            let count = counter(vm, module, entry.number, "granted")?;
            Ok(count > 0)
        });
        let granted = granted.collect::<Result<_>>()?;
        vm.check_log()?;
        Ok(Observations {
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
