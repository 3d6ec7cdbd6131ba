// SPDX-License-Identifier: GPL-2.0-only

//! A value that is one word or a list of words.

use std::ops::Range;

use toml::Spanned;

/// One word or a list of words.
pub(crate) enum Words {
    One(String),
    Several(Vec<Spanned<String>>),
}

impl Words {
    /// Each word with its position; `whole` is the position of the value.
    pub(crate) fn each<'a>(&'a self, whole: &Range<usize>) -> Vec<(&'a str, Range<usize>)> {
        match self {
            Self::One(word) => vec![(word, whole.clone())],
            Self::Several(words) => words
                .iter()
                .map(|word| (word.get_ref().as_str(), word.span()))
                .collect(),
        }
    }
}
