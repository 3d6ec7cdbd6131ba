// SPDX-License-Identifier: GPL-2.0-only

//! The observations of a boot, and their comparison with the entries.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::{Result, bail, ensure};

use super::{
    device::{EmulatedDevice, TestedEntry},
    slots::Slot,
    verdict::{Answers, NO, NO_OPINION},
};
use crate::{groups::Groups, space::Space};

/// Name of the last stage of a boot.
pub(super) const APART: &str = "with the module";

/// The observations of a boot.
#[derive(Debug)]
pub struct Observations {
    /// Slots of the devices, in the order of the entries.
    pub(super) places: Vec<Slot>,
    /// The groups after each stage, and the name of the stage.
    pub(super) stages: [(&'static str, Groups); 4],
    /// The kernel's answers without the module.
    pub(super) answers: Answers,
    /// For each entry, whether the module counted a grant in the last stage.
    pub(super) granted: Vec<bool>,
    /// The module's log lines about devices in the last stage.
    pub(super) log: Vec<String>,
}

impl Observations {
    /// Compares the observations with the claim of the entry at index `position`.
    ///
    /// # Errors
    ///
    /// The first device with unexpected groups, and the module's log lines about it.
    pub(super) fn check(&self, entries: &[TestedEntry], position: usize) -> Result<()> {
        let entry = &entries[position];
        let before: usize = entries[..position]
            .iter()
            .map(|entry| entry.devices.len())
            .sum();
        for (device, place) in entry.devices.iter().zip(&self.places[before..]) {
            let names: Vec<String> = (0..device.functions.len())
                .map(|number| format!("{}.{number}", place.address))
                .collect();
            for (stage, groups) in &self.stages {
                let wanted: Vec<Vec<&str>> = if *stage == APART && device.stranger.is_none() {
                    names.iter().map(|name| vec![name.as_str()]).collect()
                } else {
                    vec![names.iter().map(String::as_str).collect()]
                };
                if let Some(difference) = groups.around(&place.address).differ(&wanted) {
                    bail!(
                        "{stage}, {}: {difference}{}",
                        describe(device, &place.address),
                        said(&self.log, &place.address)
                    );
                }
            }
        }
        self.check_kernel_answers(entry)?;
        let splits = entry.devices.iter().any(|device| device.stranger.is_none());
        ensure!(
            !splits || self.granted[position],
            "the module has not counted a single claim of the entry"
        );
        Ok(())
    }

    /// Checks that the kernel's own answer is `-ENOTTY`, or the 0 that the entry supersedes.
    fn check_kernel_answers(&self, entry: &TestedEntry) -> Result<()> {
        let expected = if entry.supersedes { NO } else { NO_OPINION };
        let claimed = entry
            .devices
            .iter()
            .filter(|device| device.stranger.is_none());
        for (vendor, device) in claimed
            .flat_map(|device| &device.functions)
            .filter_map(Space::ids)
        {
            let found = self.answers.on(vendor, device);
            ensure!(
                found == BTreeSet::from([expected]),
                "without the module, the kernel answers {found:?} for {vendor:04x}:{device:04x}, and not \
                 {expected} ({NO}: not isolated, {NO_OPINION}: no opinion)"
            );
        }
        Ok(())
    }
}

/// Describes a device in a message.
fn describe(device: &EmulatedDevice, address: &str) -> String {
    let kind = device.kind.name();
    match &device.stranger {
        None => format!("{kind} functions of the entry at {address}"),
        Some(what) => format!("one function of the entry ({kind}) beside {what}, at {address}"),
    }
}

/// The module's log lines about the functions in a slot.
fn said(log: &[String], address: &str) -> String {
    let mut text = String::new();
    for line in log.iter().filter(|line| line.contains(address)) {
        let _ = write!(text, "\n    {line}");
    }
    text
}
