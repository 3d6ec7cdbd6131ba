// SPDX-License-Identifier: GPL-2.0-only

//! Finds out whether a statement names a register: by the name in the specification, or by its
//! offset and the capability that the offset counts from.

use rules::condition::Place;

use super::settled::{CAPABILITIES, Standard};

/// Whether a text contains the name of a register, as the specification writes it, or in lowercase
/// and followed by "register". "Link Control 2" is not "Link Control".
pub(super) fn by_name(text: &str, standard: &Standard) -> bool {
    let text = one_line(text);
    let is_exact = |at: usize, end: usize| {
        text[at..end] == *standard.name || text[end..].to_lowercase().starts_with(" register")
    };
    occurrences(&text, standard.name).any(|(at, end)| is_exact(at, end))
}

/// Whether a text contains one of these offsets, as `PLACE + 0x0a`, or as "offset 0x0a" next to the
/// capability.
pub(super) fn by_offset(text: &str, at: Place, offsets: &[u16]) -> bool {
    let line = one_line(text).to_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let words: Vec<_> = line
        .split(|c| !is_part(c))
        .filter(|word| !word.is_empty())
        .collect();
    let is_meant = |number: Option<u32>| {
        number.is_some_and(|number| offsets.iter().any(|&offset| u32::from(offset) == number))
    };
    let places: Vec<_> = (0..words.len())
        .filter_map(|start| place(&words, start, at))
        .collect();
    let follows = |&end: &usize| words.get(end).is_some_and(|word| is_meant(marked(word)));
    let is_named = at == Place::Config
        || !places.is_empty()
        || CAPABILITIES
            .iter()
            .filter(|one| one.at == at)
            .any(|one| occurrences(&line, one.name).next().is_some());
    places.iter().any(follows)
        || is_named
            && words.windows(2).any(|pair| {
                ["offset", "offsets", "register"].contains(&pair[0]) && is_meant(marked(pair[1]))
            })
}

/// What a statement says of the bits of a register.
#[derive(Default)]
pub(super) struct Bits {
    /// Whether they are one, if it says that of some and the opposite of none.
    pub(super) are_set: Option<bool>,
    /// The numbers of the bits that it names.
    pub(super) numbers: Vec<u32>,
}

/// Reads what a statement says of bits: "bit 0 of capability:09 + 0x04 is set", "the register is off".
pub(super) fn bits(text: &str) -> Bits {
    const REGISTER: [&str; 4] = ["register", "registers", "bit", "bits"];
    const IS: [&str; 7] = ["is", "are", "be", "stays", "stay", "remains", "remain"];
    const SET: [&str; 5] = ["set", "on", "enabled", "1", "one"];
    const CLEAR: [&str; 7] = ["clear", "cleared", "off", "disabled", "0", "zero", "unset"];
    let line = one_line(text).to_lowercase();
    let (mut said, mut bits) = (Vec::new(), Bits::default());
    for clause in line.split([',', ';', '.', ':']) {
        let words: Vec<_> = clause.split_whitespace().collect();
        let mut is_of_register = false;
        for (at, word) in words.iter().enumerate() {
            let next = |ahead: usize| words.get(at + ahead).copied().unwrap_or_default();
            is_of_register |= REGISTER.contains(word) || marked(word).is_some();
            if *word == "bit" {
                bits.numbers.extend(next(1).parse::<u32>().ok());
            }
            if is_of_register && IS.contains(word) {
                let is_denied = next(1) == "not";
                let state = next(1 + usize::from(is_denied));
                said.extend(SET.contains(&state).then_some(!is_denied));
                said.extend(CLEAR.contains(&state).then_some(is_denied));
            }
        }
    }
    let is_same = said.windows(2).all(|two| two[0] == two[1]);
    bits.are_set = said.first().copied().filter(|_| is_same);
    bits
}

/// The end of the words that name a place and start at `start`: `capability:10`, "capability id
/// 10h".
fn place(words: &[&str], start: usize, at: Place) -> Option<usize> {
    let (name, id) = match at {
        Place::Config => ("config", None),
        Place::Capability(id) => ("capability", Some(u32::from(id))),
        Place::Extended(id) => ("extended", Some(u32::from(id))),
    };
    let word = |at: usize| words.get(at).copied();
    if word(start) != Some(name) {
        return None;
    }
    // An extended capability is not a capability of the same id.
    let is_extended = start
        .checked_sub(1)
        .is_some_and(|before| words[before] == "extended");
    let mut next = start + 1;
    let Some(id) = id else { return Some(next) };
    if name == "extended" && word(next) == Some("capability") {
        next += 1;
    } else if is_extended {
        return None;
    }
    if word(next) == Some("id") {
        next += 1;
    }
    (marked(word(next)?).or_else(|| u32::from_str_radix(word(next)?, 16).ok()) == Some(id))
        .then_some(next + 1)
}

/// A number marked as hexadecimal: `0x0a` or `0ah`.
fn marked(word: &str) -> Option<u32> {
    let digits = word.strip_prefix("0x").or_else(|| word.strip_suffix('h'))?;
    u32::from_str_radix(digits, 16).ok()
}

/// The positions of a name in a text, in any case, where it is not part of a longer word.
fn occurrences<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = (usize, usize)> + 't {
    let starts = text.char_indices().map(|(at, _)| at);
    starts.filter_map(move |at| {
        let end = at + name.len();
        let found = text.get(at..end)?;
        let before = text[..at].chars().next_back();
        let mut after = text[end..].chars();
        let next = after.next();
        let goes_on = next.is_some_and(char::is_alphanumeric)
            || next == Some(' ') && after.next().is_some_and(|c| c.is_ascii_digit());
        let is_apart = !before.is_some_and(char::is_alphanumeric) && !goes_on;
        (found.eq_ignore_ascii_case(name) && is_apart).then_some((at, end))
    })
}

/// The text with a single space for each run of white space.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}
