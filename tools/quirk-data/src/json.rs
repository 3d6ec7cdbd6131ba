// SPDX-License-Identifier: GPL-2.0-only

//! Output as JSON.

use rules::acs::AcsFlags;
use serde::Serialize;

use crate::{entry::Entry, error::Error, finding::Finding};

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
        schema: "acsctl-check-1",
        files,
        findings,
    })
}

/// Entries, in JSON.
#[derive(Serialize)]
struct Entries<'a> {
    schema: &'a str,
    entries: &'a [&'a Entry],
}

/// Entries for programs: one JSON object, with the keys of the entries' files.
///
/// # Errors
///
/// [`Error::CouldNotRun`] if there is not enough memory.
pub fn entries(entries: &[&Entry]) -> Result<String, Error> {
    pretty(&Entries {
        schema: "acsctl-entries-1",
        entries,
    })
}

/// The abbreviations of the flags, in register order.
#[must_use]
pub fn flag_names(flags: AcsFlags) -> Vec<&'static str> {
    let named = AcsFlags::NAMED.into_iter();
    let set = named.filter(|(_, flag)| flags.contains(*flag));
    set.map(|(name, _)| name).collect()
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
