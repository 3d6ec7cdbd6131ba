// SPDX-License-Identifier: GPL-2.0-only

//! A guest that boots as a computer with Secure Boot does: from firmware, by shim and GRUB.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// QEMU's arguments for a boot with Secure Boot: the firmware verifies shim, shim verifies GRUB, and GRUB has shim
/// verify the kernel. Makes the boot disk and the firmware's variables in `folder`.
///
/// # Errors
///
/// When a file of them is missing, or the disk cannot be written.
pub(crate) fn arguments(
    firmware: &Path,
    kernel: &Path,
    initramfs: &Path,
    options: &str,
    folder: &Path,
) -> Result<Vec<String>> {
    let (esp, variables) = (folder.join("esp"), folder.join("vars.fd"));
    // The signed GRUB reads its configuration from EFI/debian.
    for place in ["EFI/BOOT", "EFI/debian"] {
        fs::create_dir_all(esp.join(place))?;
    }
    let commands = format!("linux /vmlinuz {options}\ninitrd /initrd\nboot\n");
    fs::write(esp.join("EFI/debian/grub.cfg"), commands)?;
    for (from, to) in [
        (firmware.join("vars.fd"), variables.clone()),
        (firmware.join("shim.efi"), esp.join("EFI/BOOT/BOOTX64.EFI")),
        (firmware.join("grub.efi"), esp.join("EFI/BOOT/grubx64.efi")),
        (kernel.to_owned(), esp.join("vmlinuz")),
        (initramfs.to_owned(), esp.join("initrd")),
    ] {
        fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    let code = firmware.join("code.fd");
    let flash = |unit, file: &Path, more| {
        let file = file.display();
        format!("if=pflash,format=raw,unit={unit},file={file}{more}")
    };
    let arguments = [
        // Only the firmware, in system management mode, may write its variables.
        "-machine".to_owned(),
        "smm=on".to_owned(),
        "-global".to_owned(),
        "driver=cfi.pflash01,property=secure,value=on".to_owned(),
        "-drive".to_owned(),
        flash(0, &code, ",readonly=on"),
        "-drive".to_owned(),
        flash(1, &variables, ""),
        "-drive".to_owned(),
        format!(
            "if=none,id=esp,format=raw,readonly=on,file=fat:{}",
            esp.display()
        ),
        "-device".to_owned(),
        "virtio-blk-pci,drive=esp,bus=pcie.0,addr=2.0".to_owned(),
    ];
    Ok(arguments.into())
}
