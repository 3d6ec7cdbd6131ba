// SPDX-License-Identifier: GPL-2.0-only

//! Checks the comments of a file: the line on its licence, and words that would restrict its use.

use crate::{finding::Notes, rule::Rule};

/// The line on the licence.
const LICENSE: &str = "# SPDX-License-Identifier: GPL-2.0-only";

/// Words of a comment that contradict the licence, in lowercase.
const RESTRICTING: [&str; 6] = [
    "confidential",
    "proprietary",
    "all rights reserved",
    "do not distribute",
    "internal use only",
    "trade secret",
];

/// Reports each comment line that names another licence or restricts the use of the file. A file
/// without a line on its licence has that of the project (CONTRIBUTING.md).
pub(super) fn check(text: &str, notes: &mut Notes<'_>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let place = start..start + line.trim_end().len();
        start += line.len();
        let line = line.trim();
        if !line.starts_with('#') || line == LICENSE {
            continue;
        }
        let lower = line.trim_start_matches('#').trim_start().to_lowercase();
        let names_another = ["spdx-license-identifier", "license:", "licence:"]
            .into_iter()
            .any(|mark| lower.starts_with(mark));
        let problem = if names_another {
            "not the licence of the project's data"
        } else if RESTRICTING.iter().any(|words| lower.contains(words)) {
            "restricts the use of the file"
        } else {
            continue;
        };
        let help = "the data is GPL-2.0-only: write that, if the holder of the rights agrees, and take \
                    out what contradicts it";
        notes.add(Rule::License, &place, "file", problem, help);
    }
}
