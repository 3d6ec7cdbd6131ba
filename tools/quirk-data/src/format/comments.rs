// SPDX-License-Identifier: GPL-2.0-only

//! Checks the comments of a file: the line on its licence, and words that would restrict its use.

use super::strings::comments;
use crate::{finding::Notes, rule::Rule};

/// The line on the licence.
const LICENSE: &str = "# SPDX-License-Identifier: GPL-2.0-only";

/// Words of a comment that contradict the licence, in lowercase.
const RESTRICTING: [&str; 11] = [
    "confidential",
    "proprietary",
    "all rights reserved",
    "do not distribute",
    "internal use only",
    "trade secret",
    "non-disclosure",
    "under nda",
    "redistribution",
    "redistribute",
    "non-commercial",
];

/// How a comment that names its licence begins, in lowercase.
const NAMING: [&str; 3] = ["spdx-license-identifier", "license:", "licence:"];

/// Names of other licences, in lowercase and with the spelling "license".
const OTHERS: [&str; 11] = [
    "cc-by",
    "cc by",
    "creative commons",
    "mit license",
    "mit-license",
    "apache license",
    "apache-2",
    "bsd license",
    "bsd 3-clause",
    "lgpl",
    "public domain",
];

/// Reports each comment that names another licence or restricts the use of the file, and a file
/// without a line on its licence among the comments at its top.
pub(super) fn check(text: &str, notes: &mut Notes<'_>) {
    // Another finding is about the byte order mark.
    let is_of_top = |line: &&str| {
        let line = line.trim_start_matches('\u{feff}').trim_start();
        line.is_empty() || line.starts_with('#')
    };
    let top = text.split_inclusive('\n').take_while(is_of_top);
    let top: usize = top.map(str::len).sum();
    let mut is_licensed = false;
    for place in comments(text) {
        let comment = text[place.clone()].trim_end();
        let at_top = place.start < top;
        if comment == LICENSE {
            is_licensed |= at_top;
            continue;
        }
        let lower = comment.to_lowercase();
        let plain = lower.replace("licence", "license");
        let has = |words: &[&str]| words.iter().any(|words| plain.contains(words));
        let inner = lower.trim_start_matches('#').trim_start();
        // Old editors end a line with CR alone, so that the whole file is this one comment.
        let is_cr = comment.contains('\r');
        let written = if is_cr && comment.starts_with(LICENSE) {
            let help = "save it with LF, or CR and LF, at the ends of lines".to_owned();
            Some(("the lines of this file end with CR alone", help))
        } else if comment.eq_ignore_ascii_case(LICENSE) {
            let help = format!("write it as \"{LICENSE}\"");
            Some((
                "this line has the tag of the licence in other letters",
                help,
            ))
        } else {
            None
        };
        if let Some((problem, help)) = written {
            let place = place.start..place.start + LICENSE.len();
            notes.add(Rule::License, &place, "file", problem, help);
            is_licensed |= at_top;
            continue;
        }
        let problem = if NAMING.iter().any(|mark| inner.starts_with(mark)) || has(&OTHERS) {
            is_licensed |= at_top;
            "this line names another licence than that of the project's data"
        } else if has(&RESTRICTING) {
            "this line restricts the use of the file"
        } else {
            continue;
        };
        let help = "the data is GPL-2.0-only: write that, if the holder of the rights agrees, and take \
                    out what contradicts it";
        let place = place.start..place.start + comment.len();
        notes.add(Rule::License, &place, "file", problem, help);
    }
    if !is_licensed {
        let problem = "no line at its top names the licence";
        let help = format!("begin the file with the line \"{LICENSE}\"");
        notes.add(Rule::License, &(0..0), "file", problem, help);
    }
}
