// SPDX-License-Identifier: GPL-2.0-only

//! Checks for the remains of a regroup that was killed.

use super::Diagnosis;
use crate::host::{HostPaths, names, text};

pub(super) fn look(paths: &HostPaths) -> Vec<Diagnosis> {
    let check = "regroup";
    let mut found = Vec::new();
    let left = names(&paths.run.join("acsctl"));
    for name in left.iter().filter(|name| name.starts_with("regroup-")) {
        let finding = format!("one was killed or waits for the kernel: /run/acsctl/{name}");
        let what = name
            .trim_start_matches("regroup-")
            .trim_end_matches(".json");
        let remedy = format!("acsctl regroup {what} puts everything back");
        found.push(Diagnosis::fail(check, finding, remedy));
    }
    let autoprobe = text(&paths.pci().join("drivers_autoprobe"));
    if autoprobe.as_deref() == Some("0") && found.is_empty() {
        let finding = "PCI devices that come get no driver: drivers_autoprobe is off";
        let remedy = "if nobody wants that: echo 1 > /sys/bus/pci/drivers_autoprobe";
        found.push(Diagnosis::warn(check, finding, remedy));
    }
    found
}
