// SPDX-License-Identifier: GPL-2.0-only

//! The page on the quirk database: every entry, with its claim and its evidence.

use std::fmt::{self, Write as _};

use super::{GENERATED, cell, escape};
use crate::entry::{Entry, Ids, Status};

/// The page, in Markdown.
#[must_use]
pub fn page(entries: &[Entry]) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut page, entries);
    page
}

fn write(page: &mut String, entries: &[Entry]) -> fmt::Result {
    writeln!(page, "{GENERATED}\n# The quirks\n")?;
    writeln!(
        page,
        "Every device-specific ACS quirk that is known, with its claim and its evidence: \
         the quirks of mainline Linux, the quirks asked for beyond mainline, and the refused ones. \
         `acsctl quirk show` shows more of each; the data files in [quirks/](../quirks/) have everything.\n"
    )?;
    writeln!(page, "| status | entries | devices |\n|---|---|---|")?;
    for status in shown() {
        let of = of(entries, status);
        let ids = of.iter().flat_map(|entry| entry.ids());
        let count: usize = ids.filter(|ids| !ids.is_any()).map(Ids::count).sum();
        writeln!(
            page,
            "| [{0}](#{0}) | {1} | {count} |",
            status.name(),
            of.len()
        )?;
    }
    writeln!(page)?;
    for status in shown() {
        writeln!(page, "## {}\n\n{}.\n", status.name(), upper(status.about()))?;
        let of = of(entries, status);
        if of.is_empty() {
            writeln!(page, "None today.\n")?;
        } else if status == Status::Mainline {
            mainline(page, &of)?;
        } else {
            of.iter().try_for_each(|entry| ours(page, entry))?;
        }
    }
    Ok(())
}

/// Every status except `test`.
fn shown() -> impl Iterator<Item = Status> {
    Status::ALL
        .into_iter()
        .filter(|status| *status != Status::Test)
}

/// The entries with a status, sorted by name.
fn of(entries: &[Entry], status: Status) -> Vec<&Entry> {
    let of = entries.iter().filter(|entry| entry.status == status);
    let mut of: Vec<_> = of.collect();
    of.sort_by_key(|entry| &entry.name);
    of
}

/// Writes the mainline entries, one table row each.
fn mainline(page: &mut String, entries: &[&Entry]) -> fmt::Result {
    writeln!(
        page,
        "| silicon | devices | kind | grants | since | stated by |\n|---|---|---|---|---|---|"
    )?;
    for entry in entries {
        let mainline = entry.mainline.as_ref();
        let since = mainline.and_then(|mainline| mainline.since.as_deref());
        let until = entry.removed_in();
        writeln!(
            page,
            "| [{}](../quirks/{}.toml) | {} | {} | {} | {}{} | {} {} |",
            cell(entry.title.as_deref().unwrap_or(&entry.name)),
            entry.name,
            entry.ids_and_limits(),
            entry.kind_names().replace(',', ", "),
            grants(entry),
            since.unwrap_or("?"),
            until.map_or_else(String::new, |until| format!(", removed in {until}")),
            cell(stated_by(entry)),
            links(entry),
        )?;
    }
    writeln!(page)
}

/// Writes an entry that is not from mainline, with its full evidence.
fn ours(page: &mut String, entry: &Entry) -> fmt::Result {
    let title = entry.title.as_deref().unwrap_or(&entry.name);
    writeln!(page, "### {}\n", escape(title))?;
    writeln!(
        page,
        "[{0}](../quirks/{0}.toml){1}: {2}; {3}, {4}.\n",
        entry.name,
        match entry.number {
            0 => String::new(),
            number => format!(", number {number}"),
        },
        entry.ids_and_limits(),
        entry.kind_names().replace(',', ", "),
        grants(entry)
    )?;
    if let Some(reason) = &entry.reason {
        writeln!(page, "{}\n", escape(reason))?;
    }
    if let Some(new) = &entry.replaced_by {
        writeln!(page, "Replaced by [{new}](../quirks/{new}.toml).\n")?;
    }
    if let Some(mainline) = &entry.mainline {
        writeln!(page, "In mainline {}.\n", mainline.releases())?;
    }
    if let Some(statement) = entry
        .evidence
        .as_ref()
        .and_then(|one| one.statement.as_deref())
    {
        writeln!(
            page,
            "> {}\n>\n> {}{} {}\n",
            cell(statement),
            cell(stated_by(entry)),
            if entry.evidence.as_ref().is_some_and(|one| one.hearsay) {
                " (hearsay)"
            } else {
                ""
            },
            links(entry)
        )?;
    }
    Ok(())
}

fn grants(entry: &Entry) -> String {
    match (&entry.mainline, entry.acs_registers) {
        (Some(mainline), _) if mainline.not_expressed.is_some() => format!("at most {}", entry.acs),
        (_, Some(_)) => "what its registers say".to_owned(),
        _ if entry.status == Status::NotIsolated => format!("not {}", entry.acs),
        _ => entry.acs.to_string(),
    }
}

fn stated_by(entry: &Entry) -> &str {
    let evidence = entry.evidence.as_ref();
    evidence
        .and_then(|evidence| evidence.stated_by.as_deref())
        .unwrap_or_default()
}

/// A link to each source.
fn links(entry: &Entry) -> String {
    let sources = entry.evidence.iter().flat_map(|evidence| &evidence.sources);
    let links = sources
        .enumerate()
        .map(|(at, source)| format!("[{}]({source})", at + 1));
    links.collect::<Vec<_>>().join(" ")
}

/// The text with a capital first letter.
fn upper(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
