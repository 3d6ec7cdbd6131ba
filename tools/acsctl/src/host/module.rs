// SPDX-License-Identifier: GPL-2.0-only

//! The loaded modules of this project: hook state, table and decisions, read from the debugfs files
//! `hook`, `table` and `decisions` (`src/driver/status.rs`).

use std::{collections::BTreeMap, fs, io, path::Path};

use quirk_data::edition::Edition;
use rules::{
    acs::AcsFlags,
    condition::{Condition, Place},
    entry::{CatchAll, Entry, Kind, Kinds},
    limits::{Class, Limits},
    release::Release,
    table::{IdRange, Table},
};

use super::{
    HostPaths,
    decisions::{self, Record},
    hook::{self, Hook, MeasuredEntries},
    paths::text,
};

/// A loaded module.
#[derive(Clone, Debug)]
pub struct Module {
    /// The edition of the module.
    pub edition: Edition,
    /// Whether the module's hook has an effect.
    pub hook: Hook,
    /// Which entries of the module the running kernel lacks, has, or has in part. `None` if the
    /// module does not report this, or the reason why the report cannot be read.
    pub measured: Result<Option<MeasuredEntries>, String>,
    /// The module's table without entries that make no claim, or the reason why the table cannot be
    /// read.
    pub table: Result<Table, String>,
    /// The names of all entries by number, including entries that make no claim.
    pub names: BTreeMap<u16, String>,
    /// The module's decisions, or the reason why they cannot be read.
    pub record: Result<Record, String>,
}

impl Module {
    /// The modules that are loaded on a host.
    #[must_use]
    pub fn loaded(paths: &HostPaths) -> Vec<Self> {
        let editions = [Edition::Validated, Edition::Candidate, Edition::Test];
        let is_loaded = |edition: &Edition| {
            let folder = paths.sys.join("module").join(edition.module());
            folder.is_dir()
        };
        let loaded = editions.into_iter().filter(is_loaded);
        loaded.map(|edition| Self::read(paths, edition)).collect()
    }

    /// The names of modules.
    #[must_use]
    pub fn names(modules: &[Self]) -> Vec<String> {
        modules.iter().map(|one| one.name().to_owned()).collect()
    }

    /// Whether the hook may have an effect: it does unless the module reports that it has none.
    #[must_use]
    pub const fn may_work(&self) -> bool {
        !matches!(self.hook, Hook::Ineffective(_))
    }

    fn read(paths: &HostPaths, edition: Edition) -> Self {
        let folder = paths.debug.join(edition.module());
        // For messages: the folder may be in a mount that only this process sees.
        let usual = Path::new("/sys/kernel/debug").join(edition.module());
        let read = |name| {
            fs::read_to_string(folder.join(name)).map_err(|error| {
                let hint = match error.kind() {
                    io::ErrorKind::PermissionDenied => "; run acsctl as root",
                    io::ErrorKind::NotFound => "; is debugfs mounted?",
                    _ => "",
                };
                format!("cannot read {}: {error}{hint}", usual.join(name).display())
            })
        };
        let in_file = |name| {
            let place = usual.join(name);
            move |problem| format!("{}: {problem}", place.display())
        };
        let hook = read("hook");
        let table = read("table");
        let names = table.as_deref().map(parse_names).unwrap_or_default();
        let measured = hook
            .clone()
            .and_then(|text| hook::parse_measured(&text, &names).map_err(in_file("hook")));
        let table = table.and_then(|text| parse_table(&text).map_err(in_file("table")));
        let record = read("decisions")
            .and_then(|text| decisions::parse(&text).map_err(in_file("decisions")));
        Self {
            edition,
            hook: hook.map_or_else(Hook::Unseen, |text| hook::parse_state(&text)),
            measured,
            table,
            names,
            record,
        }
    }

    /// The module's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.edition.module()
    }
}

/// Whether kprobes are enabled; `None` if the file cannot be read.
pub(crate) fn kprobes(paths: &HostPaths) -> Option<bool> {
    let path = paths.debug.join("kprobes/enabled");
    Some(text(&path)? != "0")
}

/// Parses the file `table`. Entries that are withdrawn or left to mainline make no claim and are left
/// out.
///
/// Leaks the memory of the parsed table: [`Table`] has static references, because the kernel's own
/// table is a constant.
///
/// # Errors
///
/// The line that cannot be parsed, and what is wrong with it.
pub fn parse_table(text: &str) -> Result<Table, String> {
    let mut lines = (1..).zip(text.lines());
    let version = lines
        .next()
        .and_then(|(_, line)| line.strip_prefix("table "))
        .ok_or("line 1: no table version; is the file from another version of acs-quirks?")?;
    let mut entries = Vec::new();
    let mut index = Vec::new();
    for (number, line) in lines {
        let in_line = |problem: String| format!("line {number}: {problem}");
        let words: Vec<_> = line.split_whitespace().collect();
        let [entry, name, kinds, state, row @ ..] = &words[..] else {
            return Err(in_line("too short".to_owned()));
        };
        if *state != "active" {
            continue;
        }
        let position =
            u16::try_from(entries.len()).map_err(|_| in_line("too many entries".to_owned()))?;
        let row = TableRow::parse(row, position).map_err(in_line)?;
        entries.push(Entry {
            number: entry
                .parse()
                .map_err(|_| in_line(format!("\"{entry}\" is not a number")))?,
            name: (*name).to_owned().leak(),
            kinds: parse_kinds(kinds).map_err(in_line)?,
            grants: row.grants,
            supersedes: row.supersedes,
            mainline_since: row.mainline_since,
            conditions: row.conditions.leak(),
        });
        index.extend(row.ids);
    }
    index.sort_by_key(|row: &IdRange| (row.vendor, row.first));
    let issued: Vec<_> = entries.iter().map(|entry: &Entry| entry.number).collect();
    let table = Table {
        version: version.to_owned().leak(),
        entries: entries.leak(),
        index: index.leak(),
        issued: issued.leak(),
    };
    if table.is_sound() {
        Ok(table)
    } else {
        Err("the entries are inconsistent".to_owned())
    }
}

/// The names in the file `table` by entry number, including entries that make no claim.
/// [`parse_table`] reports damaged lines.
fn parse_names(text: &str) -> BTreeMap<u16, String> {
    let name = |line: &str| {
        let (number, rest) = line.split_once(' ')?;
        let name = rest.split_whitespace().next()?;
        Some((number.parse().ok()?, name.to_owned()))
    };
    text.lines().skip(1).filter_map(name).collect()
}

/// The part of a line after the entry's state.
struct TableRow {
    grants: AcsFlags,
    supersedes: Option<CatchAll>,
    mainline_since: Option<Release>,
    conditions: Vec<Condition>,
    ids: Vec<IdRange>,
}

impl TableRow {
    fn parse(words: &[&str], entry: u16) -> Result<Self, String> {
        let mut row = Self {
            grants: AcsFlags::NONE,
            supersedes: None,
            mainline_since: None,
            conditions: Vec::new(),
            ids: Vec::new(),
        };
        for word in words {
            let unknown = || format!("\"{word}\" is unknown");
            if let Some(handler) = word.strip_prefix("supersedes=") {
                let mut all = CatchAll::ALL.into_iter();
                let found = all.find(|known| known.name() == handler);
                row.supersedes = Some(found.ok_or_else(unknown)?);
            } else if let Some(since) = word.strip_prefix("mainline=") {
                row.mainline_since = Some(since.parse().map_err(|_| unknown())?);
            } else if let Some(condition) = word.strip_prefix("if=") {
                let condition = parse_condition(condition).ok_or_else(unknown)?;
                row.conditions.push(condition);
            } else if word.contains(':') {
                row.ids.push(parse_ids(word, entry).ok_or_else(unknown)?);
            } else {
                let name = word.strip_prefix("acs=").unwrap_or(word);
                let mut flags = AcsFlags::NAMED.into_iter();
                let (_, flag) = flags
                    .find(|(known, _)| *known == name)
                    .ok_or_else(unknown)?;
                row.grants = row.grants.union(flag);
            }
        }
        Ok(row)
    }
}

fn parse_kinds(words: &str) -> Result<Kinds, String> {
    words.split(',').try_fold(Kinds::NONE, |kinds, word| {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == word);
        let kind = found.ok_or_else(|| format!("\"{word}\" is not a kind"))?;
        Ok(kinds.union(Kinds::of(kind)))
    })
}

/// Parses a condition, for example `capability:10+8&0000ffff=00000001`.
fn parse_condition(text: &str) -> Option<Condition> {
    let (base, rest) = text.split_once('+')?;
    let (offset, rest) = rest.split_once('&')?;
    let (mask, value) = rest.split_once('=')?;
    let at = match base.split_once(':') {
        None if base == "config" => Place::Config,
        Some(("capability", id)) => Place::Capability(u8::from_str_radix(id, 16).ok()?),
        Some(("extended", id)) => Place::Extended(hex(id)?),
        _ => return None,
    };
    Some(Condition {
        at,
        offset: hex(offset)?,
        mask: u32::from_str_radix(mask, 16).ok()?,
        value: u32::from_str_radix(value, 16).ok()?,
    })
}

/// Parses ids, for example `1077:8030` or `1077:8030-8032`, with optional limits in brackets.
fn parse_ids(text: &str, entry: u16) -> Option<IdRange> {
    let (ids, limits) = text.split_at(text.find('[').unwrap_or(text.len()));
    let (vendor, devices) = ids.split_once(':')?;
    let (first, last) = devices.split_once('-').unwrap_or((devices, devices));
    let mut found = Limits::NONE;
    let mut subsystems = Vec::new();
    for limit in limits.split_inclusive(']') {
        let (name, value) = limit
            .strip_prefix('[')?
            .strip_suffix(']')?
            .split_once('=')?;
        match name {
            "class" if value.len() == 4 => found.class = Some(Class::Subclass(hex(value)?)),
            "class" => {
                found.class = Some(Class::Interface(u32::from_str_radix(value, 16).ok()?));
            }
            "revisions" => {
                let (first, last) = value.split_once('-')?;
                found.first_revision = u8::from_str_radix(first, 16).ok()?;
                found.last_revision = u8::from_str_radix(last, 16).ok()?;
            }
            "subsystem" => {
                let (vendor, device) = value.split_once(':')?;
                subsystems.push((hex(vendor)?, hex(device)?));
            }
            _ => return None,
        }
    }
    found.subsystems = subsystems.leak();
    Some(IdRange {
        vendor: hex(vendor)?,
        first: hex(first)?,
        last: hex(last)?,
        entry,
        limits: Box::leak(Box::new(found)),
    })
}

fn hex(text: &str) -> Option<u16> {
    u16::from_str_radix(text, 16).ok()
}
