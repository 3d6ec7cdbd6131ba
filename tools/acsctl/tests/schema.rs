// SPDX-License-Identifier: GPL-2.0-only

//! The JSON output of the commands and its published schema.

mod common;

use std::fs;

use jsonschema::Validator;
use serde_json::Value;

use common::{
    command::{acme, acsctl, path, printed, recorded},
    host::{FakeHost, TABLE},
    root,
};

fn schema() -> Validator {
    let file = root().join("Documentation/acsctl.schema.json");
    let text = fs::read_to_string(file).expect("it is published");
    let schema = serde_json::from_str(&text).expect("it is JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("it is a JSON Schema");
    jsonschema::validator_for(&schema).expect("it is a JSON Schema")
}

/// The JSON output matches the published schema.
#[test]
fn json_output_matches_the_schema() {
    let schema = schema();
    let check = |arguments: &[&str]| -> Value {
        let output = acsctl(arguments);
        let text = String::from_utf8(output.stdout).expect("it is text");
        let value: Value = serde_json::from_str(&text).expect("it is JSON");
        let faults: Vec<_> = schema
            .iter_errors(&value)
            .map(|it| it.to_string())
            .collect();
        assert!(faults.is_empty(), "{arguments:?}: {faults:#?}");
        value
    };
    for machine in recorded() {
        let of = ["--format", "json", "--topology", &machine];
        let all = check(&[&["groups"], &of[..]].concat());
        check(&[&["predict"], &of[..]].concat());
        let groups = all["groups"].as_array().expect("they are a list");
        let shared = groups
            .iter()
            .filter(|group| group["members"][1].is_object());
        for group in shared.chain(&groups[..1]) {
            let first = group["members"][0]["function"]
                .as_str()
                .expect("it is text");
            check(&[&["why", first], &of[..]].concat());
            check(&[&["plan", first], &of[..]].concat());
        }
    }
    let host = FakeHost::new("schema").pair([2, 3], [0x80, 0x80]);
    let host = host.module("acs_quirks", TABLE);
    host.measured("acs_quirks", "kernel lacks: 1\n");
    let found = check(&[
        "doctor",
        "--format",
        "json",
        "--root",
        &path(&host.path("")),
    ]);
    let mut checks = found["checks"].as_array().into_iter().flatten();
    assert!(checks.any(|check| check["entries"].is_object()), "{found}");
    // The control.
    let mut wrong = check(&["predict", "--format", "json", "--topology", &acme()]);
    wrong["groups"] = "all".into();
    assert!(!schema.is_valid(&wrong));
}

#[test]
fn the_published_schema_is_current() {
    let file = root().join("Documentation/acsctl.schema.json");
    let published = fs::read_to_string(file).expect("it is there");
    assert_eq!(printed(&acsctl(&["schema"])), published);
}
