// SPDX-License-Identifier: GPL-2.0-only

//! Refuses JSON that is neither a capture nor a list of functions.

use serde_json::Value;

use super::is_of_machine;
use crate::{Error, lspci::AGAIN};

/// A key of lshw.
pub(super) const LSHW: &str = "\"businfo\"";

/// Whether a text that begins like JSON is a capture, perhaps a damaged one.
///
/// # Errors
///
/// What other JSON it is.
pub(crate) fn is_capture(name: &str, text: &str) -> Result<bool, Error> {
    let refuse = |what: String, remedy: &str| {
        let problem = format!("is JSON, but no capture: {what}");
        Err(Error::at(name, "", problem, remedy))
    };
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(error) => {
            let has = |key| text.contains(key);
            let is_meant = has("\"schema\"") || has("\"functions\"");
            let is_cut = error.is_eof() && !has(LSHW);
            return Ok(text.trim_start().starts_with('{') && (is_meant || is_cut));
        }
    };
    let has = |key| value.get(key).is_some();
    let schema = value.get("schema").and_then(Value::as_str);
    if let Some(other) = schema.filter(|schema| schema.starts_with("acsctl-")) {
        let remedy = "make a capture with \"acsctl capture\"";
        return refuse(
            format!("acsctl printed it ({})", other.escape_debug()),
            remedy,
        );
    }
    if has("schema") || has("functions") || value.as_object().is_some_and(serde_json::Map::is_empty)
    {
        return Ok(true);
    }
    if let Some(place) = text_in(&value, "") {
        let place = if place.starts_with('[') {
            format!(".{place}")
        } else {
            place
        };
        return refuse(
            "it has the lines of another text as strings".to_owned(),
            &format!("write these lines into a file: jq -r '{place}'"),
        );
    }
    let what = if text.contains(LSHW) {
        "lshw printed it, which shows no capabilities and no groups"
    } else {
        "no key of it is known"
    };
    refuse(what.to_owned(), AGAIN)
}

/// The place, as jq names it, of the strings that have lines of a machine.
fn text_in(value: &Value, place: &str) -> Option<String> {
    let is_text = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| text.lines().any(is_of_machine))
    };
    match value {
        Value::String(text) => {
            let is_whole = text.lines().nth(1).is_some() && is_text(value);
            is_whole.then(|| place.to_owned())
        }
        Value::Array(all) if all.iter().any(is_text) => Some(format!("{place}[]")),
        Value::Array(all) => {
            let mut all = all.iter().enumerate();
            all.find_map(|(at, one)| text_in(one, &format!("{place}[{at}]")))
        }
        Value::Object(all) => {
            let mut all = all.iter();
            all.find_map(|(key, one)| text_in(one, &format!("{place}[{key:?}]")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
