// SPDX-License-Identifier: GPL-2.0-only

//! The page on the quirk database: every entry, with its claim and its evidence.

use std::fmt::{self, Write as _};

use super::{GENERATED, cell, escape};
use crate::quirk::{Ids, Quirk, Status};

/// The page, in Markdown.
#[must_use]
pub fn page(quirks: &[Quirk]) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut page, quirks);
    page
}

fn write(page: &mut String, quirks: &[Quirk]) -> fmt::Result {
    writeln!(page, "{GENERATED}\n# The quirks\n")?;
    writeln!(
        page,
        "Every device-specific ACS quirk that is known, with what it claims and on what evidence: \
         those of mainline Linux, those that are asked for beyond it, and those that were refused. \
         `acsctl quirk show` has more of each, [quirks/](../quirks/) all of it.\n"
    )?;
    writeln!(page, "| status | entries | devices |\n|---|---|---|")?;
    for status in shown() {
        let of = of(quirks, status);
        let ids = of.iter().flat_map(|quirk| quirk.ids());
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
        let of = of(quirks, status);
        if of.is_empty() {
            writeln!(page, "None today.\n")?;
        } else if status == Status::Mainline {
            mainline(page, &of)?;
        } else {
            of.iter().try_for_each(|quirk| ours(page, quirk))?;
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
fn of(quirks: &[Quirk], status: Status) -> Vec<&Quirk> {
    let of = quirks.iter().filter(|quirk| quirk.status == status);
    let mut of: Vec<_> = of.collect();
    of.sort_by_key(|quirk| &quirk.name);
    of
}

/// Writes the mainline entries, one table row each.
fn mainline(page: &mut String, quirks: &[&Quirk]) -> fmt::Result {
    writeln!(
        page,
        "| silicon | devices | kind | grants | since | stated by |\n|---|---|---|---|---|---|"
    )?;
    for quirk in quirks {
        let since = quirk
            .mainline
            .as_ref()
            .and_then(|mainline| mainline.since.as_deref());
        writeln!(
            page,
            "| [{}](../quirks/{}.toml) | {} | {} | {} | {} | {} {} |",
            cell(quirk.title.as_deref().unwrap_or(&quirk.name)),
            quirk.name,
            ids(quirk),
            quirk.kind_names().replace(',', ", "),
            grants(quirk),
            since.unwrap_or("?"),
            cell(stated_by(quirk)),
            links(quirk),
        )?;
    }
    writeln!(page)
}

/// Writes an entry that is not from mainline, with its full evidence.
fn ours(page: &mut String, quirk: &Quirk) -> fmt::Result {
    let title = quirk.title.as_deref().unwrap_or(&quirk.name);
    writeln!(page, "### {}\n", escape(title))?;
    writeln!(
        page,
        "[{0}](../quirks/{0}.toml), number {1}: {2}; {3}, {4}.\n",
        quirk.name,
        quirk.number,
        ids(quirk),
        quirk.kind_names().replace(',', ", "),
        grants(quirk)
    )?;
    if let Some(reason) = &quirk.reason {
        writeln!(page, "{}\n", escape(reason))?;
    }
    if let Some(statement) = quirk
        .evidence
        .as_ref()
        .and_then(|one| one.statement.as_deref())
    {
        writeln!(
            page,
            "> {}\n>\n> {} {}\n",
            cell(statement),
            cell(stated_by(quirk)),
            links(quirk)
        )?;
    }
    Ok(())
}

fn ids(quirk: &Quirk) -> String {
    let ids: Vec<_> = quirk.ids().map(Ids::to_string).collect();
    ids.join(", ")
}

fn grants(quirk: &Quirk) -> String {
    match (&quirk.mainline, quirk.acs_registers) {
        (Some(mainline), _) if mainline.not_expressed.is_some() => format!("at most {}", quirk.acs),
        (_, Some(_)) => "what its registers say".to_owned(),
        _ => quirk.acs.to_string(),
    }
}

fn stated_by(quirk: &Quirk) -> &str {
    let evidence = quirk.evidence.as_ref();
    evidence
        .and_then(|evidence| evidence.stated_by.as_deref())
        .unwrap_or_default()
}

/// A link to each source.
fn links(quirk: &Quirk) -> String {
    let sources = quirk.evidence.iter().flat_map(|evidence| &evidence.sources);
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
