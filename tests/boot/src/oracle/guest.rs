// SPDX-License-Identifier: GPL-2.0-only

//! Asks a kernel about many machines in one boot.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use anyhow::{Result, bail};

use super::{Answer, Described};
use crate::{
    initramfs,
    machine::{GuestHardware, Iommu},
    scenario::in_guest,
    setup::Setup,
    user_mode,
};

/// Number of machines in one file.
const CHUNK: usize = 100;
/// The module that answers, and its device file.
const MODULE: &str = "acs_quirks_oracle";
/// Folder of the files in the guest.
const FOLDER: &str = "oracle";
/// ASPM requires a port above each switch, and fails without one.
const OPTIONS: &str = "pcie_aspm=off";
/// Time limit: for each function on a slow host, and for the boot.
const FUNCTION: Duration = Duration::from_millis(60);
const BOOT: Duration = Duration::from_secs(120);

/// Number of guests so far. Several may run at once, and each needs its own log.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// A kernel that answers questions about described machines.
#[derive(Debug)]
pub struct Oracle<'a> {
    setup: &'a Setup,
    iommu: Iommu,
    modules: &'a [&'a str],
}

/// Divides random machines, given by their seeds, among boots with at most `most` machines each. `ask` asks about those of one
/// boot and counts. Returns the sums of the counts. Kernels in user mode run side by side, one for each processor.
///
/// # Errors
///
/// The first of `ask`.
pub fn in_boots<const N: usize>(
    setup: &Setup,
    seeds: &[u64],
    most: usize,
    ask: impl Fn(&[u64]) -> Result<[u64; N]> + Sync,
) -> Result<[u64; N]> {
    let at_once = match thread::available_parallelism() {
        Ok(processors) if setup.kernel.is_in_user_mode() => processors.get(),
        _ => 1,
    };
    let ask = &ask;
    let mut sums = [0; N];
    for seeds in seeds.chunks(most * at_once) {
        let results: Vec<Result<[u64; N]>> = thread::scope(|scope| {
            let boots = seeds.chunks(most);
            let boots: Vec<_> = boots.map(|seeds| scope.spawn(move || ask(seeds))).collect();
            let ends = boots.into_iter().map(ScopedJoinHandle::join);
            ends.map(|end| end.unwrap_or_else(|_| bail!("a boot panicked")))
                .collect()
        });
        for counts in results {
            for (sum, count) in sums.iter_mut().zip(counts?) {
                *sum += count;
            }
        }
    }
    Ok(sums)
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
        let number = ASKED.fetch_add(1, Ordering::Relaxed);
        let functions: usize = machines
            .iter()
            .map(|described| described.addresses.len())
            .sum();
        let asked = Asked {
            files: machines.chunks(CHUNK).map(concatenated).collect(),
            name: format!("oracle-{number}-{}", self.iommu.name()),
            limit: BOOT + FUNCTION * u32::try_from(functions)?,
        };
        let text = if self.setup.kernel.is_in_user_mode() {
            self.in_user_mode(&asked)?
        } else {
            self.in_guest(&asked)?
        };
        let lines: Vec<_> = text.lines().collect();
        if lines.len() != machines.len() {
            bail!("{} answers on {} machines", lines.len(), machines.len());
        }
        let answers = lines.iter().zip(machines);
        Ok(answers
            .map(|(line, asked)| Answer::parse(line, asked))
            .collect())
    }

    /// The answers of a kernel that QEMU boots. The questions are in its initramfs.
    fn in_guest(&self, asked: &Asked) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let initramfs = folder.path().join("initramfs");
        fs::copy(&self.setup.initramfs, &initramfs)?;
        let files = asked.named();
        let files = files.map(|(name, bytes)| (format!("{FOLDER}/{name}"), bytes));
        initramfs::append(&initramfs, files)?;
        let setup = Setup {
            initramfs,
            options: OPTIONS,
            ..self.setup.clone()
        };
        let machine = GuestHardware::bare(1, self.iommu);
        in_guest(&setup, &machine, &asked.name, asked.limit, |vm| {
            vm.check(&self.script(FOLDER))
        })
    }

    /// The answers of a kernel in user mode. The questions are in a folder that it shares with the host.
    fn in_user_mode(&self, asked: &Asked) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let questions = folder.path().join(FOLDER);
        fs::create_dir(&questions)?;
        for (name, bytes) in asked.named() {
            fs::write(questions.join(name), bytes)?;
        }
        let setup = Setup {
            options: OPTIONS,
            ..self.setup.clone()
        };
        let script = self.script(&format!("host/{FOLDER}"));
        let log = setup.kernel.logs.join(format!("{}.log", asked.name));
        user_mode::run(&setup, folder.path(), &script, asked.limit, &log)
    }

    /// A line of shell that prints the answers to the files of a folder.
    fn script(&self, folder: &str) -> String {
        let modules = self.modules.iter().chain([&MODULE]);
        let mut commands: Vec<_> = modules
            .map(|module| format!("/sbin/modprobe {module}"))
            .collect();
        commands.push(format!(
            "for file in /{folder}/*; do exec 3<>/dev/{MODULE}; cat $file >&3; cat <&3; exec 3>&-; done"
        ));
        commands.push(format!("/sbin/rmmod {MODULE}"));
        commands.join(" && ")
    }
}

/// What one boot is about.
struct Asked {
    /// The descriptions, some machines in each file.
    files: Vec<Vec<u8>>,
    /// The name of the log.
    name: String,
    limit: Duration,
}

impl Asked {
    /// The files with names in the order of the questions.
    fn named(&self) -> impl Iterator<Item = (String, &[u8])> {
        let files = (0..).zip(&self.files);
        files.map(|(number, bytes): (usize, _)| (format!("{number:06}"), bytes.as_slice()))
    }
}

fn concatenated(machines: &[Described]) -> Vec<u8> {
    let bytes = machines
        .iter()
        .flat_map(|described| described.bytes.iter().copied());
    bytes.collect()
}
