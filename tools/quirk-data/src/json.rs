// SPDX-License-Identifier: GPL-2.0-only

//! Output as JSON.

use serde::Serialize;

use crate::{error::Error, finding::Finding};

/// The version of the JSON form.
const SCHEMA: &str = "acsctl-check-1";

/// The result of a check, in JSON.
#[derive(Serialize)]
struct Outcome<'a> {
    schema: &'a str,
    files: usize,
    findings: &'a [Finding],
}

/// Findings for programs: one JSON object, with the number of checked files.
///
/// # Errors
///
/// [`Error::CouldNotRun`] if there is not enough memory.
pub fn findings(files: usize, findings: &[Finding]) -> Result<String, Error> {
    pretty(&Outcome {
        schema: SCHEMA,
        files,
        findings,
    })
}

/// A value as indented JSON with a final line end.
///
/// # Errors
///
/// [`Error::CouldNotRun`] if there is not enough memory.
pub fn pretty(value: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n")
        .map_err(|error| Error::CouldNotRun(format!("cannot write JSON: {error}")))
}
