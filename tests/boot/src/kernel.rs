// SPDX-License-Identifier: GPL-2.0-only

//! The prepared kernels, as `scripts/prepare-kernel.sh` and `scripts/build-modules.sh` leave them.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use acsctl::regroup::DRIVERS_WAIT_SINCE;
use anyhow::{Context, Result, bail};
use quirk_data::supported;
use rules::release::Release;

use crate::{arch::Arch, machine::Iommu};

/// A stock kernel, and the modules built for it.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The architecture that the kernel is built for.
    pub arch: &'static Arch,
    /// Name in tests: the release, and after an `@` the crates that its modules are built with, unless they
    /// are built from headers.
    pub name: String,
    /// Release, as `uname -r` prints it.
    pub release: String,
    /// The kernel image: a program for a kernel in user mode; otherwise decompressed if the folder has it so, which saves
    /// seconds of emulation.
    pub image: PathBuf,
    /// Folder with `lib/modules/<release>`: the installed modules of the project, and the kernel's
    /// own modules that a guest needs.
    pub modules: PathBuf,
    /// Folder with the programs for the guest.
    pub programs: PathBuf,
    /// Folder for the logs of guests.
    pub logs: PathBuf,
    /// Whether only the tests in [`CORE`] are to be run on the kernel.
    pub core_only: bool,
}

/// Tests that show where kernels differ: that the module loads and its hook is reached, on each IOMMU; what the
/// kernel's own handlers answer; hot-plug; VFIO; a regroup; and that the model makes the kernel's groups. All
/// other tests are about the project's own code, which is the same on each kernel.
const CORE: [&str; 25] = [
    "split",
    "split-amd",
    "split-virtio",
    "withdrawn",
    "integrated",
    "in-tree",
    "catch-all",
    "switch-whole",
    "root-ports",
    "hotplug-acpi",
    "hotplug-native",
    "held",
    "interface",
    "kprobes-off",
    "missing",
    "no-function",
    "other-function",
    "record",
    "regroup",
    "owner",
    "doctor",
    "two-machines",
    "oracle::recorded-machines",
    "oracle::in-tree-quirks",
    "oracle::random-machines",
];

/// Tests in [`CORE`] about `acsctl` and virtual machines. They, and the oracle, depend on the kernel and not on
/// the crates that the module is built with, so they run once for a kernel.
const ABOUT_TOOLS: [&str; 4] = ["doctor", "owner", "regroup", "two-machines"];

/// Tests of the module as a file. A module with more in it than its own code is larger, and may need others.
const ABOUT_FILES: [&str; 3] = ["interface", "other-build", "other-kernel"];

/// Tests in which QEMU 10.0 ends where the machine has two processors, by an assertion of its AMD IOMMU
/// (`amdvi_notify_iommu()` in `hw/i386/amd_iommu.c`).
const ONE_PROCESSOR: [&str; 1] = ["two-machines-amd"];

/// Tests that kernels before a series cannot run, by the beginning of their names, with the reason.
/// Tests on an IOMMU that makes groups only when a driver binds need no line here:
/// [`Kernel::fits`].
const NOT_BEFORE: [(&str, Release, &str); 13] = [
    (
        "doctor",
        Release::new(5, 14),
        "the model was not compared with 5.10, so acsctl doctor only warns of groups that are too fine",
    ),
    (
        "mainline",
        Release::new(5, 13),
        "mainline has the scenario's entry since then",
    ),
    ("integrated", Release::new(5, 14), ROOT_BUS),
    ("no-device", Release::new(5, 14), ROOT_BUS),
    ("root-ports", Release::new(5, 14), ROOT_BUS),
    ("owner", Release::new(5, 14), ROOT_BUS),
    ("regroup-late", DRIVERS_WAIT_SINCE, BINDS_AT_ONCE),
    ("regroup-port-gone", DRIVERS_WAIT_SINCE, BINDS_AT_ONCE),
    ("regroup-pending", Release::new(6, 17), NAMES_NO_FUNCTION),
    ("regroup-vfio", Release::new(6, 17), NAMES_NO_FUNCTION),
    (
        "hotplug-held",
        Release::new(6, 12),
        "Intel's IOMMU driver crashes in dmar_remove_one_dev_info() when the pulled function is released",
    ),
    (
        "oracle::random-machines",
        Release::new(6, 0),
        "AMD's IOMMU driver ignores the domain, so it takes a synthetic function for the host's of that address",
    ),
    (
        "other-build",
        Release::new(7, 2),
        "Debian's older kernels compare symbol versions themselves",
    ),
];

const BINDS_AT_ONCE: &str = "the scenario expects that a rescan binds no driver";
const NAMES_NO_FUNCTION: &str = "an open VFIO device does not name its function";

/// With or without the module.
const ROOT_BUS: &str =
    "Intel's IOMMU driver crashes when the functions of a group on a root bus are removed";

/// The cache folder.
///
/// # Errors
///
/// When `ACS_QUIRKS_CACHE` is not set.
pub fn cache() -> Result<PathBuf> {
    env::var_os("ACS_QUIRKS_CACHE")
        .map(PathBuf::from)
        .context("ACS_QUIRKS_CACHE is not set; call this through make, or scripts/in-root.sh")
}

fn image(folder: &Path) -> PathBuf {
    let images = ["linux", "vmlinux", "vmlinuz"].map(|name| folder.join(name));
    let found = images.iter().find(|image| image.is_file());
    found.unwrap_or(&images[2]).clone()
}

impl Kernel {
    /// Finds a kernel of the architecture [`Arch::from_env`]. `name` is its name in the cache: a
    /// series, a release or `newest`. If `name` ends in `@rust-for-linux`, the modules are those
    /// built with Rust-for-Linux's crates; if in `@coverage`, those that record which of their code runs.
    ///
    /// # Errors
    ///
    /// When the kernel is not prepared, or has no modules built for it.
    pub fn find(cache: &Path, name: &str) -> Result<Self> {
        let arch = Arch::from_env()?;
        let folder = |of| cache.join(format!("{of}{}", arch.suffix));
        let programs = folder("programs");
        let (kernel, provider) = match name.split_once('@') {
            Some((kernel, provider)) => (kernel, format!("@{provider}")),
            None => (name, String::new()),
        };
        let folder = folder("kernels").join(kernel);
        let release = fs::read_to_string(folder.join("release"))
            .with_context(|| {
                let arch = arch.name;
                format!(
                    "kernel {kernel} is not prepared; run: make kernel KERNEL={kernel} ARCH={arch}"
                )
            })?
            .trim()
            .to_owned();
        let name = format!("{release}{provider}");
        let modules = cache.join("guest").join(&name);
        if !modules
            .join("lib/modules")
            .join(&release)
            .join("modules.dep")
            .is_file()
        {
            bail!("no modules are installed for kernel {name}; run: make test");
        }
        Ok(Self {
            arch,
            image: image(&folder),
            programs,
            logs: cache.join("logs/guests").join(&name),
            name,
            release,
            modules,
            core_only: false,
        })
    }

    /// The kernel series.
    ///
    /// # Errors
    ///
    /// When the release does not begin with two numbers.
    pub fn series(&self) -> Result<Release> {
        let mut numbers = self.release.split(|c: char| !c.is_ascii_digit());
        let [major, minor] = [(); 2].map(|()| numbers.next().unwrap_or_default());
        let series = format!("{major}.{minor}").parse();
        series.with_context(|| format!("the kernel's release is {}", self.release))
    }

    /// The C compiler that modules for the kernel are built with: the third column of
    /// `scripts/supported-kernels`.
    ///
    /// # Errors
    ///
    /// When the kernel's series is not in the list.
    pub fn compiler(&self) -> Result<&'static str> {
        let series = self.series()?;
        supported::compiler(series).with_context(|| format!("{series} is not a supported series"))
    }

    /// Whether a test is to be run on the kernel, by its name without the kernel's.
    ///
    /// # Errors
    ///
    /// As [`Kernel::series`].
    pub fn runs(&self, test: &str) -> Result<bool> {
        let series = self.series()?;
        let mut lacking = NOT_BEFORE.iter();
        let is_lacking =
            lacking.any(|(name, first, _)| test.starts_with(name) && series.is_before(*first));
        let is_repeated = self.name.contains('@')
            && (test.starts_with("oracle::") || ABOUT_TOOLS.contains(&test));
        let is_other = self.instruments_modules() && ABOUT_FILES.contains(&test)
            || self.finds_races() && ONE_PROCESSOR.contains(&test);
        let is_for_hardware = self.is_in_user_mode() && test != "oracle::random-machines";
        let is_control = test == "detectors" && !self.finds_races() && !self.finds_leaks();
        Ok(!is_lacking
            && !is_repeated
            && !is_other
            && !is_for_hardware
            && !is_control
            && (!self.core_only || CORE.contains(&test)))
    }

    /// Whether a compiler has added calls to the project's modules.
    fn instruments_modules(&self) -> bool {
        self.records_coverage() || !self.has_types()
    }

    /// Whether the kernel has a description of its types (BTF), which tracing the verdicts on entries needs. The kernels that
    /// are built to detect faults lack it.
    #[must_use]
    pub fn has_types(&self) -> bool {
        !self.finds_bad_accesses() && !self.finds_races()
    }

    /// Whether the kernel is a program of the host: [`user_mode`](crate::user_mode).
    #[must_use]
    pub fn is_in_user_mode(&self) -> bool {
        self.release.ends_with("-user-mode")
    }

    /// Whether the project's modules record which of their code runs.
    #[must_use]
    pub fn records_coverage(&self) -> bool {
        self.name.ends_with("@coverage")
    }

    /// Whether the kernel detects accesses to memory that is not allocated.
    #[must_use]
    pub fn finds_bad_accesses(&self) -> bool {
        self.release.ends_with("-debug")
    }

    /// Whether the kernel searches for leaked memory.
    #[must_use]
    pub fn finds_leaks(&self) -> bool {
        ["-debug", "-kunit"]
            .iter()
            .any(|name| self.release.ends_with(name))
    }

    /// Whether the kernel detects data races. It reports those of the whole kernel, so no report is fatal there.
    #[must_use]
    pub fn finds_races(&self) -> bool {
        self.release.ends_with("-kcsan")
    }

    /// How many times as long as a stock kernel this one may take for a test.
    #[must_use]
    pub fn slowness(&self) -> u32 {
        if self.finds_bad_accesses() || self.finds_races() {
            5
        } else {
            1
        }
    }

    /// The options with which `acsctl regroup` accepts vfio-pci on the kernel, and the functions that the tests keep for
    /// it: below the first port, and on the mainboard. `None` if none is needed.
    ///
    /// # Errors
    ///
    /// As [`Kernel::series`].
    pub fn regroup_even_if(&self) -> Result<Option<String>> {
        let is_needed = self.series()?.is_before(DRIVERS_WAIT_SINCE);
        Ok(is_needed.then(|| {
            let kept = ["01:00.0", "01:00.1", "82:00.2", "82:00.3"];
            let kept = kept.map(|function| format!(" --even-if=override:0000:{function}"));
            format!("--even-if=driver:vfio-pci{}", kept.concat())
        }))
    }

    /// Whether the kernel groups functions behind this IOMMU when it adds them. Before Linux 6.15, it groups
    /// functions behind virtio-iommu and an Arm SMMU when a driver binds.
    ///
    /// # Errors
    ///
    /// As [`Kernel::series`].
    pub fn fits(&self, iommu: Iommu) -> Result<bool> {
        let is_early = grouping::model::release::Release::of(self.series()?).group_when_added;
        Ok(is_early || !matches!(iommu, Iommu::Virtio | Iommu::SmmuV3))
    }

    /// The kernels in `ACS_QUIRKS_KERNELS`, separated by spaces. The default is `newest`. With
    /// `ACS_QUIRKS_CORE=1`, all tests run on the last kernel, and only the tests in [`CORE`] on the
    /// others.
    ///
    /// # Errors
    ///
    /// As [`Kernel::find`].
    pub fn from_env() -> Result<Vec<Self>> {
        let cache = cache()?;
        let names = env::var("ACS_QUIRKS_KERNELS").unwrap_or_default();
        let names = if names.trim().is_empty() {
            "newest"
        } else {
            &names
        };
        let mut kernels: Vec<Self> = Vec::new();
        for name in names.split_whitespace() {
            let kernel = Self::find(&cache, name)?;
            if kernels.iter().all(|known| known.name != kernel.name) {
                kernels.push(kernel);
            }
        }
        let (_, others) = kernels.split_last_mut().context("there is no kernel")?;
        for kernel in others {
            kernel.core_only = env::var("ACS_QUIRKS_CORE").is_ok_and(|value| !value.is_empty());
        }
        Ok(kernels)
    }
}
