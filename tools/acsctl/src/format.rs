// SPDX-License-Identifier: GPL-2.0-only

//! The format of a data file, as far as TOML itself can tell: which keys there are and what type
//! their values have. What the values mean is the matter of `quirk.rs`.
//!
//! Every key is optional here, so that a missing one is reported together with everything else
//! that is wrong with the file.

use serde::Deserialize;
use toml::{Spanned, value::Datetime};

use crate::{finding::Notes, source::DataFile, words::Words};

/// The version of the format that this program understands.
const SCHEMA: i64 = 1;

/// A whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct File {
    #[serde(rename = "schema")]
    _schema: Option<i64>,
    pub(crate) number: Option<Spanned<i64>>,
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) status: Option<Spanned<String>>,
    pub(crate) kind: Option<Spanned<Words>>,
    pub(crate) acs: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) acs_registers: Option<Spanned<String>>,
    pub(crate) requires: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) supersedes: Option<Spanned<String>>,
    pub(crate) reason: Option<Spanned<String>>,
    pub(crate) partial: Option<Spanned<String>>,
    #[serde(default, rename = "match")]
    pub(crate) matches: Vec<Spanned<Match>>,
    pub(crate) evidence: Option<Spanned<Evidence>>,
    pub(crate) mainline: Option<Spanned<Mainline>>,
}

/// One `[[match]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Match {
    pub(crate) vendor: Option<Spanned<String>>,
    pub(crate) devices: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) about: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) excludes: Vec<Spanned<Exclude>>,
}

/// One `[[match.excludes]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exclude {
    pub(crate) devices: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) why: Option<Spanned<String>>,
}

/// `[evidence]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Evidence {
    pub(crate) statement: Option<Spanned<String>>,
    pub(crate) stated_by: Option<Spanned<String>>,
    pub(crate) date: Option<Spanned<Datetime>>,
    pub(crate) sources: Option<Spanned<Vec<Spanned<String>>>>,
}

/// `[mainline]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Mainline {
    pub(crate) since: Option<Spanned<String>>,
    pub(crate) commit: Option<Spanned<String>>,
    pub(crate) handler: Option<Spanned<String>>,
    pub(crate) any_type: Option<Spanned<bool>>,
    pub(crate) expressed: Option<Spanned<bool>>,
    pub(crate) why: Option<Spanned<String>>,
}

/// The one key that every version of the format has.
#[derive(Deserialize)]
struct Version {
    schema: Option<Spanned<i64>>,
}

/// Reads a file; `None`, with the reason in `notes`, when it cannot be understood.
pub(crate) fn parse(file: &DataFile, notes: &mut Notes<'_>) -> Option<File> {
    // First, because a newer version may have keys of which this program knows nothing.
    let version: Version = toml_part(file, notes)?;
    match version.schema {
        Some(schema) if *schema.get_ref() == SCHEMA => {}
        Some(schema) if *schema.get_ref() > SCHEMA => {
            notes.add(
                &schema.span(),
                "schema",
                format!("version {} is newer than this acsctl", schema.get_ref()),
                "use an acsctl that is as new as the data",
            );
            return None;
        }
        Some(schema) => notes.add(
            &schema.span(),
            "schema",
            format!("there is no version {}", schema.get_ref()),
            format!("write schema = {SCHEMA}"),
        ),
        None => notes.add(
            &(0..0),
            "schema",
            "missing",
            format!("write schema = {SCHEMA} at the top"),
        ),
    }
    toml_part(file, notes)
}

fn toml_part<T: for<'de> Deserialize<'de>>(file: &DataFile, notes: &mut Notes<'_>) -> Option<T> {
    toml::from_str(&file.text)
        .map_err(|error| {
            notes.add(
                &error.span().unwrap_or(0..0),
                "format",
                error.message().trim_end().replace('\n', ", "),
                "write it as the other data files do",
            );
        })
        .ok()
}
