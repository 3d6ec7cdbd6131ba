// SPDX-License-Identifier: GPL-2.0-only

//! The names of entries and of their files.

/// Whether a text is non-empty and has only lowercase letters, digits and hyphens.
#[must_use]
pub fn is_word(text: &str) -> bool {
    let is_letter = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !text.is_empty() && text.bytes().all(is_letter)
}

/// Whether a text is the name of an entry: `vendor/family`.
#[must_use]
pub fn is_entry(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(vendor, family)| is_word(vendor) && is_word(family))
}
