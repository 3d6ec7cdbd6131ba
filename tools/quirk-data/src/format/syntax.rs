// SPDX-License-Identifier: GPL-2.0-only

//! Faults of syntax. Each is reported once, in words for people who do not know TOML, and what it is in
//! is left out, so that the rest of the file can be read.

use std::ops::Range;

use toml::de::{DeTable, Error};

use super::{
    key::{Section, Value},
    keys::FILE,
    strings::{self, is_heading},
};
use crate::{finding::Notes, rule::Rule};

/// The largest number of faults that are reported for one file.
const MAX_FAULTS: usize = 20;

/// Marks that a word processor writes in place of quotation marks.
const CURLY: [char; 10] = ['“', '”', '„', '‟', '‘', '’', '‚', '‛', '«', '»'];

/// A fault: its place, the problem, the remedy, and what it makes unreadable.
struct Fault {
    place: Range<usize>,
    problem: String,
    help: String,
    spoils: Range<usize>,
}

/// Reports the faults of syntax of a text. Returns the text with blanks for all that they make unreadable, or
/// `None` if that is the whole.
pub(super) fn check(text: &str, notes: &mut Notes<'_>) -> Option<String> {
    let mut rest = text.to_owned();
    for _ in 0..MAX_FAULTS {
        let Some(fault) = first(&rest) else {
            return Some(rest);
        };
        notes.add(
            Rule::Syntax,
            &fault.place,
            "file",
            fault.problem,
            fault.help,
        );
        let is_cr = text[fault.place.start.min(text.len())..].starts_with('\r');
        // Lines that end with CR alone are one line, and mostly a comment.
        if is_cr || fault.spoils.is_empty() {
            return None;
        }
        rest = without(&rest, fault.spoils);
    }
    None
}

/// A text of the same length with blanks in a range, which has the same lines.
fn without(text: &str, range: Range<usize>) -> String {
    let blanks = text[range.clone()].bytes().map(|byte| match byte {
        b'\n' => '\n',
        _ => ' ',
    });
    let blanks: String = blanks.collect();
    format!("{}{blanks}{}", &text[..range.start], &text[range.end..])
}

/// A fault of a text.
fn first(text: &str) -> Option<Fault> {
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let has_errors = DeTable::parse(text).is_err();
    let short = strings::open_short(text).filter(|_| has_errors);
    let open = strings::open_text(text);
    let list = || strings::open_list(text).filter(|_| has_errors);
    if let Some(place) = short.filter(|short| {
        let open = open.as_ref();
        open.is_none_or(|open| short.start < open.start.start)
    }) {
        let (mark, three) = match &text[place.clone()] {
            "'" => ("an apostrophe", "apostrophes"),
            _ => ("a quotation mark", "quotation marks"),
        };
        return Some(Fault {
            spoils: statement(text, place.start),
            place,
            problem: "the text that begins here does not end on its line".to_owned(),
            help: format!(
                "end it with {mark}; a text of several lines begins and ends with three {three}"
            ),
        });
    }
    if let Some(open) = open.or_else(list) {
        let what = open.what;
        let problem = match open.key_at {
            Some(at) => format!(
                "the {what} that begins here does not end before line {}, which looks like the next key",
                line(at)
            ),
            None => format!("the {what} that begins here has no end"),
        };
        let whole = statement(text, open.start.start);
        return Some(Fault {
            spoils: whole.start..open.key_at.unwrap_or(text.len()),
            place: open.start,
            problem,
            help: format!("end it with {}", open.mark),
        });
    }
    let (_, errors) = DeTable::parse_recoverable(text);
    let place = |error: &Error| error.span().unwrap_or(0..0);
    let error = errors.iter().min_by_key(|error| place(error).start)?;
    let place = place(error);
    let (problem, help) = explain(text, error, &place);
    Some(Fault {
        spoils: statement(text, place.start),
        place,
        problem,
        help,
    })
}

/// What is wrong at a place, and the remedy.
fn explain(text: &str, error: &Error, place: &Range<usize>) -> (String, String) {
    let (before, behind) = text
        .split_at_checked(place.start)
        .unwrap_or((text, Default::default()));
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let head = before[start..].trim_end();
    if error.message() == "duplicate key" {
        if let Some(found) = twice(text, place, line) {
            return found;
        }
    }
    let is_name = |name: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !name.is_empty() && name.chars().all(is_part)
    };
    if let Some((name, _)) = line
        .split_once(':')
        .filter(|(name, _)| is_name(name.trim()))
    {
        let problem = format!("a colon behind the key {}", name.trim());
        return (problem, "write = in place of the colon".to_owned());
    }
    if let Some(mark) = behind.chars().next().filter(|mark| CURLY.contains(mark)) {
        let problem = format!(
            "the mark {mark} (U+{:04X}) is not a quotation mark of TOML",
            u32::from(mark)
        );
        let help = "write the text between two plain quotation marks, \"...\"".to_owned();
        return (problem, help);
    }
    // Behind a text, on the same line.
    let is_behind_text = head.ends_with('"') && head.contains('=');
    if is_behind_text && error.message().starts_with("unexpected key or value") {
        let problem = "the text ends at the quotation mark before this".to_owned();
        let help = "write each quotation mark in a text as \\\", or leave it out".to_owned();
        return (problem, help);
    }
    let plain = || error.message().trim_end().replace('\n', ", ");
    match how_to_write(text, place.start, start, line) {
        Some((true, help)) => (
            "the text does not begin with a quotation mark".to_owned(),
            help,
        ),
        Some((false, help)) => (plain(), help),
        None if error.message().starts_with("string values must be quoted") => {
            (plain(), "write it in quotes".to_owned())
        }
        None => (
            plain(),
            "write it as TOML has it, see https://toml.io/".to_owned(),
        ),
    }
}

/// Says what stands twice, where it stands first, and what to do.
fn twice(text: &str, place: &Range<usize>, line: &str) -> Option<(String, String)> {
    let at = |at: usize| text[..at].matches('\n').count() + 1;
    let name = text.get(place.clone())?;
    let before = statements(text).filter(|one| one.end <= place.start);
    let before: Vec<_> = before.collect();
    if line.starts_with('[') {
        let heading = line.trim_matches(['[', ']', ' ', '\r']);
        let is_same = |one: &&Range<usize>| {
            let line = text[(*one).clone()].lines().next().unwrap_or_default();
            let name = line.split_once('=').map_or(line, |(name, _)| name);
            name.trim_matches(['[', ']', ' ', '\r']) == heading
        };
        let first = before.iter().find(is_same)?;
        let problem = format!(
            "the section {heading} is already in line {}",
            at(first.start)
        );
        let help = "write its keys in one section, each once".to_owned();
        return Some((problem, help));
    }
    let of_section = before
        .iter()
        .rposition(|one| text[one.clone()].starts_with('['));
    let keys = &before[of_section.map_or(0, |section| section + 1)..];
    let first = keys.iter().find(|one| {
        let key = text[(*one).clone()]
            .split_once('=')
            .map(|(key, _)| key.trim());
        key == Some(name)
    })?;
    let problem = format!("the key {name} is already in line {}", at(first.start));
    let heading = of_section.map(|section| before[section].clone());
    let heading = heading.map_or("", |heading| {
        text[heading].lines().next().unwrap_or_default().trim()
    });
    let above = heading.trim_matches(['[', ']', ' ']).rsplit_once('.');
    let above = above.filter(|(above, _)| {
        let section = FILE.below(above);
        section.is_some_and(|section| section.key(name).is_some())
    });
    let help = match above {
        Some((above, _)) => format!(
            "take one of them out; if this one is for [[{above}]], move it to before {heading}, to whose keys \
             it belongs here"
        ),
        None => "take one of them out".to_owned(),
    };
    Some((problem, help))
}

/// How to write the value with a fault at this place in a line, if its key is in the line, and whether it is a text
/// without quotation marks. In quotes, a text has another fault than its form.
fn how_to_write(text: &str, at: usize, start: usize, line: &str) -> Option<(bool, String)> {
    let (name, value) = line.split_once('=')?;
    if at <= start + name.len() {
        return None;
    }
    let heading = text[..start]
        .lines()
        .rev()
        .find(|line| line.starts_with('['));
    let section: &Section = match heading {
        Some(heading) => FILE.below(heading.trim_matches(['[', ']', ' ']))?,
        None => &FILE,
    };
    let key = section.key(name.trim())?;
    let value = value.trim();
    let is_quoted = value.starts_with(['"', '\'', '[']);
    let is_text = matches!(
        key.value,
        Value::Text | Value::Line | Value::Form(_) | Value::Word(_) | Value::WordOrWords(_)
    );
    match (is_text, is_quoted) {
        (true, true) => None,
        (true, false) if value.is_empty() || value.contains(['"', '#', '\\']) => {
            Some((true, format!("write it in quotes: {}", key.about)))
        }
        (true, false) => {
            let name = key.name;
            let help = format!("write it in quotes, as {name} = \"{value}\": {}", key.about);
            Some((true, help))
        }
        (false, _) => Some((false, format!("write {}", key.form(section)))),
    }
}

/// How many brackets of a text without quoted texts have no end in it.
fn depth(plain: &[u8]) -> isize {
    let each = plain.iter().map(|byte| match byte {
        b'[' => 1,
        b']' => -1,
        _ => 0,
    });
    each.sum()
}

/// The keys with their values and the headings, with the lines that they are in.
fn statements(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let plain = strings::plain(text);
    let line_end = move |plain: &[u8], from: usize| {
        let end = plain[from..].iter().position(|byte| *byte == b'\n');
        end.map_or(plain.len(), |end| from + end + 1)
    };
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= plain.len() {
            return None;
        }
        let from = start;
        let mut end = line_end(&plain, from);
        let mut depth = depth(&plain[from..end]);
        let is_section = text[from..].starts_with('[');
        while !is_section && depth > 0 && end < plain.len() {
            if strings::is_key(&text[end..]) || is_heading(&text[end..]) {
                break;
            }
            let line = end;
            end = line_end(&plain, line);
            depth += self::depth(&plain[line..end]);
        }
        start = end;
        Some(from..end)
    })
}

/// What a fault at a place spoils: the key with its value, or the heading with all its keys.
fn statement(text: &str, at: usize) -> Range<usize> {
    let mut all = statements(text).skip_while(|one| one.end <= at);
    let Some(one) = all.next() else {
        // At the end of the file.
        let last = statements(text).last();
        return last.unwrap_or(0..text.len());
    };
    let end = if text[one.clone()].starts_with('[') {
        let next = all.find(|next| text[next.clone()].starts_with('['));
        next.map_or(text.len(), |next| next.start)
    } else {
        one.end
    };
    one.start..end
}
