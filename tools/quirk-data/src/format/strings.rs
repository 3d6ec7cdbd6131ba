// SPDX-License-Identifier: GPL-2.0-only

//! Finds comments, and a text of several lines or a list that lacks its end. The parser reports these
//! where the file ends, or at each line behind them.

use std::ops::Range;

/// A text of several lines, or a list, that probably lacks its end.
pub(super) struct Open {
    /// What it is, in a word.
    pub(super) what: &'static str,
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
    /// A text on one line, with its quotation marks.
    Short(Range<usize>),
}

/// The comments and the texts of several lines, in order.
fn pieces(text: &str) -> impl Iterator<Item = Piece> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].find(['#', '"', '\''])?;
        let rest = &text[at..];
        let long = MARKS.into_iter().find(|(mark, _)| rest.starts_with(mark));
        if let Some((mark, name)) = long {
            let start = at..at + mark.len();
            let end = close(text, start.end, mark);
            at = end.map_or(text.len(), |end| end + mark.len());
            return Some(Piece::Long(start, name, end));
        }
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let start = at;
        if line.starts_with('#') {
            at += line.len();
            return Some(Piece::Comment(start..at));
        }
        at += close(line, 1, &line[..1]).map_or(line.len(), |end| end + 1);
        Some(Piece::Short(start..at))
    })
}

/// The places of the comments, each from its `#` to the end of the line.
pub(super) fn comments(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    pieces(text).filter_map(|piece| match piece {
        Piece::Comment(place) => Some(place),
        Piece::Long(..) | Piece::Short(_) => None,
    })
}

/// The text with blanks for texts and comments, and for the ends of lines in texts: each bracket is one of TOML's.
pub(super) fn plain(text: &str) -> Vec<u8> {
    let mut plain = text.to_owned().into_bytes();
    for piece in pieces(text) {
        let place = match piece {
            Piece::Comment(place) | Piece::Short(place) => place,
            Piece::Long(start, _, end) => start.start..end.unwrap_or(text.len()),
        };
        plain[place].fill(b' ');
    }
    plain
}

/// The first mark of the first value, or member of a list, that is a text on one line without its end.
pub(super) fn open_short(text: &str) -> Option<Range<usize>> {
    pieces(text).find_map(|piece| {
        let Piece::Short(place) = piece else {
            return None;
        };
        let mark = &text[place.start..=place.start];
        let is_open = close(&text[place.clone()], 1, mark).is_none();
        let is_value = text[..place.start].trim_end().ends_with(['=', '[', ',']);
        (is_open && is_value).then_some(place.start..place.start + mark.len())
    })
}

/// The first list that has no end before the next key or section.
pub(super) fn open_list(text: &str) -> Option<Open> {
    let plain = plain(text);
    let list = |first: usize, key_at: Option<usize>| Open {
        what: "list",
        start: first..first + "[".len(),
        mark: "]",
        key_at,
    };
    let mut open: Vec<usize> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        let is_section = is_heading(line);
        let is_key = is_key(line);
        if let (Some(&first), true) = (open.first(), is_section || is_key) {
            return Some(list(first, Some(start)));
        }
        let brackets = plain.iter().enumerate().take(end).skip(start);
        for (at, byte) in brackets.filter(|_| !is_section) {
            match byte {
                b'[' => open.push(at),
                b']' => drop(open.pop()),
                _ => {}
            }
        }
        start = end;
    }
    open.first().map(|&first| list(first, None))
}

/// The first text of several lines that has no end, or that holds a line which looks like a key or a section.
pub(super) fn open_text(text: &str) -> Option<Open> {
    pieces(text).find_map(|piece| {
        let Piece::Long(start, mark, end) = piece else {
            return None;
        };
        let key_at = key_in(text, start.end..end.unwrap_or(text.len()));
        let is_open = end.is_none() || key_at.is_some();
        is_open.then_some(Open {
            what: "text",
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
        if start > range.start && (is_key(line) || line.starts_with('[')) {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// Whether the first line of a text looks like a key with its value.
pub(super) fn is_key(text: &str) -> bool {
    let line = text.split('\n').next().unwrap_or_default();
    line.split_once('=').is_some_and(|(key, value)| {
        let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
        let key = key.trim_end();
        let is_value = |c: char| matches!(c, '"' | '\'' | '[') || c.is_ascii_digit();
        !key.is_empty() && key.chars().all(is_part) && value.trim_start().starts_with(is_value)
    })
}

/// Whether the first line of a text looks like the name of a section.
pub(super) fn is_heading(text: &str) -> bool {
    let line = text.split('\n').next().unwrap_or_default();
    line.starts_with('[') && line.trim_end().ends_with(']') && !line.contains([',', '"'])
}
