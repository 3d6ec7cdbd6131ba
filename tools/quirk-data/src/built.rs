// SPDX-License-Identifier: GPL-2.0-only

//! Builds the module's table from entries.

use std::fmt;

use rules::{
    entry::{CatchAll, Entry as BuiltEntry, Kind, Kinds},
    limits::Limits,
    table::{IdRange, Table},
};
use sha2::{Digest as _, Sha256};

use crate::{
    entry::{Devices, Entry, Ids, Mainline},
    register::Precondition,
};

/// Builds the table of these entries. They must be sorted by number, and no two may list the same
/// id. The table has no further issued numbers.
///
/// The table type holds `'static` references, as in the module, so the memory is never freed. The
/// program builds a table once or twice in a run.
#[must_use]
pub fn table(entries: &[&Entry]) -> Table {
    let built: Vec<_> = entries.iter().map(|entry| built(entry)).collect();
    let mut index = Vec::new();
    for (position, entry) in (0..).zip(entries) {
        index.extend(entry.devices.iter().flat_map(|one| rows(one, position)));
    }
    index.sort_by_key(|row: &IdRange| (row.vendor, row.first));
    let version = version(&built, &index);
    let issued: Vec<_> = built.iter().map(|entry| entry.number).collect();
    Table {
        version: version.leak(),
        entries: built.leak(),
        index: index.leak(),
        issued: issued.leak(),
    }
}

/// As [`table`], for a kernel older than the merge of any of the entries.
#[must_use]
pub fn before_mainline(entries: &[&Entry]) -> Table {
    changed(&table(entries), |entry| entry.mainline_since = None)
}

/// The table of one entry, for a kernel that lacks it. Conditions are dropped, because a capture does
/// not contain the registers.
pub(crate) fn alone(entry: &Entry) -> Table {
    changed(&before_mainline(&[entry]), |entry| entry.conditions = &[])
}

/// A copy of a table with `change` applied to each entry.
pub(crate) fn changed(table: &Table, change: impl Fn(&mut BuiltEntry)) -> Table {
    let mut entries = table.entries.to_vec();
    entries.iter_mut().for_each(change);
    Table {
        entries: entries.leak(),
        ..*table
    }
}

fn built(entry: &Entry) -> BuiltEntry {
    let conditions: Vec<_> = entry
        .conditions
        .iter()
        .map(Precondition::in_dword)
        .collect();
    BuiltEntry {
        number: entry.number,
        name: entry.name.clone().leak(),
        kinds: entry
            .kinds()
            .fold(Kinds::NONE, |kinds, kind| kinds.union(Kinds::of(kind))),
        grants: entry.acs,
        supersedes: entry.supersedes,
        mainline_since: entry.mainline.as_ref().and_then(Mainline::since_release),
        conditions: conditions.leak(),
    }
}

fn rows(devices: &Devices, entry: u16) -> Vec<IdRange> {
    let limits = &devices.limits;
    let (first_revision, last_revision) = limits.revisions.unwrap_or((u8::MIN, u8::MAX));
    let limits = &*Box::leak(Box::new(Limits {
        class: limits.class,
        first_revision,
        last_revision,
        subsystems: limits.subsystems.clone().leak(),
    }));
    let row = |ids: &Ids| IdRange {
        vendor: ids.vendor,
        first: ids.first,
        last: ids.last,
        entry,
        limits,
    };
    devices.ids.iter().map(row).collect()
}

/// The digest of a table's contents: 12 hexadecimal digits.
fn version(entries: &[BuiltEntry], index: &[IdRange]) -> String {
    let digest: [u8; 32] = Sha256::digest(Canonical { entries, index }.to_string()).into();
    let mut first = [0; 8];
    first[2..].copy_from_slice(&digest[..6]);
    format!("{:012x}", u64::from_be_bytes(first))
}

/// The text that is hashed: one line for each entry, condition, range and limit.
struct Canonical<'a> {
    entries: &'a [BuiltEntry],
    index: &'a [IdRange],
}

impl fmt::Display for Canonical<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in self.entries {
            let kinds: Vec<_> = entry.kinds.iter().map(Kind::name).collect();
            writeln!(
                f,
                "entry {} {} {} {:04x} {}",
                entry.number,
                entry.name,
                kinds.join(","),
                entry.grants.bits(),
                entry.supersedes.map_or("-", CatchAll::name)
            )?;
            if let Some(since) = entry.mainline_since {
                writeln!(f, "mainline {since}")?;
            }
            for one in entry.conditions {
                let (offset, mask, value) = (one.offset, one.mask, one.value);
                writeln!(f, "if {} {offset:04x} {mask:08x} {value:08x}", one.at)?;
            }
        }
        for row in self.index {
            let IdRange {
                vendor,
                first,
                last,
                entry,
                limits,
            } = row;
            writeln!(f, "ids {vendor:04x} {first:04x} {last:04x} {entry}")?;
            if **limits != Limits::NONE {
                let class = limits.class.map(|class| class.to_string());
                let (first, last) = (limits.first_revision, limits.last_revision);
                write!(
                    f,
                    "limits {} {first:02x} {last:02x}",
                    class.as_deref().unwrap_or("-")
                )?;
                for (vendor, device) in limits.subsystems {
                    write!(f, " {vendor:04x}:{device:04x}")?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
