// SPDX-License-Identifier: GPL-2.0-only

//! The files that guests boot from, made once for each kernel.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    initramfs,
    kernel::{self, Kernel},
    machine::{GuestHardware, Iommu},
    vm::Vm,
};

/// Time limit for a trial boot under KVM. The boot needs a third of it.
const TRIAL: Duration = Duration::from_secs(8);

/// Memory of a usual guest, in MiB.
const MEMORY: u32 = 512;

/// How QEMU runs the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// The host's KVM.
    Kvm,
    /// Emulation in software.
    Tcg,
}

impl Accelerator {
    /// The name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kvm => "KVM",
            Self::Tcg => {
                "emulation (KVM is for this machine's architecture; here it is absent, or was tried and does not work)"
            }
        }
    }

    /// Argument of QEMU's option `-accel`.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg,thread=multi",
        }
    }
}

/// A kernel, the guest's initramfs for it, and the accelerator.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The kernel to boot.
    pub kernel: Kernel,
    /// The initramfs, a cpio archive.
    pub initramfs: PathBuf,
    /// How QEMU runs the guest.
    pub accelerator: Accelerator,
    /// Additional kernel options.
    pub options: &'static str,
    /// The guest's memory, in MiB.
    pub memory: u32,
    /// The image of the root disk, at 00:02.0. Without it, the guest runs in its initramfs.
    pub disk: Option<PathBuf>,
    /// The folder of `scripts/prepare-secure-boot.sh`: the guest boots as a computer with Secure Boot does, from
    /// firmware by shim and GRUB, and its boot disk is at 00:02.0. Without it, QEMU starts the kernel.
    pub firmware: Option<PathBuf>,
}

impl Setup {
    /// Prepares `folder` for guests on `kernel`.
    ///
    /// # Errors
    ///
    /// When the initramfs cannot be written.
    pub fn new(kernel: Kernel, folder: &Path) -> Result<Self> {
        let initramfs = folder.join(&kernel.name);
        initramfs::write(&kernel, &initramfs)?;
        let mut setup = Self {
            kernel,
            initramfs,
            accelerator: Accelerator::Tcg,
            options: "",
            memory: MEMORY,
            disk: None,
            firmware: None,
        };
        if setup.kernel.is_in_user_mode() {
            return Ok(setup);
        }
        if setup.kvm_works()? {
            setup.accelerator = Accelerator::Kvm;
        }
        eprintln!(
            "guests on {} run under {}",
            setup.kernel.name,
            setup.accelerator.name()
        );
        Ok(setup)
    }

    /// The setup with a program of the build root in its initramfs, and the program's libraries and `files`. The new
    /// initramfs is written to `folder`.
    ///
    /// # Errors
    ///
    /// When a file is missing, or the initramfs cannot be written.
    pub fn with_program(&self, folder: &Path, program: &Path, files: &[PathBuf]) -> Result<Self> {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let initramfs = folder.join(format!("{}-{name}", self.kernel.name));
        fs::copy(&self.initramfs, &initramfs)?;
        initramfs::append_program(&initramfs, self.kernel.arch, program, files)?;
        Ok(Self {
            initramfs,
            ..self.clone()
        })
    }

    /// Whether a guest boots under KVM. KVM requires a guest of the host's architecture. `/dev/kvm`
    /// alone proves nothing: inside a virtual machine, KVM may exist and fail. So this function
    /// boots one guest, and stores the answer for all kernels in the file `kvm-works` of the cache.
    fn kvm_works(&self) -> Result<bool> {
        if !self.kernel.arch.is_ours() {
            return Ok(false);
        }
        if File::options()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_err()
        {
            return Ok(false);
        }
        let answer = kernel::cache()?.join("kvm-works");
        if let Ok(known) = fs::read_to_string(&answer) {
            return Ok(known == "yes");
        }
        let trial = Self {
            accelerator: Accelerator::Kvm,
            ..self.clone()
        };
        let machine = GuestHardware::bare(1, Iommu::None);
        let deadline = Instant::now() + TRIAL;
        let log = self.kernel.logs.join("kvm.log");
        let works = Vm::boot(&trial, &machine, deadline, &log).is_ok();
        fs::write(answer, if works { "yes" } else { "no" })?;
        Ok(works)
    }
}
