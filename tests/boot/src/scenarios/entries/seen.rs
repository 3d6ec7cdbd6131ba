// SPDX-License-Identifier: GPL-2.0-only

//! What was seen in a boot, and what that means for each entry.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::{Result, bail, ensure};

use super::{
    board::Place,
    sample::{Sample, Subject},
    verdict::{Answers, NO, NO_OPINION},
};
use crate::{groups::Groups, space::Space};

/// The last stage of a boot.
pub(super) const APART: &str = "with the module";

/// What was seen in a boot.
#[derive(Debug)]
pub struct Seen {
    /// Where the packages stood, those of one entry after those of another.
    pub(super) places: Vec<Place>,
    /// The groups after each stage, with what was done.
    pub(super) stages: [(&'static str, Groups); 4],
    /// What the kernel answered without the module.
    pub(super) answers: Answers,
    /// For each entry, whether the module counted it as granted in the last stage.
    pub(super) granted: Vec<bool>,
    /// What the module said of devices in the last stage.
    pub(super) log: Vec<String>,
}

impl Seen {
    /// Compares what was seen of the entry at `position` with what it says.
    ///
    /// # Errors
    ///
    /// The package that is not grouped as it should be, and what the module said of it.
    pub(super) fn judge(&self, subjects: &[Subject], position: usize) -> Result<()> {
        let subject = &subjects[position];
        let before: usize = subjects[..position]
            .iter()
            .map(|subject| subject.samples.len())
            .sum();
        for (sample, place) in subject.samples.iter().zip(&self.places[before..]) {
            let names: Vec<String> = (0..sample.functions.len())
                .map(|number| format!("{}.{number}", place.address))
                .collect();
            for (stage, groups) in &self.stages {
                let wanted: Vec<Vec<&str>> = if *stage == APART && sample.stranger.is_none() {
                    names.iter().map(|name| vec![name.as_str()]).collect()
                } else {
                    vec![names.iter().map(String::as_str).collect()]
                };
                if let Some(difference) = groups.around(&place.address).differ(&wanted) {
                    bail!(
                        "{stage}, {}: {difference}{}",
                        describe(sample, &place.address),
                        said(&self.log, &place.address)
                    );
                }
            }
        }
        self.corrects(subject)?;
        let splits = subject
            .samples
            .iter()
            .any(|sample| sample.stranger.is_none());
        ensure!(
            !splits || self.granted[position],
            "the module has not counted a single claim of the entry"
        );
        Ok(())
    }

    /// What the kernel answered by itself is what the entry adds to, or what it corrects.
    fn corrects(&self, subject: &Subject) -> Result<()> {
        let expected = if subject.supersedes { NO } else { NO_OPINION };
        let claimed = subject.samples.iter().filter(|one| one.stranger.is_none());
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
fn describe(sample: &Sample, address: &str) -> String {
    let kind = sample.kind.name();
    match &sample.stranger {
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
