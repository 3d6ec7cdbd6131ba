// SPDX-License-Identifier: GPL-2.0-only

//! Characters by which a reader would see something else than what stands there.

use crate::{finding::Notes, rule::Rule};

/// Whether a character is invisible or changes the direction of the text: control characters, the
/// zero-width and direction marks, line separators, and the byte order mark.
pub(super) fn is_hidden(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    let is_mark = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    is_control || is_mark
}

/// Finds the first such character of each line.
pub(super) fn check(text: &str, notes: &mut Notes<'_>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some((at, c)) = line.char_indices().find(|(_, c)| is_hidden(*c)) {
            let at = start + at;
            notes.add(
                Rule::TextCharacters,
                &(at..at + c.len_utf8()),
                "file",
                format!("the invisible character U+{:04X}", u32::from(c)),
                "take it out",
            );
        }
        start += line.len();
    }
}
