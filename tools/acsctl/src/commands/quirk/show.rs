// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl quirk show`.

use std::fmt::Write as _;

use clap::Args;
use quirk_data::{
    entry::{Entry, Ids, Status},
    error::Error,
    json,
};

use super::DatabaseOption;
use crate::commands::Format;

#[derive(Args, Debug)]
pub(in crate::commands) struct Show {
    /// Number or name of an entry (48, nxp/lx2), or a device (1957:8d80): then all entries that
    /// list or exclude it.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    database: DatabaseOption,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Show {
    pub(super) fn run(&self) -> Result<String, Error> {
        let entries = self.database.load()?;
        let found = find(&entries, &self.id)?;
        match self.format {
            Format::Text => {
                let pages: Vec<_> = found.into_iter().map(page).collect();
                Ok(pages.join("\n"))
            }
            Format::Json => json::entries(&found),
        }
    }
}

/// The entries that `id` means.
pub(super) fn find<'e>(entries: &'e [Entry], id: &str) -> Result<Vec<&'e Entry>, Error> {
    let device = id.split_once(':').and_then(|(vendor, device)| {
        let parse = |text: &str| u16::from_str_radix(text, 16).ok();
        Some((parse(vendor)?, parse(device)?))
    });
    let id = id.trim_end_matches('/');
    // The path of an entry's file names it too.
    let is_file = |entry: &Entry| {
        let path = id.strip_suffix(".toml");
        let folders = path.and_then(|path| path.strip_suffix(&entry.name));
        folders.is_some_and(|folders| folders.is_empty() || folders.ends_with('/'))
    };
    let is_meant = |entry: &&Entry| {
        if let Some((vendor, device)) = device {
            let excluded = entry.excludes.iter().flat_map(|excluded| &excluded.ids);
            return entry
                .ids()
                .chain(excluded)
                .any(|ids| ids.contains(vendor, device));
        }
        let is_number = entry.number != 0 && entry.number.to_string() == id;
        entry.name == id || is_number || is_file(entry)
    };
    let found: Vec<_> = entries.iter().filter(is_meant).collect();
    if found.is_empty() {
        let folder = id.rsplit('/').next().unwrap_or(id);
        let names = entries.iter().map(|entry| entry.name.as_str());
        let beside = |name: &&str| {
            name.split_once('/')
                .is_some_and(|(vendor, _)| vendor == folder)
        };
        let mut inside: Vec<_> = names.filter(beside).collect();
        inside.sort_unstable();
        if !inside.is_empty() {
            return Err(Error::NotFound(format!(
                "\"{id}\" is a folder and not an entry; name one of its entries: {}",
                inside.join(", ")
            )));
        }
        return Err(Error::NotFound(format!(
            "no entry \"{id}\"; give a number such as 48, a name such as nxp/lx2, or a device such \
             as 1957:8d80 (`acsctl quirk list` shows all)"
        )));
    }
    Ok(found)
}

/// The one entry that `id` means.
pub(super) fn one<'e>(entries: &'e [Entry], id: &str) -> Result<&'e Entry, Error> {
    match find(entries, id)?[..] {
        [entry] => Ok(entry),
        ref several => {
            let names: Vec<_> = several.iter().map(|entry| entry.name.as_str()).collect();
            Err(Error::NotFound(format!(
                "\"{id}\" is in several entries: {}; name one of them",
                names.join(", ")
            )))
        }
    }
}

/// An entry as text.
fn page(entry: &Entry) -> String {
    let mut page = match entry.number {
        0 => format!("{}\n", entry.name),
        number => format!("{} (number {number})\n", entry.name),
    };
    let mut line = |what: &str, text: &str| {
        for (index, row) in text.lines().flat_map(wrap).enumerate() {
            let what = if index == 0 { what } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(page, "  {what:<11} {row}");
        }
    };
    line("silicon", entry.title.as_deref().unwrap_or_default());
    let status = match entry.status {
        Status::Mainline if entry.removed_in().is_some() => {
            "mainline, which has removed the quirk: no module has it"
        }
        status => status.name(),
    };
    line("status", status);
    line("reason", entry.reason.as_deref().unwrap_or_default());
    line(
        "replaced by",
        entry.replaced_by.as_deref().unwrap_or_default(),
    );
    line("kind", &entry.kind_names());
    match entry.acs_registers {
        Some(layout) => line(
            "grants",
            &format!(
                "the flags in the device's own registers, laid out as {}",
                layout.name()
            ),
        ),
        None if entry.status == Status::NotIsolated => line("lacks", &entry.acs.to_string()),
        None => line("grants", &entry.acs.to_string()),
    }
    let requires: Vec<_> = entry.requires.iter().map(|one| one.name()).collect();
    line("requires", &requires.join(", "));
    line(
        "supersedes",
        entry.supersedes.map_or("", |handler| handler.name()),
    );
    for devices in &entry.devices {
        let ids: Vec<_> = devices.ids.iter().map(Ids::to_string).collect();
        line("devices", &ids.join(" "));
        line("", &devices.limits.to_string());
        line("", devices.about.as_deref().unwrap_or_default());
    }
    for (number, one) in (1..).zip(&entry.conditions) {
        let value = one.register.bits(one.value);
        line(
            &format!("condition {number}"),
            &format!("{}, is {value}: {}", one.register, one.about),
        );
    }
    for one in &entry.program {
        let value = one.value.text(&one.register);
        line(
            "written",
            &format!("{}, by the kernel, {value}: {}", one.register, one.about),
        );
    }
    for excluded in &entry.excludes {
        let ids: Vec<_> = excluded.ids.iter().map(Ids::to_string).collect();
        line("excludes", &format!("{}: {}", ids.join(" "), excluded.why));
    }
    line("partial", entry.partial.as_deref().unwrap_or_default());
    if let Some(evidence) = &entry.evidence {
        line(
            "statement",
            evidence.statement.as_deref().unwrap_or_default(),
        );
        line(
            "stated by",
            evidence.stated_by.as_deref().unwrap_or_default(),
        );
        if evidence.hearsay {
            line("", "hearsay: the author does not speak for the vendor");
        }
        line("date", evidence.date.as_deref().unwrap_or_default());
        line("source", &evidence.sources.join("\n"));
    }
    if let Some(mainline) = &entry.mainline {
        line("mainline", &mainline.releases());
        line("commit", mainline.commit.as_deref().unwrap_or_default());
        line("handler", &mainline.handler);
        line(
            "omitted",
            mainline.not_expressed.as_deref().unwrap_or_default(),
        );
    }
    page
}

/// The width of a column of text.
const WIDTH: usize = 86;

/// Wraps a paragraph. URLs are not broken, so that they can be followed.
fn wrap(text: &str) -> Vec<String> {
    textwrap::wrap(text, textwrap::Options::new(WIDTH).break_words(false))
        .into_iter()
        .map(Into::into)
        .collect()
}
