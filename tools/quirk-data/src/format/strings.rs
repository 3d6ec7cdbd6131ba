// SPDX-License-Identifier: GPL-2.0-only

//! Finds comments, and a text of several lines that lacks its end. The parser reports such a text
//! where the file ends, or where the next text begins.

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

/// A part of a file that is not TOML's keys, numbers and brackets.
enum Piece {
    /// A comment, from its `#` to the end of the line.
    Comment(Range<usize>),
    /// A text of several lines: its mark, the mark in words, and where its contents end, if they do.
    Long(Range<usize>, &'static str, Option<usize>),
}

/// The comments and the texts of several lines, in order.
fn pieces(text: &str) -> impl Iterator<Item = Piece> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            let line = || &rest[..rest.find('\n').unwrap_or(rest.len())];
            let found = MARKS.into_iter().find(|(mark, _)| rest.starts_with(mark));
            if let Some((mark, name)) = found {
                let start = at..at + mark.len();
                let end = close(text, start.end, mark);
                at = end.map_or(text.len(), |end| end + mark.len());
                return Some(Piece::Long(start, name, end));
            }
            if c == '#' {
                let place = at..at + line().len();
                at = place.end;
                return Some(Piece::Comment(place));
            }
            at += if c == '"' || c == '\'' {
                let line = line();
                let end = close(line, 1, if c == '"' { "\"" } else { "'" });
                end.map_or(line.len(), |end| end + 1)
            } else {
                c.len_utf8()
            };
        }
        None
    })
}

/// The places of the comments, each from its `#` to the end of the line.
pub(super) fn comments(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    pieces(text).filter_map(|piece| match piece {
        Piece::Comment(place) => Some(place),
        Piece::Long(..) => None,
    })
}

/// The first text of several lines that has no end, or that holds a line which looks like a key or
/// a section.
pub(super) fn open(text: &str) -> Option<Open> {
    pieces(text).find_map(|piece| {
        let Piece::Long(start, mark, end) = piece else {
            return None;
        };
        let key_at = key_in(text, start.end..end.unwrap_or(text.len()));
        let is_open = end.is_none() || key_at.is_some();
        is_open.then_some(Open {
            start,
            mark,
            key_at,
        })
    })
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
