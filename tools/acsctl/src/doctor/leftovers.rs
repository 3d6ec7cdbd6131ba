// SPDX-License-Identifier: GPL-2.0-only

//! Checks for the remains of a regroup that was killed.

use super::Diagnosis;
use crate::host::{HostPaths, names, text};

pub(super) fn check(paths: &HostPaths) -> Vec<Diagnosis> {
    let check = "regroup";
    let mut found = Vec::new();
    let left = names(&paths.run.join("acsctl"));
    for name in left.iter().filter(|name| name.starts_with("regroup-")) {
        let finding = format!("a run was killed, or is waiting for the kernel: /run/acsctl/{name}");
        let what = name
            .trim_start_matches("regroup-")
            .trim_end_matches(".json");
        let remedy = format!("run acsctl regroup {what}, which restores everything");
        found.push(Diagnosis::fail(check, finding, remedy));
    }
    let autoprobe = text(&paths.pci().join("drivers_autoprobe"));
    if autoprobe.as_deref() == Some("0") && found.is_empty() {
        let finding = "drivers_autoprobe is off: new PCI devices get no driver";
        let remedy = "unless you want that: echo 1 > /sys/bus/pci/drivers_autoprobe";
        found.push(Diagnosis::warn(check, finding, remedy));
    }
    found
}
