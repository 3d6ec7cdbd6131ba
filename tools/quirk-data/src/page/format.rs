// SPDX-License-Identifier: GPL-2.0-only

//! The page on the format of an entry's file: its keys and the rules of the check.

use std::fmt::{self, Write as _};

use super::{GENERATED, cell};
use crate::{
    entry::Status,
    format::{
        key::{Key, Needed, Section, Value},
        keys::FILE,
    },
    rule::Rule,
};

/// The page, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut page);
    page
}

fn write(page: &mut String) -> fmt::Result {
    writeln!(page, "{GENERATED}\n# The format of a data file\n")?;
    writeln!(
        page,
        "One TOML file for each silicon family, `quirks/VENDOR/FAMILY.toml`. The same as JSON \
         Schema, for editors: [quirks/schema.json](../quirks/schema.json). How an entry comes \
         about: [the vendor's guide](vendors-guide.md).\n"
    )?;
    writeln!(
        page,
        "## Status\n\n| status | meaning | built into |\n|---|---|---|"
    )?;
    for status in Status::ALL {
        let (name, meaning, built) = (status.name(), status.about(), status.built_into());
        writeln!(page, "| `{name}` | {} | {} |", cell(meaning), cell(built))?;
    }
    writeln!(page)?;
    section(page, &FILE)?;
    writeln!(page, "## Rules\n")?;
    writeln!(
        page,
        "`acsctl quirk check` checks every rule in every file, and reports all findings in one run. \
         The code of a rule never changes.\n\n| code | rule |\n|---|---|"
    )?;
    for rule in Rule::ALL {
        writeln!(page, "| `{rule}` | {} |", cell(rule.about()))?;
    }
    Ok(())
}

/// Writes a section, then its subsections.
fn section(page: &mut String, section: &Section) -> fmt::Result {
    let name = section.prefix.trim_end_matches('.');
    let heading = if name.is_empty() {
        "The file".to_owned()
    } else {
        format!("`{name}`")
    };
    writeln!(page, "## {heading}\n\n{}\n", section.about)?;
    writeln!(
        page,
        "| key | value | needed | meaning |\n|---|---|---|---|"
    )?;
    for key in section.keys {
        let Key { name, about, .. } = key;
        let (value, needed) = (value(key.value), needed(key));
        writeln!(
            page,
            "| `{name}` | {} | {needed} | {} |",
            cell(&value),
            cell(about)
        )?;
    }
    writeln!(page)?;
    for key in section.keys {
        if let Value::Once(below) | Value::Several(below) = key.value {
            self::section(page, below)?;
        }
    }
    Ok(())
}

fn value(value: Value) -> String {
    let list = |names: fn() -> Vec<&'static str>| names().join(", ");
    match value {
        Value::Schema => crate::format::SCHEMA.to_string(),
        Value::Number => "1 to 4095".to_owned(),
        Value::Flag => "true or false".to_owned(),
        Value::Text => "prose".to_owned(),
        Value::Line => "prose on one line".to_owned(),
        Value::Form(_) => "text".to_owned(),
        Value::Day => "a day, as 2014-11-03".to_owned(),
        Value::Addresses => "a list of addresses".to_owned(),
        Value::Ids => "a list of ids and ranges".to_owned(),
        Value::Subsystems => "a list of subsystems".to_owned(),
        Value::Offset => "0 to 4095".to_owned(),
        Value::Width => "8, 16 or 32".to_owned(),
        Value::Groups => "a list of groups".to_owned(),
        Value::Word(names) => format!("one of {}", list(names)),
        Value::Words(names) => format!("a list out of {}", list(names)),
        Value::WordOrWords(names) => format!("one of {}, or a list of them", list(names)),
        Value::Once(_) => "a section".to_owned(),
        Value::Several(_) => "sections".to_owned(),
    }
}

/// When a key is needed, and where else it may be.
fn needed(key: &Key) -> String {
    let names = |statuses: &[Status]| {
        let names: Vec<_> = statuses.iter().map(|status| status.name()).collect();
        names.join(", ")
    };
    match key.needed {
        Needed::Always => "always".to_owned(),
        Needed::For(statuses) if statuses == key.only => format!("for {}, only", names(statuses)),
        Needed::For(statuses) if key.only.is_empty() => format!("for {}", names(statuses)),
        Needed::For(statuses) => {
            format!("for {}; only in {}", names(statuses), names(key.only))
        }
        Needed::No if key.only.is_empty() => "no".to_owned(),
        Needed::No => format!("no; only in {}", names(key.only)),
    }
}
