// SPDX-License-Identifier: GPL-2.0-only

//! Reads the values of one section, and reports unknown keys, values of another type and missing
//! keys together.

use std::{cell::RefCell, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
    value::Datetime,
};

use super::{
    QUESTION,
    characters::escape,
    key::{Key, Needed, Section, Value},
    keys::FILE,
    words::Words,
};
use crate::{entry::Status, finding::Notes, rule::Rule};

/// Groups of addresses, with their positions in the file.
pub(crate) type Groups = Vec<Spanned<Vec<Spanned<String>>>>;

/// A section of a file. A missing value, or one of another type, reads as `None` and has a finding.
pub(super) struct Reader<'t, 'n, 'f> {
    section: &'static Section,
    table: &'t DeTable<'t>,
    place: Range<usize>,
    status: Option<Status>,
    notes: &'n RefCell<&'n mut Notes<'f>>,
}

impl<'t, 'n, 'f> Reader<'t, 'n, 'f> {
    /// Reads `table`, which is at `place` in the file, as `section` of an entry with the status
    /// `status`.
    pub(super) fn new(
        section: &'static Section,
        table: &'t DeTable<'t>,
        place: Range<usize>,
        status: Option<Status>,
        notes: &'n RefCell<&'n mut Notes<'f>>,
    ) -> Self {
        let reader = Self {
            section,
            table,
            place,
            status,
            notes,
        };
        reader.keys_without_meaning();
        reader.missing_keys();
        reader
    }

    fn add(&self, rule: Rule, at: &Range<usize>, name: &str, problem: &str, help: &str) {
        let field = format!("{}{name}", self.section.prefix);
        self.notes.borrow_mut().add(rule, at, &field, problem, help);
    }

    fn keys_without_meaning(&self) {
        for (name, _) in self.table {
            let text = name.get_ref();
            self.plain(text, &name.span());
            let Some(key) = self.section.key(text) else {
                let names: Vec<_> = self.section.keys.iter().map(|key| key.name).collect();
                let help = match names.iter().find(|name| is_nearly(text, name)) {
                    Some(name) => format!("write {name}, if that is meant"),
                    None => match self.place_of(text) {
                        Some(place) => format!("move it {place}, where it has a meaning"),
                        None => format!("take it out; there are {}", names.join(", ")),
                    },
                };
                self.add(
                    Rule::KeyUnknown,
                    &name.span(),
                    text,
                    "there is no such key",
                    &help,
                );
                continue;
            };
            if let Some(status) = self.status.filter(|status| !key.is_for(*status)) {
                let problem = format!("has no meaning in a {} entry", status.name());
                let statuses: Vec<_> = key.only.iter().map(|status| status.name()).collect();
                let help = format!(
                    "take it out, or correct the status: it is for {}: {}",
                    statuses.join(", "),
                    key.about
                );
                self.add(Rule::KeyUnneeded, &name.span(), text, &problem, &help);
            }
        }
    }

    /// Where a key that this section does not have belongs, if that is one place.
    fn place_of(&self, name: &str) -> Option<String> {
        if FILE.key(name).is_some() {
            return Some("to the top, before the first section".to_owned());
        }
        let heading = self.section.prefix.trim_end_matches('.');
        if let Some((above, _)) = heading.rsplit_once('.') {
            let section = FILE.below(above)?;
            let is_above = section.key(name).is_some();
            return is_above.then(|| format!("into [[{above}]], before [[{heading}]]"));
        }
        let sections = FILE.keys.iter().filter_map(|key| match key.value {
            Value::Once(section) => Some((section, format!("into [{}]", key.name))),
            Value::Several(section) => Some((section, format!("into [[{}]]", key.name))),
            _ => None,
        });
        let mut places = sections.filter(|(section, _)| section.key(name).is_some());
        let (_, place) = places.next()?;
        places.next().is_none().then_some(place)
    }

    fn missing_keys(&self) {
        for key in self.section.keys {
            if self.table.contains_key(key.name) {
                continue;
            }
            let needed = match key.needed {
                Needed::Always => "missing".to_owned(),
                Needed::For(statuses) => match self.status {
                    Some(status) if statuses.contains(&status) => {
                        format!("missing, and the status \"{}\" needs it", status.name())
                    }
                    _ => continue,
                },
                Needed::No => continue,
            };
            self.add(
                Rule::KeyMissing,
                &self.place,
                key.name,
                &needed,
                &self.missing_help(key),
            );
        }
    }

    /// The value of a key. `read` returns `None` for a value of another type.
    fn value<T>(
        &self,
        name: &str,
        read: impl Fn(&'t DeValue<'t>) -> Option<T>,
    ) -> Option<Spanned<T>> {
        debug_assert!(self.section.key(name).is_some(), "{name}");
        let value = self.table.get(name)?;
        let read = read(value.get_ref());
        if read.is_none() {
            let key = self.section.key(name);
            let mut help = key.map(|key| key.form(self.section)).unwrap_or_default();
            let (place, problem) = match value.get_ref() {
                DeValue::Array(list) => {
                    let list: Vec<_> = list.iter().collect();
                    let (place, problem, more) =
                        key.map_or_else(Default::default, |key| in_list(key, &list));
                    help.push_str(more);
                    (place.unwrap_or(value.span()), problem)
                }
                other => (
                    value.span(),
                    format!("a value of the type {}", other.type_str()),
                ),
            };
            self.add(
                Rule::ValueType,
                &place,
                name,
                &problem,
                &format!("write {help}"),
            );
        }
        Some(Spanned::new(value.span(), read?))
    }

    /// Whether the key is present, with a value of any type.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<Spanned<String>> {
        let text = self.value(name, |value| value.as_str().map(str::to_owned))?;
        if let Some(question) = text.get_ref().strip_prefix(QUESTION) {
            let problem = format!("not answered yet:{question}");
            let help = "write the answer in its place";
            self.add(Rule::Unanswered, &text.span(), name, &problem, help);
        }
        self.plain(name, &text.span());
        if let Some(key) = self.section.key(name).filter(|key| key.is_prose()) {
            let help = format!("write {}", key.about);
            if text.get_ref().trim().is_empty() {
                self.add(Rule::ValueEmpty, &text.span(), name, "blank", &help);
            }
            if is_placeholder(text.get_ref()) {
                let problem = format!("\"{}\" says nothing", text.get_ref());
                self.add(Rule::Unanswered, &text.span(), name, &problem, &help);
            }
        }
        Some(text)
    }

    /// A whole number. A number beyond `i64` is cut to the limit of `i64`.
    pub(super) fn number(&self, name: &str) -> Option<Spanned<i64>> {
        self.value(name, |value| {
            let number = value.as_integer()?;
            let digits = number.as_str();
            Some(i64::from_str_radix(digits, number.radix()).unwrap_or(
                if digits.starts_with('-') {
                    i64::MIN
                } else {
                    i64::MAX
                },
            ))
        })
    }

    pub(super) fn flag(&self, name: &str) -> Option<Spanned<bool>> {
        self.value(name, DeValue::as_bool)
    }

    /// A date or time.
    pub(super) fn day(&self, name: &str) -> Option<Spanned<Datetime>> {
        self.value(name, |value| value.as_datetime().copied())
    }

    pub(super) fn texts(&self, name: &str) -> Option<Spanned<Vec<Spanned<String>>>> {
        let list = self.value(name, texts)?;
        for text in list.get_ref() {
            self.plain(name, &text.span());
        }
        Some(list)
    }

    /// Reports an escape in the text or key at `place`.
    fn plain(&self, name: &str, place: &Range<usize>) {
        let quoted = self.notes.borrow().text(place);
        if let Some(at) = escape(quoted) {
            let problem = format!("the escape {}", quoted.get(at.clone()).unwrap_or_default());
            let help = "write the character itself, or leave it out";
            let at = place.start + at.start..place.start + at.end;
            self.add(Rule::TextCharacters, &at, name, &problem, help);
        }
    }

    /// A text or a list of texts.
    pub(super) fn words(&self, name: &str) -> Option<Spanned<Words>> {
        self.value(name, |value| match value.as_str() {
            Some(word) => Some(Words::One(word.to_owned())),
            None => texts(value).map(Words::Several),
        })
    }

    /// A list of lists of texts.
    pub(super) fn groups(&self, name: &str) -> Option<Spanned<Groups>> {
        self.value(name, |value| {
            let list = value.as_array()?.iter();
            list.map(|one| Some(Spanned::new(one.span(), texts(one.get_ref())?)))
                .collect()
        })
    }

    /// A subsection that may occur once.
    pub(super) fn section<T>(
        &self,
        name: &str,
        read: impl Fn(&Reader<'_, '_, '_>) -> T,
    ) -> Option<Spanned<T>> {
        let found = self.value(name, DeValue::as_table)?;
        let Value::Once(section) = self.section.key(name)?.value else {
            return None;
        };
        let place = found.span();
        let reader = Reader::new(
            section,
            found.into_inner(),
            place.clone(),
            self.status,
            self.notes,
        );
        Some(Spanned::new(place, read(&reader)))
    }

    /// All subsections with this name.
    pub(super) fn sections<T>(
        &self,
        name: &str,
        read: impl Fn(&Reader<'_, '_, '_>) -> T,
    ) -> Vec<Spanned<T>> {
        let found = self.value(name, |value| {
            let list = value.as_array()?.iter();
            list.map(|one| Some((one.span(), one.get_ref().as_table()?)))
                .collect::<Option<Vec<_>>>()
        });
        let Some(Value::Several(section)) = self.section.key(name).map(|key| key.value) else {
            return Vec::new();
        };
        if let Some(empty) = found.as_ref().filter(|found| found.get_ref().is_empty()) {
            let problem = "a list without a section";
            let key = self.section.key(name);
            let help = key.map(|key| self.missing_help(key)).unwrap_or_default();
            self.add(Rule::ValueEmpty, &empty.span(), name, problem, &help);
        }
        let found = found.map(Spanned::into_inner).unwrap_or_default();
        let each = found.into_iter().map(|(place, table)| {
            let reader = Reader::new(section, table, place.clone(), self.status, self.notes);
            Spanned::new(place, read(&reader))
        });
        each.collect()
    }

    /// The name of a key, with that of its section.
    fn name_of(&self, key: &Key) -> String {
        format!("{}{}", self.section.prefix, key.name)
    }

    fn missing_help(&self, key: &Key) -> String {
        match key.value {
            Value::Once(_) => format!("write [{}]: {}", self.name_of(key), key.about),
            Value::Several(_) => format!("write [[{}]]: {}", self.name_of(key), key.about),
            Value::Text | Value::Line | Value::Form(_) => {
                format!("write {} = \"...\": {}", key.name, key.about)
            }
            _ => format!("write {} = {}", key.name, key.form(self.section)),
        }
    }
}

/// Whether a word that does not exist may be meant as this one in lowercase letters, as "device" is
/// as "devices".
pub(crate) fn is_nearly(text: &str, name: &str) -> bool {
    let text = text.trim().to_lowercase().replace(['_', ' '], "-");
    let plural = |one: &str| one.trim_end_matches('s').to_owned();
    plural(&text) == plural(name) || is_misspelt(&text, name)
}

/// Whether a text is this word with one letter more, less or other than it, or with two neighbours exchanged.
fn is_misspelt(text: &str, name: &str) -> bool {
    let (text, name): (Vec<_>, Vec<_>) = (text.chars().collect(), name.chars().collect());
    let both = text.iter().zip(&name);
    let same = both.take_while(|(one, other)| one == other).count();
    let (text, name) = (&text[same..], &name[same..]);
    let rest = |of: &[char], from: usize| of.get(from..).map(<[char]>::to_vec);
    // In a short word, one letter is much.
    let is_long = same + name.len() > 3;
    let is_exchanged = matches!((text, name), ([a, b, ..], [c, d, ..]) if a == d && b == c)
        && rest(text, 2) == rest(name, 2);
    let is_one = [(1, 0), (0, 1), (1, 1)].into_iter().any(|(one, other)| {
        let (text, name) = (rest(text, one), rest(name, other));
        text.is_some() && text == name
    });
    is_long && (is_exchanged || is_one)
}

fn texts(value: &DeValue<'_>) -> Option<Vec<Spanned<String>>> {
    let list = value.as_array()?.iter();
    list.map(|one| Some(Spanned::new(one.span(), one.get_ref().as_str()?.to_owned())))
        .collect()
}

/// What is wrong with a list as the value of a key: the place in it, if the fault has one, the problem,
/// and what the remedy says behind the form of the key.
fn in_list(
    key: &Key,
    list: &[&Spanned<DeValue<'_>>],
) -> (Option<Range<usize>>, String, &'static str) {
    let is_member = |one: &DeValue<'_>| match key.value {
        Value::Groups => texts(one).is_some(),
        Value::Several(_) => one.is_table(),
        _ => one.is_str(),
    };
    match key.value {
        Value::Groups | Value::Several(_) | Value::WordOrWords(_) => {}
        _ if key.is_list_of_texts() => {}
        Value::Once(_) => return (None, "a list of sections, and not one section".into(), ""),
        Value::Form(_) => {
            let more = "; one value, without the brackets of a list: where several are meant, each has a \
                        section of its own";
            return (None, "a list, and not one value".into(), more);
        }
        _ => return (None, "a list, and not one value".into(), ""),
    }
    let odd = list.iter().find(|one| !is_member(one.get_ref()));
    let what = odd.map_or("", |one| match one.get_ref() {
        // A group with a member that is no text.
        DeValue::Array(_) if matches!(key.value, Value::Groups) => "array of other values",
        other => other.type_str(),
    });
    let problem = format!("a value of the type {what} in the list");
    let more = match key.value {
        Value::Groups => ": each group has brackets of its own",
        _ => "",
    };
    (odd.map(|one| one.span()), problem, more)
}

/// Whether prose is a placeholder, such as "TODO".
pub(super) fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 14] = [
        "anonymous",
        "fixme",
        "me",
        "na",
        "nobody",
        "none",
        "null",
        "placeholder",
        "tba",
        "tbc",
        "tbd",
        "todo",
        "unknown",
        "xxx",
    ];
    let letters: String = text.chars().filter(|c| c.is_alphabetic()).collect();
    let is_blank = text.trim().is_empty(); // has a finding of its own
    !is_blank && (letters.is_empty() || WORDS.contains(&letters.to_lowercase().as_str()))
}
