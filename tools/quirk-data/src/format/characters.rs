// SPDX-License-Identifier: GPL-2.0-only

//! Finds characters that make a text look different from its contents.

use std::ops::Range;

use unicode_script::{Script, UnicodeScript as _};

use crate::{
    finding::{Notes, is_hidden},
    rule::Rule,
};

/// Reports the first fault of each kind in each line.
pub(super) fn check(text: &str, notes: &mut Notes<'_>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut add = |at: Range<usize>, rule, problem, help| {
            notes.add(
                rule,
                &(start + at.start..start + at.end),
                "file",
                problem,
                help,
            );
        };
        if let Some((at, c)) = line.char_indices().find(|(_, c)| is_hidden(*c)) {
            let (what, help) = if c.is_whitespace() && !c.is_control() {
                ("the blank", "write a space")
            } else {
                ("the invisible character", "take it out")
            };
            let problem = format!("{what} U+{:04X}", u32::from(c));
            let rule = Rule::TextCharacters;
            add(at..at + c.len_utf8(), rule, problem, help);
        }
        if let Some((at, c)) = lookalike(line) {
            let problem = format!("U+{:04X} looks like another letter", u32::from(c));
            let help = "write each word in one alphabet, in its plain letters";
            let rule = Rule::TextLookalikes;
            add(at..at + c.len_utf8(), rule, problem, help);
        }
        start += line.len();
    }
}

/// The first escape in a quoted text that gives a character by its number, or an invisible one by
/// name. With such escapes, the reviewed text would differ from the text that is read.
pub(super) fn escape(quoted: &str) -> Option<Range<usize>> {
    if !quoted.starts_with('"') {
        return None; // other strings have no escapes
    }
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        // The next character is part of the escape, so an escaped backslash starts none.
        let escaped = if c == '\\' { chars.next() } else { None };
        let digits = match escaped {
            Some((_, 'x')) => 2,
            Some((_, 'u')) => 4,
            Some((_, 'U')) => 8,
            Some((_, 'b' | 'e' | 'f' | 'r')) => 0,
            _ => continue,
        };
        return Some(at..at + 2 + digits);
    }
    None
}

/// The first letter that can be mistaken for another: a letter of another alphabet with similar
/// letters in a word with Latin letters, or a letter or digit of special width or shape.
fn lookalike(line: &str) -> Option<(usize, char)> {
    if line.is_ascii() {
        return None;
    }
    let is_foreign = |c: char| match c.script() {
        Script::Cyrillic | Script::Armenian | Script::Cherokee | Script::Coptic => true,
        Script::Greek => !matches!(c, 'μ' | 'Ω'), // occur in units with Latin letters
        _ => false,
    };
    let is_shaped = |c| matches!(c, '\u{ff10}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}');
    let mut letters = line.char_indices().peekable();
    while letters.peek().is_some() {
        let mut is_latin = false;
        let mut found = None;
        for (at, c) in letters.by_ref() {
            if !c.is_alphanumeric() {
                break;
            }
            is_latin |= c.script() == Script::Latin;
            if is_shaped(c) {
                return Some((at, c));
            }
            found = found.or(is_foreign(c).then_some((at, c)));
        }
        if is_latin && found.is_some() {
            return found;
        }
    }
    None
}
