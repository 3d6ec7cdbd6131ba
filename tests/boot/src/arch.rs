// SPDX-License-Identifier: GPL-2.0-only

//! The architectures of the guests. All architecture-specific code of the bench is in this file.
//! The scripts have theirs in `scripts/lib.sh`.

use std::env;

use anyhow::{Result, bail};

use crate::machine::Iommu;

/// The properties of guests of one architecture.
#[derive(Clone, Copy, Debug)]
pub struct Arch {
    /// Debian's name of the architecture.
    pub name: &'static str,
    /// Rust's name of the architecture, as in [`env::consts::ARCH`].
    pub rust_name: &'static str,
    /// Suffix of the architecture's folders in the cache.
    pub suffix: &'static str,
    /// Name of the QEMU program.
    pub qemu: &'static str,
    /// QEMU's arguments for the machine, without the devices of a scenario.
    pub machine: &'static [&'static str],
    /// QEMU's arguments for ACPI hot-plug, and for native hot-plug.
    pub hotplug: [&'static [&'static str]; 2],
    /// Kernel options of the architecture. `console` is the first serial port. The kernel passes
    /// `SHELL_PORT` to `guest/init`.
    pub kernel_options: &'static str,
    /// The IOMMUs that QEMU offers. The first is the default.
    pub iommus: &'static [Iommu],
    /// Tests that the architecture cannot run, by the beginning of their names, with the reason.
    /// Tests that [`GuestHardware::fits`] excludes need no line here.
    ///
    /// [`GuestHardware::fits`]: crate::machine::GuestHardware::fits
    pub not_for_it: &'static [(&'static str, &'static str)],
    /// Folder of the guest's programs in the build root.
    pub programs: &'static str,
    /// Folder of the programs' libraries, in the build root and in the guest.
    pub libraries: &'static str,
}

const AMD64: Arch = Arch {
    name: "amd64",
    rust_name: "x86_64",
    suffix: "",
    qemu: "qemu-system-x86_64",
    // Five levels of page tables are slower under emulation, and KASAN reports its own accesses while the kernel identifies the
    // processor again. The other features make the kernel copy and clear memory with string instructions, which are emulated byte
    // by byte.
    machine: &[
        "-machine",
        "q35,kernel-irqchip=split",
        "-cpu",
        "max,la57=off,erms=off,fsrm=off,fsrs=off,fzrm=off",
    ],
    hotplug: [
        &[],
        &[
            "-global",
            "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
        ],
    ],
    // On a busy host, the kernel's timer check can fail in the emulated machine. The kernel panics
    // then.
    kernel_options: "console=ttyS0 SHELL_PORT=ttyS1 intel_iommu=on no_timer_check",
    iommus: &[Iommu::Intel, Iommu::Amd, Iommu::Virtio],
    not_for_it: &[],
    programs: "/usr/bin",
    libraries: "/lib/x86_64-linux-gnu",
};

const FOREIGN: &str =
    "the guest runs a program of the build root, which is of another architecture";

/// QEMU's `virt` machine, with firmware: without firmware it has neither ACPI nor a second root
/// bus.
const ARM64: Arch = Arch {
    name: "arm64",
    rust_name: "aarch64",
    suffix: "-arm64",
    qemu: "qemu-system-aarch64",
    machine: &[
        "-machine",
        "virt,gic-version=3",
        "-cpu",
        // The architecture's own pointer authentication algorithm is slow in emulation.
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
        ("two-machines", FOREIGN),
        ("regroup-udev", FOREIGN),
        (
            "doctor-no-remapping",
            "its interrupt controller keeps devices apart, whatever the IOMMU",
        ),
        ("conventional-bridge", NO_ALIASES),
        ("requester-id", NO_ALIASES),
        ("regroup-aliases", NO_ALIASES),
        ("regroup-withheld", NO_ALIASES),
        ("regroup-taken-back", NO_ALIASES),
        (
            "torn-out",
            "QEMU ends itself when it cannot map memory for a function that is gone, as virtio-iommu asks of it",
        ),
    ],
    programs: "/guest/arm64/usr/bin",
    libraries: "/lib/aarch64-linux-gnu",
};

/// With such requester IDs, the kernel works without an IOMMU, or warns.
const NO_ALIASES: &str = "QEMU's virtio-iommu refuses numbers under which there is no function";

impl Arch {
    /// The architecture that `ACS_QUIRKS_ARCH` names. The default is amd64.
    ///
    /// # Errors
    ///
    /// When the architecture is unknown.
    pub fn from_env() -> Result<&'static Self> {
        let name = env::var("ACS_QUIRKS_ARCH").unwrap_or_default();
        match name.as_str() {
            "" | "amd64" => Ok(&AMD64),
            "arm64" => Ok(&ARM64),
            _ => bail!("ACS_QUIRKS_ARCH={name}: guests can be of amd64 and of arm64"),
        }
    }

    /// Whether this host runs programs of the architecture without emulation.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.rust_name == env::consts::ARCH
    }

    /// Resolves [`Iommu::Usual`] to the default of the architecture.
    #[must_use]
    pub fn iommu(&self, wanted: Iommu) -> Iommu {
        match (wanted, self.iommus) {
            (Iommu::Usual, [usual, ..]) => *usual,
            _ => wanted,
        }
    }

    /// Whether guests can have this IOMMU, or none.
    #[must_use]
    pub fn has(&self, iommu: Iommu) -> bool {
        matches!(iommu, Iommu::None | Iommu::Usual) || self.iommus.contains(&iommu)
    }

    /// Whether guests run the test of this name.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        let mut others = self.not_for_it.iter();
        !others.any(|(other, _)| name.starts_with(other))
    }
}
