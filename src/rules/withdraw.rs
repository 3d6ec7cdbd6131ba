// SPDX-License-Identifier: GPL-2.0-only

//! Which entries the owner has withdrawn: the one thing that can be set at load.
//!
//! Trust rule `static`: nothing at run time adds a claim. The parameter only takes claims away, and
//! values that are given twice add up. A value that cannot be understood to the letter is an error,
//! because its owner would believe an entry withdrawn that is not. A number that was given out and that
//! this table lacks is none: an upgrade that drops an entry must not stop the module from loading.

use core::fmt;

use super::table::Table;

const WORD: u16 = 64;

/// How many words hold a bit for each number from 0 to [`Table::MAX_NUMBER`].
pub const WORDS: usize = (Table::MAX_NUMBER / WORD) as usize + 1;

/// The set of withdrawn entries, by number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Withdrawn([u64; WORDS]);

/// Why a `withdraw` parameter is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParseError<'a> {
    /// The value is empty.
    Empty,
    /// The word is neither a number nor `all`.
    NotANumber(&'a str),
    /// The number was never given to an entry.
    NeverIssued(u16),
}

impl fmt::Display for ParseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str(
                "the value is empty; use numbers divided by commas, without spaces, or \"all\"",
            ),
            Self::NotANumber(word) => write!(
                f,
                "\"{word}\" is not an entry number; use numbers divided by commas, or \"all\""
            ),
            Self::NeverIssued(number) => {
                write!(
                    f,
                    "no entry ever had the number {number}; take it out of the list"
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

    /// The set with these words, the bit of number 0 being the lowest one of the first.
    pub const fn from_words(words: [u64; WORDS]) -> Self {
        Self(words)
    }

    /// The words of the set.
    pub const fn words(&self) -> &[u64; WORDS] {
        &self.0
    }

    /// Reads one value of the parameter: `all`, or entry numbers divided by commas (`3,17`).
    ///
    /// # Errors
    ///
    /// [`ParseError`] for an empty value, which is what the kernel makes of `withdraw= 3`, for a word that is no number, or a number that was never given out.
    pub fn parse<'a>(text: &'a str, table: &Table) -> Result<Self, ParseError<'a>> {
        let mut set = Self::NONE;
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseError::Empty);
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
            if table.issued.binary_search(&number).is_err() {
                return Err(ParseError::NeverIssued(number));
            }
            if let Some(word) = set.0.get_mut(usize::from(number / WORD)) {
                *word |= 1 << (number % WORD);
            }
        }
        Ok(set)
    }

    /// Whether the entry with this number is withdrawn. A number beyond the largest counts as
    /// withdrawn.
    pub fn contains(&self, number: u16) -> bool {
        self.0
            .get(usize::from(number / WORD))
            .is_none_or(|word| word & (1 << (number % WORD)) != 0)
    }
}
