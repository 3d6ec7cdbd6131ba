// SPDX-License-Identifier: GPL-2.0-only

//! What was observations in a boot, and what that means for each entry.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::{Result, bail, ensure};

use super::{
    device::{EmulatedDevice, TestedEntry},
    slots::Slot,
    verdict::{Answers, NO, NO_OPINION},
};
use crate::{groups::Groups, space::Space};

/// The last stage of a boot.
pub(super) const APART: &str = "with the module";

/// What was observations in a boot.
#[derive(Debug)]
pub struct Observations {
    /// Where the packages stood, those of one entry after those of another.
    pub(super) places: Vec<Slot>,
    /// The groups after each stage, with what was done.
    pub(super) stages: [(&'static str, Groups); 4],
    /// What the kernel answered without the module.
    pub(super) answers: Answers,
    /// For each entry, whether the module counted it as granted in the last stage.
    pub(super) granted: Vec<bool>,
    /// What the module said of devices in the last stage.
    pub(super) log: Vec<String>,
}

impl Observations {
    /// Compares what was observations of the entry at `position` with what it says.
    ///
    /// # Errors
    ///
    /// The package that is not grouped as it should be, and what the module said of it.
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

    /// What the kernel answered by itself is what the entry adds to, or what it corrects.
    fn check_kernel_answers(&self, entry: &TestedEntry) -> Result<()> {
        let expected = if entry.supersedes { NO } else { NO_OPINION };
        let claimed = entry.devices.iter().filter(|one| one.stranger.is_none());
        for (vendor, device) in claimed
            .flat_map(|one| &one.functions)
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

/// A package in words.
fn describe(device: &EmulatedDevice, address: &str) -> String {
    let kind = device.kind.name();
    match &device.stranger {
        None => format!("{kind} functions of the entry at {address}"),
        Some(what) => format!("one function of the entry ({kind}) beside {what}, at {address}"),
    }
}

/// What the module said of the functions in a slot.
fn said(log: &[String], address: &str) -> String {
    let mut text = String::new();
    for line in log.iter().filter(|line| line.contains(address)) {
        let _ = write!(text, "\n    {line}");
    }
    text
}
