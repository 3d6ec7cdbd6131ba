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

/// Reports each comment line that names another licence or restricts the use of the file, and a file
/// without a line on its licence among the comments at its top.
pub(super) fn check(text: &str, notes: &mut Notes<'_>) {
    let mut start = 0;
    let (mut at_top, mut is_licensed) = (true, false);
    for line in text.split_inclusive('\n') {
        let place = start..start + line.trim_end().len();
        start += line.len();
        // Another finding is about the byte order mark.
        let line = line.trim_start_matches('\u{feff}').trim();
        at_top &= line.is_empty() || line.starts_with('#');
        is_licensed |= at_top && line == LICENSE;
        if !line.starts_with('#') || line == LICENSE {
            continue;
        }
        let lower = line.trim_start_matches('#').trim_start().to_lowercase();
        let names_another = ["spdx-license-identifier", "license:", "licence:"]
            .into_iter()
            .any(|mark| lower.starts_with(mark));
        let problem = if names_another {
            is_licensed |= at_top;
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
    if !is_licensed {
        let problem = "no line at its top names the licence";
        let help = format!("begin the file with the line \"{LICENSE}\"");
        notes.add(Rule::License, &(0..0), "file", problem, help);
    }
}
