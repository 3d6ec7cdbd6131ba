// SPDX-License-Identifier: GPL-2.0-only

//! Finds a text of several lines that lacks its end. The parser reports such a text where the file
//! ends, or where the next text begins.

use std::ops::Range;

/// A text of several lines that probably lacks its end.
pub(super) struct Open {
    /// The position of its first mark.
    pub(super) start: Range<usize>,
    /// The mark, in words.
    pub(super) mark: &'static str,
    /// The position of the first line in it that looks like a key or a section.
    pub(super) key_at: Option<usize>,
}

/// The marks of texts of several lines, with their names.
const MARKS: [(&str, &str); 2] = [
    ("\"\"\"", "three quotation marks"),
    ("'''", "three apostrophes"),
];

/// The first text of several lines that has no end, or that holds a line which looks like a key or
/// a section.
pub(super) fn open(text: &str) -> Option<Open> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let found = MARKS.into_iter().find(|(mark, _)| rest.starts_with(mark));
        if let Some((mark, name)) = found {
            let inner = at + mark.len();
            let end = close(text, inner, mark);
            let key_at = key_in(text, inner..end.unwrap_or(text.len()));
            if end.is_none() || key_at.is_some() {
                return Some(Open {
                    start: at..inner,
                    mark: name,
                    key_at,
                });
            }
            at = end.map_or(text.len(), |end| end + mark.len());
        } else if c == '"' || c == '\'' {
            let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
            let end = close(line, 1, if c == '"' { "\"" } else { "'" });
            at += end.map_or(line.len(), |end| end + 1);
        } else if c == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
        } else {
            at += c.len_utf8();
        }
    }
    None
}

/// The position of the mark that ends a text which begins at `from`.
fn close(text: &str, from: usize, mark: &str) -> Option<usize> {
    let has_escapes = mark.starts_with('"');
    let mut chars = text[from..].char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && has_escapes {
            chars.next();
        } else if text[from + at..].starts_with(mark) {
            return Some(from + at);
        }
    }
    None
}

/// The first line of a range, after the line that the range begins in, that looks like a key with
/// its value or like the name of a section.
fn key_in(text: &str, range: Range<usize>) -> Option<usize> {
    let mut start = range.start;
    for line in text[range.clone()].split_inclusive('\n') {
        let is_key = line.split_once('=').is_some_and(|(key, value)| {
            let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
            let key = key.trim_end();
            let is_value = |c: char| matches!(c, '"' | '\'' | '[') || c.is_ascii_digit();
            !key.is_empty() && key.chars().all(is_part) && value.trim_start().starts_with(is_value)
        });
        if start > range.start && (is_key || line.starts_with('[')) {
            return Some(start);
        }
        start += line.len();
    }
    None
}
