// SPDX-License-Identifier: GPL-2.0-only

//! Reads the results of the boot integration, which `packaging/boot/acs-quirks-boot` writes: for each stage a
//! file with one word and a sentence.

use super::Diagnosis;
use crate::host::{HostPaths, text};

const CHECK: &str = "boot";

/// The stages, and what each is.
const STAGES: [(&str, &str); 2] = [
    ("early", "in the initramfs"),
    ("late", "in the started system"),
];

/// No finding for a stage that did not run: the boot integration may not be installed.
pub(super) fn check(paths: &HostPaths) -> Vec<Diagnosis> {
    let folder = paths.run.join("acs-quirks");
    let found = STAGES.iter().filter_map(|(stage, place)| {
        let result = text(&folder.join(stage))?;
        let (word, sentence) = result.split_once(' ').unwrap_or((&result, ""));
        Some(match word {
            "done" => Diagnosis::pass(CHECK, format!("{place}: {sentence}")),
            "off" => Diagnosis::pass(CHECK, format!("{place}: off: {sentence}")),
            _ => Diagnosis::warn(
                CHECK,
                format!("{place}: {sentence}"),
                format!(
                    "the log is {}; after the cause is removed: acsctl regroup --all",
                    folder.join(format!("{stage}.log")).display()
                ),
            ),
        })
    });
    found.collect()
}
