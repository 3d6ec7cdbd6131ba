// SPDX-License-Identifier: GPL-2.0-only

//! The boot that tests entries, and the result for each.

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
    blocks,
    machine::{Device, GuestHardware, Iommu, Model},
    scenario::counter,
    setup::Setup,
    vm::Vm,
};

/// The IOMMU of these boots. Intel's does not work here: its ACPI table lists the functions that
/// QEMU knows on the root bus. If the kernel meets a port where the table has an endpoint, it runs
/// without an IOMMU.
pub const IOMMU: Iommu = Iommu::Amd;
/// Part of every line that the module logs about a device.
const SAID: &str = ": acs_quirks: ";
/// Time limit of a boot.
const LIMIT: Duration = Duration::from_secs(240);

/// Entries of one module that are tested in one boot.
#[derive(Debug)]
pub struct EntryBoot {
    /// Name of the boot, for the guest's log.
    pub title: String,
    /// Name of the module.
    pub module: &'static str,
    /// Digest of the module's table.
    pub version: &'static str,
    /// The entries under test.
    pub entries: Vec<TestedEntry>,
    /// The observations, or why the boot failed. Set by the first call of [`EntryBoot::outcome`].
    pub observations: OnceLock<Result<Observations, String>>,
}

impl EntryBoot {
    /// The result for the entry at index `position`. The first call boots the guest.
    ///
    /// # Errors
    ///
    /// The first unexpected observation.
    pub fn outcome(&self, setup: &Setup, position: usize) -> Result<(), String> {
        let observations = self.observations.get_or_init(|| {
            let observations = self.boot(setup);
            observations.map_err(|error| format!("{error:#}"))
        });
        let result = observations.as_ref()?.check(&self.entries, position);
        result.map_err(|error| format!("{error:#}\nguest's log: {}", self.log(setup).display()))
    }

    /// Path of the guest's log.
    fn log(&self, setup: &Setup) -> PathBuf {
        setup.kernel.logs.join(format!("{}.log", self.title))
    }

    fn devices(&self) -> impl Iterator<Item = &EmulatedDevice> {
        self.entries.iter().flat_map(|entry| &entry.devices)
    }

    /// Boots a guest with the devices of all entries, and runs the stages.
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
        // The log is kept also on success, because a later step decides whether an entry fails.
        vm.save_log(&log)?;
        if setup.kernel.records_coverage() {
            blocks::save(&mut vm, &log)?;
        }
        observations.with_context(|| format!("guest's log: {}", log.display()))
    }

    /// Records the groups with the entry and with its controls.
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
            "{module}.ko has another table than the data makes; run: make generate"
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
        vm.check_kernel()?;
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
