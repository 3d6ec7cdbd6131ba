// SPDX-License-Identifier: GPL-2.0-only

//! Numbers written with a fixed count of hexadecimal digits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A number with `DIGITS` hexadecimal digits, at most eight.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Hex<const DIGITS: usize>(pub u32);

impl Hex<4> {
    /// An id.
    #[must_use]
    pub fn id(value: u16) -> Self {
        Self(value.into())
    }

    /// The value, which fits into 16 bits.
    #[must_use]
    pub fn value(self) -> u16 {
        u16::try_from(self.0).unwrap_or(u16::MAX)
    }
}

/// Reads exactly `digits` lowercase hexadecimal digits.
pub(crate) fn parse(text: &str, digits: usize) -> Option<u32> {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != digits || !text.bytes().all(is_digit) {
        return None;
    }
    u32::from_str_radix(text, 16).ok()
}

impl<const DIGITS: usize> FromStr for Hex<DIGITS> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is not a number of {DIGITS} lowercase hexadecimal digits");
        parse(text, DIGITS).map(Self).ok_or_else(wrong)
    }
}

impl<const DIGITS: usize> fmt::Display for Hex<DIGITS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$x}", self.0)
    }
}

impl<const DIGITS: usize> TryFrom<String> for Hex<DIGITS> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl<const DIGITS: usize> From<Hex<DIGITS>> for String {
    fn from(value: Hex<DIGITS>) -> Self {
        value.to_string()
    }
}
