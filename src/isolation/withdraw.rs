// SPDX-License-Identifier: GPL-2.0-only

//! Which entries the owner has withdrawn: the one thing that can be set at load.
//!
//! Trust rule `static`: nothing at run time adds a claim. The parameter can only take claims away, and a
//! value that cannot be understood to the letter is an error, for the owner would believe that
//! something is withdrawn which is not.

use core::fmt;

use super::table::Table;

const WORD: usize = u64::BITS as usize;
const WORDS: usize = Table::MAX_ENTRIES.div_ceil(WORD);

/// The set of withdrawn entries, by position in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Withdrawn([u64; WORDS]);

/// Why a `withdraw` parameter is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParseError<'a> {
    /// The word is neither a number nor `all`.
    NotANumber(&'a str),
    /// No entry of this table has the number.
    NoSuchEntry(u16),
}

impl fmt::Display for ParseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber(word) => write!(
                f,
                "\"{word}\" is not an entry number; use numbers divided by commas, or \"all\""
            ),
            Self::NoSuchEntry(number) => {
                write!(
                    f,
                    "this table has no entry {number}; take it out of the list"
                )
            }
        }
    }
}

impl Withdrawn {
    /// Nothing is withdrawn.
    pub const NONE: Self = Self([0; WORDS]);
    /// Every entry is withdrawn.
    pub const ALL: Self = Self([u64::MAX; WORDS]);

    /// Reads the parameter: empty, `all`, or entry numbers divided by commas (`3,17`).
    ///
    /// # Errors
    ///
    /// [`ParseError`] for a word that is no number, or a number that no entry of `table` has.
    pub fn parse<'a>(text: &'a str, table: &Table) -> Result<Self, ParseError<'a>> {
        let mut set = Self::NONE;
        let text = text.trim();
        if text.is_empty() {
            return Ok(set);
        }
        for word in text.split(',').map(str::trim) {
            if word == "all" {
                set = Self::ALL;
                continue;
            }
            let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
            let number = match word.parse::<u16>() {
                Ok(number) if is_number => number,
                _ => return Err(ParseError::NotANumber(word)),
            };
            let position = table
                .entries
                .binary_search_by_key(&number, |entry| entry.number)
                .map_err(|_| ParseError::NoSuchEntry(number))?;
            if let Some(word) = set.0.get_mut(position / WORD) {
                *word |= 1 << (position % WORD);
            }
        }
        Ok(set)
    }

    /// Whether the entry at this position in the table is withdrawn. A position beyond the
    /// largest table counts as withdrawn.
    pub fn contains(&self, position: u16) -> bool {
        let position = usize::from(position);
        self.0
            .get(position / WORD)
            .is_none_or(|word| word & (1 << (position % WORD)) != 0)
    }
}
