// SPDX-License-Identifier: GPL-2.0-only

//! The properties of a key: the type and meaning of its value, and when it is required.

use crate::entry::Status;

/// A group of keys: the top level of the file, or one section.
pub(crate) struct Section {
    /// The heading with a trailing dot, such as `match.`; empty for the top level.
    pub(crate) prefix: &'static str,
    /// The description.
    pub(crate) about: &'static str,
    /// The keys, in the order of the documentation.
    pub(crate) keys: &'static [Key],
}

impl Section {
    /// The key with this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The section below this one with a heading such as `match.excludes`.
    pub(super) fn below(&'static self, heading: &str) -> Option<&'static Self> {
        let mut names = heading.split('.');
        names.try_fold(self, |section, name| match section.key(name)?.value {
            Value::Once(section) | Value::Several(section) => Some(section),
            _ => None,
        })
    }
}

/// A key.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// The type of its value.
    pub(crate) value: Value,
    /// When the key is required.
    pub(crate) needed: Needed,
    /// The statuses of the entries in which the key has a meaning; empty for every status.
    pub(crate) only: &'static [Status],
    /// The description.
    pub(crate) about: &'static str,
}

impl Key {
    /// The key, with a meaning only in entries with one of these statuses.
    pub(super) const fn only(mut self, statuses: &'static [Status]) -> Self {
        self.only = statuses;
        self
    }

    /// Whether the key has a meaning in an entry with this status.
    pub(crate) fn is_for(&self, status: Status) -> bool {
        self.only.is_empty() || self.only.contains(&status)
    }

    /// How to write the value of this key of a section.
    pub(super) fn form(&self, section: &Section) -> String {
        match self.value {
            Value::Schema => super::SCHEMA.to_string(),
            Value::Number => "a whole number from 1 to 4095".to_owned(),
            Value::Flag => "true or false".to_owned(),
            Value::Text | Value::Line => "text in quotes".to_owned(),
            Value::Form(_) => format!("text in quotes: {}", self.about),
            Value::Day => "the day, as 2014-11-03".to_owned(),
            Value::Addresses => "a list of addresses, as [\"https://...\"]".to_owned(),
            Value::Groups => {
                "a list of groups, as [[\"0000:82:00.0\", \"0000:82:00.1\"]]".to_owned()
            }
            Value::Ids => "a list of device ids, as [\"8030-8032\", \"8040\"]".to_owned(),
            Value::Subsystems => "a list of subsystems, as [\"1028:0010\"]".to_owned(),
            Value::Offset => "a whole number from 0 to 4095".to_owned(),
            Value::Width => "8, 16 or 32".to_owned(),
            Value::Word(names) => format!("one of: {}", names().join(", ")),
            Value::Words(names) => format!("a list out of: {}", names().join(", ")),
            Value::WordOrWords(names) => format!("one or a list out of: {}", names().join(", ")),
            Value::Once(_) => format!("it as a section, [{}{}]", section.prefix, self.name),
            Value::Several(_) => format!("each as a section, [[{}{}]]", section.prefix, self.name),
        }
    }

    /// Whether the value is a list of texts, and nothing else.
    pub(crate) const fn is_list_of_texts(&self) -> bool {
        matches!(
            self.value,
            Value::Addresses | Value::Ids | Value::Subsystems | Value::Words(_)
        )
    }

    /// Whether the value is prose.
    pub(crate) fn is_prose(&self) -> bool {
        matches!(self.value, Value::Text | Value::Line)
    }
}

/// When a key is required.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    /// Always.
    Always,
    /// In entries with one of these statuses.
    For(&'static [Status]),
    /// Never.
    No,
}

/// The type of a value.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    /// The version of the format.
    Schema,
    /// A whole number from 1 to 4095.
    Number,
    /// `true` or `false`.
    Flag,
    /// Prose.
    Text,
    /// Prose on one line.
    Line,
    /// A text of this form, a regular expression of JSON Schema.
    Form(&'static str),
    /// A day, as TOML writes it.
    Day,
    /// Texts, each an address.
    Addresses,
    /// Device ids and ranges of them.
    Ids,
    /// Subsystem vendor and device ids.
    Subsystems,
    /// A whole number from 0 to 4095.
    Offset,
    /// A width in bits: 8, 16 or 32.
    Width,
    /// One word of a set.
    Word(fn() -> Vec<&'static str>),
    /// A list of words of a set.
    Words(fn() -> Vec<&'static str>),
    /// One word of a set, or a list of them.
    WordOrWords(fn() -> Vec<&'static str>),
    /// IOMMU groups: a list of lists of function addresses.
    Groups,
    /// A section that may occur once.
    Once(&'static Section),
    /// A section that may occur several times.
    Several(&'static Section),
}

/// A key of this name.
pub(super) const fn key(
    name: &'static str,
    value: Value,
    needed: Needed,
    about: &'static str,
) -> Key {
    Key {
        name,
        value,
        needed,
        only: &[],
        about,
    }
}
