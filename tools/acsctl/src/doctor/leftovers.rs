// SPDX-License-Identifier: GPL-2.0-only

//! Checks for the remains of a regroup that was killed.

use super::Diagnosis;
use crate::{
    host::{HostPaths, text},
    regroup::{Withheld, held_off, records},
};

const CHECK: &str = "regroup";

pub(super) fn check(paths: &HostPaths) -> Vec<Diagnosis> {
    let check = CHECK;
    let mut found = Vec::new();
    for (what, _) in records(&paths.run.join("acsctl"), "regroup-") {
        let finding = format!(
            "a run was killed, or is waiting for the kernel: /run/acsctl/regroup-{what}.json"
        );
        let remedy = format!("run acsctl regroup {what}, which restores everything");
        found.push(Diagnosis::fail(check, finding, remedy));
    }
    match Withheld::all(paths) {
        Ok(all) => found.extend(all.iter().map(|withheld| of_withheld(paths, withheld))),
        Err(error) => found.push(Diagnosis::warn(
            check,
            error.to_string(),
            "otherwise regroup does not begin",
        )),
    }
    let held_off = held_off(paths);
    if let Some(first) = held_off.first().filter(|_| found.is_empty()) {
        let list: Vec<_> = held_off.iter().map(ToString::to_string).collect();
        let finding = format!(
            "a regroup holds drivers off these functions, because it did not find their groups justified: {}",
            list.join(" ")
        );
        let remedy = format!(
            "reboot to group them correctly; acsctl regroup --release {first} lets drivers bind to one"
        );
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

/// A device that a regroup withheld.
fn of_withheld(paths: &HostPaths, withheld: &Withheld) -> Diagnosis {
    let requested = withheld.requested;
    let why = withheld.why.trim_end();
    if !withheld.is_of_this_boot(paths) {
        let finding = format!(
            "before the last boot, a regroup withheld the device of {requested}, because {why}; regroup --all \
             leaves it alone"
        );
        let remedy = format!("acsctl regroup --release {requested} lets it be regrouped again");
        return Diagnosis::warn(CHECK, finding, remedy);
    }
    let back = if withheld.present(paths).is_empty() {
        "it is removed"
    } else {
        "a rescan brought it back: do not pass it through"
    };
    let finding = format!("a regroup withheld the device of {requested}, because {why}; {back}");
    Diagnosis::fail(CHECK, finding, "reboot to group it correctly")
}
