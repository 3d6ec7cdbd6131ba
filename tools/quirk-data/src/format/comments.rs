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
        let lower = line.to_lowercase();
        let names_another = ["spdx-", "license:", "licence:"]
            .into_iter()
            .any(|mark| lower.contains(mark));
        let words = RESTRICTING.into_iter().find(|words| lower.contains(words));
        let problem = match words {
            _ if names_another => "not the licence of the project's data".to_owned(),
            Some(words) => format!("\"{words}\" contradicts the licence of the project's data"),
            None => continue,
        };
        let help = format!(
            "if the holder of the rights agrees, write \"{LICENSE}\" and take out what contradicts it"
        );
        notes.add(Rule::License, &place, "file", problem, help);
    }
}
