// SPDX-License-Identifier: GPL-2.0-only

//! A value of a data file that is one word or a list of words.

use std::{fmt, ops::Range};

use serde::{
    Deserialize,
    de::{Deserializer, Error, SeqAccess, Visitor},
};
use toml::Spanned;

/// One word or a list of words.
pub(crate) enum Words {
    One(String),
    Several(Vec<Spanned<String>>),
}

impl Words {
    /// Each word with its place; `whole` is the place of the value.
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

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OneOrSeveral)
    }
}

struct OneOrSeveral;

impl<'de> Visitor<'de> for OneOrSeveral {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Words, E> {
        Ok(Words::One(word.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = list.next_element()? {
            words.push(word);
        }
        Ok(Words::Several(words))
    }
}
