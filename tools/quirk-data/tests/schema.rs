// SPDX-License-Identifier: GPL-2.0-only

//! The JSON Schema, with which editors check a file: it accepts every valid file, and rejects files
//! whose fault shows in the form of one file.

mod common;

use jsonschema::Validator;
use quirk_data::{
    folder::{self, Scope},
    json_schema,
    rule::Rule,
    source::{self, DataFile},
};
use serde_json::Value;

use common::{accepted, rejected, root};

fn schema() -> Validator {
    let text = json_schema::text().expect("it can be written");
    let schema = serde_json::from_str(&text).expect("it is JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("it is a JSON Schema");
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("it is a JSON Schema")
}

/// A file as editors see it; `None` for a file that is not TOML.
fn json(file: &DataFile) -> Option<Value> {
    let table: toml::Table = toml::from_str(&file.text).ok()?;
    let mut json = serde_json::to_value(table).expect("TOML has a JSON form");
    // Editors read a date as text; the crate wraps it in a marker.
    if let Some(date) = json.pointer_mut("/evidence/date") {
        if let Some(text) = date.get("$__toml_private_datetime") {
            *date = text.clone();
        }
    }
    Some(json)
}

#[test]
fn every_sound_file_is_taken() {
    let schema = schema();
    let mut files = accepted();
    for folder in ["quirks", "tests/kernel/module/quirks"] {
        let sources = source::read(&root().join(folder)).expect("the folder is there");
        files.extend(sources.files);
    }
    for file in files {
        let json = json(&file).expect("it is TOML");
        let faults: Vec<_> = schema
            .iter_errors(&json)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", file.path.display());
    }
}

/// Rules that a schema cannot express, because they concern meaning or other files, or because an
/// editor's TOML parser reports them.
fn is_beyond_forms(rule: Rule) -> bool {
    !matches!(
        rule,
        Rule::Schema
            | Rule::KeyUnknown
            | Rule::KeyMissing
            | Rule::ValueEmpty
            | Rule::ValueUnknown
            | Rule::ValueTwice
            | Rule::ValueForm
            | Rule::SourceForm
    )
}

#[test]
fn every_fault_of_form_is_refused() {
    let schema = schema();
    let mut refused = 0;
    for file in rejected() {
        let found = folder::check(std::slice::from_ref(&file), Scope::now(None));
        let found = found.err().unwrap_or_default();
        let by_form = found
            .iter()
            .filter(|finding| !is_beyond_forms(finding.rule))
            // Sections that repeat each other, missing siblings and bits of another width do not concern one key, and in JSON 1.0
            // equals 1.
            .filter(|one| {
                let beyond = ["beside", "is named twice"];
                !beyond.iter().any(|part| one.problem.contains(part)) && one.problem != "no version"
            });
        if by_form.count() == 0 || file.name == "acme/condition-mask-wider" {
            continue;
        }
        let Some(json) = json(&file) else { continue };
        assert!(!schema.is_valid(&json), "{}", file.path.display());
        refused += 1;
    }
    assert!(refused > 40, "{refused} files");
}
