// SPDX-License-Identifier: GPL-2.0-only

//! The JSON form of entries, with the keys of their files.

use rules::{
    acs::AcsFlags,
    entry::{CatchAll, Kind},
};
use serde::Serialize;

use crate::{
    entry::{AcsRegisters, Entry, Ids, Requirement},
    error::Error,
    json::pretty,
    register,
};

/// The version of the JSON form.
const SCHEMA: &str = "acsctl-entries-1";

#[derive(Serialize)]
struct Entries<'a> {
    schema: &'a str,
    entries: Vec<Form<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Form<'a> {
    number: u16,
    id: &'a str,
    name: Option<&'a str>,
    status: &'a str,
    kind: Vec<&'a str>,
    acs: Option<Vec<&'a str>>,
    acs_registers: Option<&'a str>,
    requires: Vec<&'a str>,
    supersedes: Option<&'a str>,
    reason: Option<&'a str>,
    partial: Option<&'a str>,
    #[serde(rename = "match")]
    matches: Vec<Match<'a>>,
    condition: Vec<Register<'a>>,
    program: Vec<Register<'a>>,
    excludes: Vec<Excluded<'a>>,
    evidence: Option<Evidence<'a>>,
    mainline: Option<Mainline<'a>>,
}

#[derive(Serialize)]
struct Match<'a> {
    devices: Vec<Range>,
    about: Option<&'a str>,
    class: Option<String>,
    revisions: Option<String>,
    subsystems: Vec<String>,
}

#[derive(Serialize)]
struct Register<'a> {
    at: String,
    offset: u16,
    width: u8,
    mask: String,
    value: String,
    about: &'a str,
}

#[derive(Serialize)]
struct Excluded<'a> {
    devices: Vec<Range>,
    why: &'a str,
}

#[derive(Serialize)]
struct Range {
    vendor: String,
    first: String,
    last: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Evidence<'a> {
    statement: Option<&'a str>,
    stated_by: Option<&'a str>,
    date: Option<&'a str>,
    sources: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Mainline<'a> {
    since: Option<&'a str>,
    until: Option<&'a str>,
    commit: Option<&'a str>,
    handler: &'a str,
    any_type: bool,
    expressed: bool,
    why: Option<&'a str>,
}

/// Formats these entries as JSON.
///
/// # Errors
///
/// [`Error::CouldNotRun`] if there is not enough memory.
pub fn entries(entries: &[&Entry]) -> Result<String, Error> {
    pretty(&Entries {
        schema: SCHEMA,
        entries: entries.iter().map(|entry| form(entry)).collect(),
    })
}

fn form(entry: &Entry) -> Form<'_> {
    Form {
        number: entry.number,
        id: &entry.name,
        name: entry.title.as_deref(),
        status: entry.status.name(),
        kind: entry.kinds().map(Kind::name).collect(),
        acs: entry.acs_registers.is_none().then(|| flag_names(entry.acs)),
        acs_registers: entry.acs_registers.map(AcsRegisters::name),
        requires: entry
            .requires
            .iter()
            .map(|one| Requirement::name(*one))
            .collect(),
        supersedes: entry.supersedes.map(CatchAll::name),
        reason: entry.reason.as_deref(),
        partial: entry.partial.as_deref(),
        matches: entry
            .devices
            .iter()
            .map(|devices| Match {
                devices: ranges(&devices.ids),
                about: devices.about.as_deref(),
                class: devices.limits.class.map(|class| class.to_string()),
                revisions: devices
                    .limits
                    .revisions
                    .map(|(first, last)| format!("{first:02x}-{last:02x}")),
                subsystems: devices
                    .limits
                    .subsystems
                    .iter()
                    .map(|(vendor, device)| format!("{vendor:04x}:{device:04x}"))
                    .collect(),
            })
            .collect(),
        condition: entry
            .conditions
            .iter()
            .map(|one| {
                let value = one.register.bits(one.value);
                register(&one.register, value, &one.about)
            })
            .collect(),
        program: entry
            .program
            .iter()
            .map(|one| {
                let value = one.value.text(&one.register);
                register(&one.register, value, &one.about)
            })
            .collect(),
        excludes: entry
            .excludes
            .iter()
            .map(|excluded| Excluded {
                devices: ranges(&excluded.ids),
                why: &excluded.why,
            })
            .collect(),
        evidence: entry.evidence.as_ref().map(|evidence| Evidence {
            statement: evidence.statement.as_deref(),
            stated_by: evidence.stated_by.as_deref(),
            date: evidence.date.as_deref(),
            sources: &evidence.sources,
        }),
        mainline: entry.mainline.as_ref().map(|mainline| Mainline {
            since: mainline.since.as_deref(),
            until: mainline.until.as_deref(),
            commit: mainline.commit.as_deref(),
            handler: &mainline.handler,
            any_type: mainline.any_type,
            expressed: mainline.not_expressed.is_none(),
            why: mainline.not_expressed.as_deref(),
        }),
    }
}

fn register<'a>(register: &register::Register, value: String, about: &'a str) -> Register<'a> {
    Register {
        at: register.at.to_string(),
        offset: register.offset,
        width: register.width,
        mask: register.bits(register.mask),
        value,
        about,
    }
}

fn ranges(ids: &[Ids]) -> Vec<Range> {
    let hex = |id: u16| format!("{id:04x}");
    let range = |ids: &Ids| Range {
        vendor: hex(ids.vendor),
        first: hex(ids.first),
        last: hex(ids.last),
    };
    ids.iter().map(range).collect()
}

/// The abbreviations of the flags, in register order.
#[must_use]
pub fn flag_names(flags: AcsFlags) -> Vec<&'static str> {
    let named = AcsFlags::NAMED.into_iter();
    let set = named.filter(|(_, flag)| flags.contains(*flag));
    set.map(|(name, _)| name).collect()
}
