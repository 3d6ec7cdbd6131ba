// SPDX-License-Identifier: GPL-2.0-only

//! The JSON Schema of an entry's file, for editors, generated from the list of keys.

use serde_json::{Map, Value as Json, json};

use crate::{
    entry::Status,
    error::Error,
    format::{
        SCHEMA,
        key::{Key, Needed, Section, Value},
        keys::{ADDRESS, BDF, FILE, IDS, SUBSYSTEM},
    },
    json::pretty,
    register::Register,
};

/// The schema as text.
///
/// # Errors
///
/// [`Error::CouldNotRun`] if there is not enough memory.
pub fn text() -> Result<String, Error> {
    let mut schema = section(&FILE);
    let more = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A data file of acs-quirks",
        // Keys that a status requires, as in the check.
        "allOf": Status::ALL.map(for_status),
        "oneOf": [{ "required": ["acs"] }, { "required": ["acs-registers"] }],
    });
    if let (Json::Object(schema), Json::Object(more)) = (&mut schema, more) {
        schema.extend(more);
    }
    pretty(&schema)
}

fn section(section: &Section) -> Json {
    let properties: Map<String, Json> = section
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    json!({
        "type": "object",
        "description": section.about,
        "properties": properties,
        "required": required(section, |needed| needed == Needed::Always),
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Json {
    let mut schema = value(key.value);
    if let Json::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), key.about.into());
    }
    schema
}

fn value(value: Value) -> Json {
    let words = |names: fn() -> Vec<&'static str>| json!({ "enum": names() });
    let list = |items: Json| json!({ "type": "array", "minItems": 1, "items": items });
    let unique = |items: Json| json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": items });
    match value {
        Value::Schema => json!({ "const": SCHEMA }),
        Value::Number => {
            json!({ "type": "integer", "minimum": 1, "maximum": crate::check::MAX_NUMBER })
        }
        Value::Flag => json!({ "type": "boolean" }),
        Value::Text => json!({ "type": "string", "pattern": "\\S" }),
        Value::Line => json!({ "type": "string", "pattern": "^[^\\n\\t]*[^\\s][^\\n\\t]*$" }),
        Value::Form(form) => json!({ "type": "string", "pattern": form }),
        // TOML parsers of editors turn a date into this.
        Value::Day => json!({ "type": "string", "format": "date" }),
        Value::Addresses => unique(json!({ "type": "string", "pattern": ADDRESS })),
        Value::Groups => list(unique(json!({ "type": "string", "pattern": BDF }))),
        Value::Ids => list(json!({ "type": "string", "pattern": IDS })),
        Value::Subsystems => unique(json!({ "type": "string", "pattern": SUBSYSTEM })),
        Value::Offset => json!({ "type": "integer", "minimum": 0, "maximum": 4095 }),
        Value::Width => json!({ "enum": Register::WIDTHS }),
        Value::Word(names) => words(names),
        Value::Words(names) => unique(words(names)),
        Value::WordOrWords(names) => json!({ "oneOf": [words(names), unique(words(names))] }),
        Value::Once(below) => section(below),
        Value::Several(below) => list(section(below)),
    }
}

/// The keys that an entry of this status must have beyond those of every entry, and those that it
/// must not have.
fn for_status(status: Status) -> Json {
    let is_needed = |needed| matches!(needed, Needed::For(statuses) if statuses.contains(&status));
    let without_meaning = |section: &Section| {
        let keys = section.keys.iter().filter(|key| !key.is_for(status));
        keys.map(|key| (key.name.to_owned(), json!(false)))
            .collect::<Map<_, _>>()
    };
    let mut properties = without_meaning(&FILE);
    for key in FILE.keys.iter().filter(|key| key.is_for(status)) {
        if let Value::Once(below) = key.value {
            let (required, forbidden) = (required(below, is_needed), without_meaning(below));
            if !(required.is_empty() && forbidden.is_empty()) {
                let section = json!({ "required": required, "properties": forbidden });
                properties.insert(key.name.to_owned(), section);
            }
        }
    }
    json!({
        "if": { "required": ["status"], "properties": { "status": { "const": status.name() } } },
        "then": { "required": required(&FILE, is_needed), "properties": properties },
    })
}

fn required(section: &Section, is_needed: impl Fn(Needed) -> bool) -> Vec<&'static str> {
    let needed = section.keys.iter().filter(|key| is_needed(key.needed));
    needed.map(|key| key.name).collect()
}
