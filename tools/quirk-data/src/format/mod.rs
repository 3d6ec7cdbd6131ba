// SPDX-License-Identifier: GPL-2.0-only

//! The format of an entry's file: its keys and the types of their values. `check/` handles the
//! meaning of the values.
//!
//! Every key is optional here, so that a missing key is reported together with all other faults of
//! the file.

mod characters;
mod comments;
pub(crate) mod key;
pub(crate) mod keys;
mod reader;
mod strings;
mod syntax;
mod words;

use std::cell::RefCell;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
    value::Datetime,
};

use self::{keys::FILE, reader::Reader};
pub(crate) use self::{
    reader::{Groups, is_nearly},
    words::Words,
};
use crate::{entry::Status, finding::Notes, rule::Rule, source::DataFile};

/// The start of a text that is still a question.
pub(crate) const QUESTION: &str = "QUESTION:";

/// Whether a text is still a question, or has no answer.
pub(crate) fn is_open(text: &str) -> bool {
    text.trim().is_empty() || text.starts_with(QUESTION) || reader::is_placeholder(text)
}

/// The version of the format that this program reads.
pub(crate) const SCHEMA: i64 = 1;

/// A file.
pub(crate) struct File {
    /// Whether the file has the key `acs` or `acs-registers`, valid or not.
    pub(crate) has_flags: bool,
    pub(crate) number: Option<Spanned<i64>>,
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) status: Option<Spanned<String>>,
    pub(crate) kind: Option<Spanned<Words>>,
    pub(crate) acs: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) acs_registers: Option<Spanned<String>>,
    pub(crate) requires: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) supersedes: Option<Spanned<String>>,
    pub(crate) reason: Option<Spanned<String>>,
    pub(crate) replaced_by: Option<Spanned<String>>,
    pub(crate) partial: Option<Spanned<String>>,
    pub(crate) matches: Vec<Spanned<Match>>,
    pub(crate) conditions: Vec<Spanned<Register>>,
    pub(crate) program: Vec<Spanned<Register>>,
    pub(crate) evidence: Option<Spanned<Evidence>>,
    pub(crate) expects: Vec<Spanned<Expect>>,
    pub(crate) mainline: Option<Spanned<Mainline>>,
}

/// One `[[match]]`.
pub(crate) struct Match {
    pub(crate) vendor: Option<Spanned<String>>,
    pub(crate) devices: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) about: Option<Spanned<String>>,
    pub(crate) class: Option<Spanned<String>>,
    pub(crate) revisions: Option<Spanned<String>>,
    pub(crate) subsystems: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) excludes: Vec<Spanned<Exclude>>,
}

/// One `[[match.excludes]]`.
pub(crate) struct Exclude {
    pub(crate) devices: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) why: Option<Spanned<String>>,
}

/// One `[[condition]]` or `[[program]]`.
pub(crate) struct Register {
    pub(crate) at: Option<Spanned<String>>,
    pub(crate) offset: Option<Spanned<i64>>,
    pub(crate) width: Option<Spanned<i64>>,
    pub(crate) mask: Option<Spanned<String>>,
    pub(crate) value: Option<Spanned<String>>,
    pub(crate) about: Option<Spanned<String>>,
}

/// `[evidence]`.
pub(crate) struct Evidence {
    pub(crate) statement: Option<Spanned<String>>,
    pub(crate) stated_by: Option<Spanned<String>>,
    pub(crate) date: Option<Spanned<Datetime>>,
    pub(crate) sources: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) hearsay: Option<Spanned<bool>>,
}

/// One `[[expect]]`.
pub(crate) struct Expect {
    pub(crate) capture: Option<Spanned<String>>,
    pub(crate) before: Option<Spanned<Groups>>,
    pub(crate) after: Option<Spanned<Groups>>,
}

/// `[mainline]`.
pub(crate) struct Mainline {
    pub(crate) since: Option<Spanned<String>>,
    pub(crate) until: Option<Spanned<String>>,
    pub(crate) commit: Option<Spanned<String>>,
    pub(crate) handler: Option<Spanned<String>>,
    pub(crate) any_type: Option<Spanned<bool>>,
    pub(crate) expressed: Option<Spanned<bool>>,
    pub(crate) why: Option<Spanned<String>>,
}

/// Reads a file; `None` if it cannot be understood, with the reason in `notes`. What has a fault of syntax
/// is as if it were not there.
pub(crate) fn parse(file: &DataFile, notes: &mut Notes<'_>) -> Option<File> {
    characters::check(&file.text, notes);
    comments::check(&file.text, notes);
    let text = syntax::check(&file.text, notes)?;
    let table = DeTable::parse(&text).ok()?;
    if !is_understood(table.get_ref(), notes) {
        return None;
    }
    // A key missing at the top level is a fault of the whole file.
    let notes = RefCell::new(notes);
    let status = table.get_ref().get("status").and_then(status);
    let file = Reader::new(&FILE, table.get_ref(), 0..0, status, &notes);
    Some(File {
        has_flags: file.has("acs") || file.has("acs-registers"),
        number: file.number("number"),
        name: file.text("name"),
        status: file.text("status"),
        kind: file.words("kind"),
        acs: file.texts("acs"),
        acs_registers: file.text("acs-registers"),
        requires: file.texts("requires"),
        supersedes: file.text("supersedes"),
        reason: file.text("reason"),
        replaced_by: file.text("replaced-by"),
        partial: file.text("partial"),
        matches: file.sections("match", |one| Match {
            vendor: one.text("vendor"),
            devices: one.texts("devices"),
            about: one.text("about"),
            class: one.text("class"),
            revisions: one.text("revisions"),
            subsystems: one.texts("subsystems"),
            excludes: one.sections("excludes", |exclude| Exclude {
                devices: exclude.texts("devices"),
                why: exclude.text("why"),
            }),
        }),
        conditions: file.sections("condition", register),
        program: file.sections("program", register),
        evidence: file.section("evidence", |evidence| Evidence {
            statement: evidence.text("statement"),
            stated_by: evidence.text("stated-by"),
            date: evidence.day("date"),
            sources: evidence.texts("sources"),
            hearsay: evidence.flag("hearsay"),
        }),
        expects: file.sections("expect", |expect| Expect {
            capture: expect.text("capture"),
            before: expect.groups("before"),
            after: expect.groups("after"),
        }),
        mainline: file.section("mainline", |mainline| Mainline {
            since: mainline.text("since"),
            until: mainline.text("until"),
            commit: mainline.text("commit"),
            handler: mainline.text("handler"),
            any_type: mainline.flag("any-type"),
            expressed: mainline.flag("expressed"),
            why: mainline.text("why"),
        }),
    })
}

fn register(section: &Reader<'_, '_, '_>) -> Register {
    Register {
        at: section.text("at"),
        offset: section.number("offset"),
        width: section.number("width"),
        mask: section.text("mask"),
        value: section.text("value"),
        about: section.text("about"),
    }
}

fn status(value: &Spanned<DeValue<'_>>) -> Option<Status> {
    let name = value.get_ref().as_str()?;
    Status::ALL.into_iter().find(|status| status.name() == name)
}

/// Whether this program knows the version of the format. A newer version may have other keys, so
/// other findings would not help.
fn is_understood(table: &DeTable<'_>, notes: &mut Notes<'_>) -> bool {
    // The reader reports a missing version or one of another type.
    let Some(schema) = table.get("schema") else {
        return true;
    };
    let version = schema.get_ref().as_integer();
    let version =
        version.and_then(|version| i64::from_str_radix(version.as_str(), version.radix()).ok());
    let (problem, help) = match version {
        Some(SCHEMA) => return true,
        Some(version) if version > SCHEMA => (
            format!("version {version} is newer than this acsctl"),
            "use an acsctl as new as the data".to_owned(),
        ),
        Some(version) => (
            format!("there is no version {version}"),
            format!("write schema = {SCHEMA}"),
        ),
        None => ("no version".to_owned(), format!("write schema = {SCHEMA}")),
    };
    notes.add(Rule::Schema, &schema.span(), "schema", problem, help);
    version.is_none_or(|version| version < SCHEMA)
}
