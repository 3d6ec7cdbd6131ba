// SPDX-License-Identifier: GPL-2.0-only

//! Asks a stock kernel about many machines in one boot.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Result, bail};

use super::{Answer, Described};
use crate::{
    initramfs,
    machine::{GuestHardware, Iommu},
    scenario::in_guest,
    setup::Setup,
    vm::Vm,
};

/// Number of machines in one file.
const CHUNK: usize = 100;
/// Folder of the files in the guest.
const FOLDER: &str = "oracle";
/// ASPM requires a port above each switch, and fails without one.
const OPTIONS: &str = "pcie_aspm=off";
/// Time limit: for each function on a slow host, and for the boot.
const FUNCTION: Duration = Duration::from_millis(60);
const BOOT: Duration = Duration::from_secs(120);

/// Number of guests so far. Several may run at once, and each needs its own log.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// A stock kernel that answers questions about described machines.
#[derive(Debug)]
pub struct Oracle<'a> {
    setup: &'a Setup,
    iommu: Iommu,
    modules: &'a [&'a str],
}

impl<'a> Oracle<'a> {
    /// An oracle on the kernel of `setup`. With `amd`, the guest has an AMD IOMMU, which some
    /// quirks of the kernel check for. The guest loads `modules` first.
    #[must_use]
    pub const fn new(setup: &'a Setup, amd: bool, modules: &'a [&'a str]) -> Self {
        let iommu = if amd { Iommu::Amd } else { Iommu::None };
        Self {
            setup,
            iommu,
            modules,
        }
    }

    /// Boots a guest and asks about each machine. An invalid answer is an error of that machine
    /// only.
    ///
    /// # Errors
    ///
    /// When the guest does not boot, ends, logs a warning, or runs out of time.
    pub fn ask(&self, machines: &[Described]) -> Result<Vec<Result<Answer>>> {
        let folder = tempfile::tempdir()?;
        let initramfs = folder.path().join("initramfs");
        fs::copy(&self.setup.initramfs, &initramfs)?;
        let chunks: Vec<_> = machines.chunks(CHUNK).map(concatenated).collect();
        let files = (0..)
            .zip(&chunks)
            .map(|(number, bytes): (usize, _)| (format!("{FOLDER}/{number:06}"), bytes.as_slice()));
        initramfs::append(&initramfs, files)?;
        let setup = Setup {
            initramfs,
            options: OPTIONS,
            ..self.setup.clone()
        };
        let number = ASKED.fetch_add(1, Ordering::Relaxed);
        let name = format!("oracle-{number}-{}", self.iommu.name());
        let machine = GuestHardware::bare(1, self.iommu);
        let functions: usize = machines
            .iter()
            .map(|described| described.addresses.len())
            .sum();
        let functions = u32::try_from(functions)?;
        let limit = BOOT + FUNCTION * functions;
        let lines = in_guest(&setup, &machine, &name, limit, |vm| self.lines(vm))?;
        if lines.len() != machines.len() {
            bail!("{} answers on {} machines", lines.len(), machines.len());
        }
        let answers = lines.iter().zip(machines);
        Ok(answers
            .map(|(line, asked)| Answer::parse(line, asked))
            .collect())
    }

    fn lines(&self, vm: &mut Vm<'_>) -> Result<Vec<String>> {
        for module in self.modules {
            vm.check(&format!("/sbin/modprobe {module}"))?;
        }
        vm.check("/sbin/modprobe acs_quirks_oracle")?;
        let answer = vm.check(&format!(
            "for file in /{FOLDER}/*; do exec 3<>/dev/acs_quirks_oracle; cat $file >&3; cat <&3; exec 3>&-; done"
        ))?;
        vm.check("/sbin/rmmod acs_quirks_oracle")?;
        Ok(answer.lines().map(str::to_owned).collect())
    }
}

fn concatenated(machines: &[Described]) -> Vec<u8> {
    let bytes = machines
        .iter()
        .flat_map(|described| described.bytes.iter().copied());
    bytes.collect()
}
