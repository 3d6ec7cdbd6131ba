// SPDX-License-Identifier: GPL-2.0-only

//! Holds the ids that a statement names against those of the entry: a statement is for exactly these
//! ids, and one for others says nothing on the claim.

use std::ops::Range;

use toml::Spanned;

use super::digits;
use crate::{
    finding::Notes,
    quirk::{Devices, Excluded, Ids},
    rule::Rule,
};

/// Checks a statement that names ids, as `10de:0a01`: the entry must speak of each, and each id or
/// end of a range that it claims of that vendor must be among them. One that names none is left to
/// the review. O(n m) in the number of ids that the statement names and of ranges.
pub(super) fn check(
    statement: &Spanned<String>,
    devices: &[Devices],
    excludes: &[Excluded],
    notes: &mut Notes<'_>,
) {
    let named = named(statement.get_ref());
    let claimed = || devices.iter().flat_map(|one| &one.ids);
    let left_out = || excludes.iter().flat_map(|one| &one.ids);
    let speaks = |&(vendor, device): &(u16, u16)| {
        let is_subsystem = |one: &Devices| one.limits.subsystems.contains(&(vendor, device));
        claimed()
            .chain(left_out())
            .any(|ids| ids.contains(vendor, device))
            || devices.iter().any(is_subsystem)
    };
    if let Some((vendor, device)) = named.iter().find(|id| !speaks(id)) {
        notes.add(
            Rule::StatementIds,
            &statement.span(),
            "evidence.statement",
            format!("{vendor:04x}:{device:04x} is neither claimed nor left out by the entry"),
            "claim what the statement is for; what it says of other devices goes into [[match.excludes]]",
        );
    }
    let is_named = |vendor, device| named.contains(&(vendor, device));
    let is_of_named_vendor = |ids: &&Ids| named.iter().any(|&(vendor, _)| vendor == ids.vendor);
    for ids in claimed()
        .filter(|ids| !ids.is_any())
        .filter(is_of_named_vendor)
    {
        let Some(missing) = [ids.first, ids.last]
            .into_iter()
            .find(|&id| !is_named(ids.vendor, id))
        else {
            continue;
        };
        notes.add(
            Rule::StatementIds,
            &ids.span,
            "match.devices",
            format!(
                "the statement names other devices, and not {:04x}:{missing:04x}",
                ids.vendor
            ),
            "claim the ids that it names, and a range where it names both ends",
        );
    }
}

/// The ids in a text: four hexadecimal digits, a colon and four more, and no digit or letter around them.
fn named(text: &str) -> Vec<(u16, u16)> {
    let continues = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let id = |at: Range<usize>| {
        let digits = digits(&text.get(at)?.to_ascii_lowercase(), 4)?;
        u16::try_from(digits).ok()
    };
    let colons = text.match_indices(':').map(|(at, _)| at);
    let ids = colons.filter_map(|at| {
        let start = at.checked_sub(4)?;
        let is_apart = !continues(start.checked_sub(1).and_then(|at| bytes.get(at)))
            && !continues(bytes.get(at + 5));
        is_apart.then_some((id(start..at)?, id(at + 1..at + 5)?))
    });
    ids.collect()
}
