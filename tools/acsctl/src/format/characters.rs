// SPDX-License-Identifier: GPL-2.0-only

//! Characters by which a reader would see something else than what stands there.

use crate::{finding::Notes, rule::Rule};

/// Whether a character is invisible or changes the direction of the text: control characters, the
/// zero-width and direction marks, line separators, the byte order mark, fillers that look like a
/// blank, selectors of variants, and tags.
pub(crate) fn is_hidden(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    let is_mark = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let is_filler = matches!(c, '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    is_control || is_mark || is_filler
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
