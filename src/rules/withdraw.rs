// SPDX-License-Identifier: GPL-2.0-only

//! The set of withdrawn entries: the only setting of the module, made at load.
//!
//! Trust rule `static`: nothing at run time adds a claim. The parameter only withdraws entries, and
//! values given twice add up. A value that cannot be parsed is an error, because a typo must not
//! leave an entry active that the owner believes withdrawn. An issued number without an entry in
//! this table is valid: an upgrade that removes an entry must not keep the module from loading.

use core::fmt;

use super::table::Table;

const WORD: u16 = 64;

/// The number of 64-bit words with a bit for each number from 0 to [`Table::MAX_NUMBER`].
pub const WORDS: usize = (Table::MAX_NUMBER / WORD) as usize + 1;

/// A set of entry numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Withdrawn([u64; WORDS]);

/// Why a value of the `withdraw` parameter is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParseError<'a> {
    /// The value is empty.
    Empty,
    /// The word is neither a number nor `all`.
    NotANumber(&'a str),
    /// The number was never issued to an entry.
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

    /// The set with these words. Number `n` is bit `n % 64` of word `n / 64`.
    pub const fn from_words(words: [u64; WORDS]) -> Self {
        Self(words)
    }

    /// The words of the set.
    pub const fn words(&self) -> &[u64; WORDS] {
        &self.0
    }

    /// Parses one value of the parameter: `all`, or entry numbers separated by commas (`3,17`).
    ///
    /// # Errors
    ///
    /// [`ParseError`] for an empty value (which the kernel passes for `withdraw= 3`), a word that
    /// is no number, or a number that was never issued.
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

    /// Whether the entry with this number is withdrawn. A number above [`Table::MAX_NUMBER`] counts
    /// as withdrawn.
    pub fn contains(&self, number: u16) -> bool {
        self.0
            .get(usize::from(number / WORD))
            .is_none_or(|word| word & (1 << (number % WORD)) != 0)
    }
}
