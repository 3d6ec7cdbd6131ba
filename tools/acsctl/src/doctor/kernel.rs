// SPDX-License-Identifier: GPL-2.0-only

//! Checks whether the module can work on this kernel.

use std::fs;

use quirk_data::supported;

use super::Diagnosis;
use crate::host::{HostPaths, HostView, kprobes, text};

/// The EFI variable with the state of Secure Boot. Its value follows four bytes of attributes.
const SECURE_BOOT: &str = "firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

pub(super) fn check(paths: &HostPaths, host: &HostView<'_>) -> Vec<Diagnosis> {
    vec![series(host), probes(paths, host), lockdown(paths, host)]
}

fn series(host: &HostView<'_>) -> Diagnosis {
    let check = "kernel";
    let version = host
        .topology
        .kernel
        .as_deref()
        .unwrap_or("an unknown version");
    if supported::is_supported(version) {
        return Diagnosis::pass(check, format!("{version} is supported"));
    }
    let series: Vec<_> = supported::series().map(|one| one.to_string()).collect();
    let finding = format!(
        "{version} is of a series that no test boots (tests boot {})",
        series.join(", ")
    );
    let remedy = "the module checks at load that it fits the kernel; a regroup needs --even-if=kernel:VERSION, as the \
                  owner's guide says. To have a tested series on Debian 13: apt install -t trixie-backports \
                  linux-image-amd64";
    Diagnosis::warn(check, finding, remedy)
}

fn probes(paths: &HostPaths, host: &HostView<'_>) -> Diagnosis {
    let check = "kprobes";
    let remedy = "echo 1 > /sys/kernel/debug/kprobes/enabled";
    match kprobes(paths) {
        Some(true) => Diagnosis::pass(check, "enabled"),
        Some(false) if host.loaded().is_empty() => Diagnosis::warn(check, "disabled", remedy),
        Some(false) => {
            let finding = "disabled, so the loaded module has no effect";
            Diagnosis::fail(check, finding, remedy)
        }
        None => {
            let finding = "not checked: cannot read /sys/kernel/debug/kprobes/enabled";
            Diagnosis::warn(
                check,
                finding,
                "run acsctl doctor as root; mount debugfs if it is not mounted",
            )
        }
    }
}

fn lockdown(paths: &HostPaths, host: &HostView<'_>) -> Diagnosis {
    let check = "lockdown";
    let all = text(&paths.sys.join("kernel/security/lockdown")).unwrap_or_default();
    let level = all.split(['[', ']']).nth(1).unwrap_or_default();
    let secure = fs::read(paths.sys.join(SECURE_BOOT)).ok();
    let secure = secure.and_then(|bytes| bytes.get(4).copied()) == Some(1);
    let boot = if secure {
        ", and Secure Boot is on"
    } else {
        ""
    };
    let is_locked = !matches!(level, "" | "none");
    match (is_locked, host.loaded().is_empty()) {
        (false, _) if level.is_empty() => {
            Diagnosis::pass(check, format!("not reported by the kernel{boot}"))
        }
        (false, _) => Diagnosis::pass(check, format!("off{boot}")),
        (true, false) => {
            let finding = format!("at \"{level}\"{boot}; the loaded module is signed");
            Diagnosis::pass(check, finding)
        }
        (true, true) => {
            let finding = format!(
                "at \"{level}\"{boot}: the kernel loads only modules whose signature it trusts"
            );
            let remedy = "sign acs_quirks.ko with a key that the firmware trusts: \
                          Documentation/owners-guide.md, \"Secure Boot\"";
            Diagnosis::warn(check, finding, remedy)
        }
    }
}
