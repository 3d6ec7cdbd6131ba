// SPDX-License-Identifier: GPL-2.0-only

//! Runs the boot tests on each kernel in `ACS_QUIRKS_KERNELS` (separated by spaces, by default
//! `newest`). Takes the arguments of any Rust test: `--list`, a filter, `--test-threads N`.

use std::{collections::BTreeMap, process::ExitCode, sync::Arc};

use anyhow::Result;
use boot::{
    kernel::Kernel,
    machine::Iommu,
    scenarios::{
        self,
        entries::{self, EntryBoot},
    },
    setup::Setup,
    trials::{self, trial},
};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    trials::run("boot tests", all)
}

/// The tests, and a folder that must outlive them.
fn all(arguments: &Arguments) -> Result<(Vec<Trial>, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let mut trials = Vec::new();
    for kernel in Kernel::from_env()? {
        let setup = Arc::new(Setup::new(kernel, folder.path())?);
        let arch = setup.kernel.arch;
        let programs = scenarios::PROGRAMS.into_iter();
        for (name, test) in programs.filter(|(name, _)| arch.takes(name)) {
            let iommu = if name.ends_with("virtio") {
                Iommu::Virtio
            } else {
                Iommu::Intel
            };
            if !setup.kernel.runs(name)? || !setup.kernel.fits(iommu)? {
                continue;
            }
            let name = format!("{}::{name}", setup.kernel.name);
            let setup = Arc::clone(&setup);
            trials.push(trial(name, move || test(&setup)));
        }
        trials.extend(of_entries(&setup, arguments)?);
        for scenario in scenarios::all(arch) {
            let title = scenario.title(arch);
            let iommu = arch.iommu(scenario.machine.iommu);
            if !setup.kernel.runs(&title)? || !setup.kernel.fits(iommu)? {
                continue;
            }
            let name = format!("{}::{title}", setup.kernel.name);
            let setup = Arc::clone(&setup);
            trials.push(trial(name, move || scenario.run(&setup)));
        }
    }
    Ok((trials, folder))
}

/// The tests of the entries. Several share a boot.
fn of_entries(setup: &Arc<Setup>, arguments: &Arguments) -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    let kernel = &setup.kernel;
    if kernel.core_only || !kernel.has_types() || !kernel.arch.has(entries::IOMMU) {
        return Ok(trials);
    }
    let title = |name: &str| format!("{}::entry::{name}", setup.kernel.name);
    let is_wanted = |name: &str| {
        let trial = Trial::test(title(name), || Ok(()));
        !arguments.is_filtered_out(&trial)
    };
    let plan = entries::plan(setup.kernel.series()?, is_wanted)?;
    for (name, why) in plan.refused {
        trials.push(Trial::test(title(&name), move || Err(why.into())));
    }
    // The boots that test an entry, and the index of the entry in each.
    let mut shown: BTreeMap<String, Vec<(Arc<EntryBoot>, usize)>> = BTreeMap::new();
    for boot in plan.boots.into_iter().map(Arc::new) {
        for (position, entry) in boot.entries.iter().enumerate() {
            let boots = shown.entry(entry.name.clone()).or_default();
            boots.push((Arc::clone(&boot), position));
        }
    }
    trials.extend(shown.into_iter().map(|(name, boots)| {
        let setup = Arc::clone(setup);
        Trial::test(title(&name), move || {
            for (boot, position) in &boots {
                boot.outcome(&setup, *position)?;
            }
            Ok(())
        })
    }));
    Ok(trials)
}
