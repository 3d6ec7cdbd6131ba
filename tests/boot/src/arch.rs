// SPDX-License-Identifier: GPL-2.0-only

//! The architectures that guests can have. Nothing else in the bench knows any; what the scripts know is
//! in `scripts/lib.sh`.

use std::env;

use anyhow::{Result, bail};

use crate::machine::Iommu;

/// What is peculiar to the guests of one architecture.
#[derive(Clone, Copy, Debug)]
pub struct Arch {
    /// Debian's name for it.
    pub name: &'static str,
    /// Rust's name for it, as in [`env::consts::ARCH`].
    pub rust_name: &'static str,
    /// The end of the names of folders in the cache that are for it alone.
    pub suffix: &'static str,
    /// QEMU.
    pub qemu: &'static str,
    /// QEMU's arguments for the machine without the devices of a scenario.
    pub machine: &'static [&'static str],
    /// QEMU's arguments for plugging as ACPI has it, and as ports themselves have it.
    pub hotplug: [&'static [&'static str]; 2],
    /// What the kernel's command line has for it alone. `console` is the first serial port; the
    /// kernel hands `SHELL_PORT` to `guest/init`.
    pub kernel_options: &'static str,
    /// The IOMMUs that its guests can have; the first is the usual one.
    pub iommus: &'static [Iommu],
    /// Tests that are not for it, by the beginning of their names, and why; what [`GuestHardware::fits`] tells
    /// need not be said.
    ///
    /// [`GuestHardware::fits`]: crate::machine::GuestHardware::fits
    pub not_for_it: &'static [(&'static str, &'static str)],
    /// Where its programs lie in the build root.
    pub programs: &'static str,
    /// Where the libraries of these lie, there and in the guest.
    pub libraries: &'static str,
}

/// A PC.
const AMD64: Arch = Arch {
    name: "amd64",
    rust_name: "x86_64",
    suffix: "",
    qemu: "qemu-system-x86_64",
    machine: &["-machine", "q35,kernel-irqchip=split", "-cpu", "max"],
    hotplug: [
        &[],
        &[
            "-global",
            "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
        ],
    ],
    // The check of the timer fails on an emulated machine that gets too little of a busy host's time,
    // and then the kernel panics.
    kernel_options: "console=ttyS0 SHELL_PORT=ttyS1 intel_iommu=on no_timer_check",
    iommus: &[Iommu::Intel, Iommu::Amd, Iommu::Virtio],
    not_for_it: &[],
    programs: "/usr/bin",
    libraries: "/lib/x86_64-linux-gnu",
};

/// QEMU's machine for arm64, with firmware: without it there is no ACPI, and no second root bus.
const ARM64: Arch = Arch {
    name: "arm64",
    rust_name: "aarch64",
    suffix: "-arm64",
    qemu: "qemu-system-aarch64",
    machine: &[
        "-machine",
        "virt,gic-version=3",
        "-cpu",
        // The architecture's own algorithm for signing pointers takes long in emulation.
        "max,pauth-impdef=on",
        "-bios",
        "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
    ],
    hotplug: [
        &[
            "-global",
            "acpi-ged.acpi-pci-hotplug-with-bridge-support=on",
        ],
        &[],
    ],
    kernel_options: "console=ttyAMA0 SHELL_PORT=ttyAMA1",
    iommus: &[Iommu::Virtio, Iommu::SmmuV3],
    not_for_it: &[
        (
            "two-machines",
            "the guest runs the build root's QEMU, which is of another architecture",
        ),
        (
            "doctor-no-remapping",
            "its interrupt controller keeps devices apart, whatever the IOMMU",
        ),
        ("conventional-bridge", NO_ALIASES),
        ("regroup-aliases", NO_ALIASES),
        (
            "torn-out",
            "QEMU ends itself when it cannot map memory for a function that is gone, as virtio-iommu asks of it",
        ),
    ],
    programs: "/guest/arm64/usr/bin",
    libraries: "/lib/aarch64-linux-gnu",
};

/// Where the kernel then does without an IOMMU, or warns.
const NO_ALIASES: &str = "QEMU's virtio-iommu refuses numbers under which there is no function";

impl Arch {
    /// The one that `ACS_QUIRKS_ARCH` names; amd64 when it is not set.
    ///
    /// # Errors
    ///
    /// When it is not known.
    pub fn from_env() -> Result<&'static Self> {
        let name = env::var("ACS_QUIRKS_ARCH").unwrap_or_default();
        match name.as_str() {
            "" | "amd64" => Ok(&AMD64),
            "arm64" => Ok(&ARM64),
            _ => bail!("ACS_QUIRKS_ARCH={name}: guests can be of amd64 and of arm64"),
        }
    }

    /// Whether programs for it run here without emulation.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.rust_name == env::consts::ARCH
    }

    /// Which IOMMU its guests have where a machine asks for this one.
    #[must_use]
    pub fn iommu(&self, wanted: Iommu) -> Iommu {
        match (wanted, self.iommus) {
            (Iommu::Usual, [usual, ..]) => *usual,
            _ => wanted,
        }
    }

    /// Whether its guests can have this IOMMU, or none.
    #[must_use]
    pub fn has(&self, iommu: Iommu) -> bool {
        matches!(iommu, Iommu::None | Iommu::Usual) || self.iommus.contains(&iommu)
    }

    /// Whether a test of this name is for it.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        let mut others = self.not_for_it.iter();
        !others.any(|(other, _)| name.starts_with(other))
    }
}
