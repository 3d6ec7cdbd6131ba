// SPDX-License-Identifier: GPL-2.0-only

//! The claim itself: which kinds of function, which flags, and which in-tree handler it corrects.

use isolation::{
    acs::AcsFlags,
    entry::{CatchAll, Kind},
    pcie::PcieType,
};
use toml::Spanned;

use super::{choice, word};
use crate::{finding::Notes, quirk::Ids, words::Words};

/// Reads the kinds; none where the file names none that is known.
pub(super) fn kinds(value: Option<&Spanned<Words>>, notes: &mut Notes<'_>) -> Vec<Kind> {
    let choices = Kind::ALL.map(|kind| (kind.name(), kind));
    let Some(value) = value else {
        choice(None, "kind", &choices, notes);
        return Vec::new();
    };
    let words = value.get_ref().each(&value.span());
    if words.is_empty() {
        notes.add(&value.span(), "kind", "no kind", "name at least one");
    }
    let mut kinds = Vec::new();
    for (text, place) in words {
        let Some(kind) = word(text, &place, "kind", &choices, notes) else {
            continue;
        };
        if kinds.contains(&kind) {
            let problem = format!("{text} stands twice");
            notes.add(&place, "kind", problem, "take one of them out");
        } else {
            kinds.push(kind);
        }
    }
    kinds
}

/// Reads the flags; `by_registers` tells that the file says how to read them from the device.
pub(super) fn acs(
    value: Option<&Spanned<Vec<Spanned<String>>>>,
    by_registers: bool,
    kinds: &[Kind],
    notes: &mut Notes<'_>,
) -> Option<AcsFlags> {
    let Some(value) = value else {
        if by_registers {
            return Some(AcsFlags::NONE);
        }
        let remedy = "list the flags that the statement covers, as [\"SV\", \"RR\"]";
        notes.add(&(0..0), "acs", "missing", remedy);
        return None;
    };
    if by_registers {
        notes.add(
            &value.span(),
            "acs",
            "stands beside acs-registers",
            "take one of them out: flags that are read from the device cannot be stated",
        );
    }
    if value.get_ref().is_empty() {
        let remedy = "list the flags that the statement covers";
        notes.add(&value.span(), "acs", "no flag", remedy);
    }
    let mut flags = AcsFlags::NONE;
    for word in value.get_ref() {
        let Some(flag) = choice(Some(word), "acs", &AcsFlags::NAMED, notes) else {
            continue;
        };
        if flags.contains(flag) {
            let problem = format!("{flag} stands twice");
            notes.add(&word.span(), "acs", problem, "take one of them out");
        }
        if let Some(kind) = kinds.iter().find(|kind| !kind.grantable().contains(flag)) {
            notes.add(
                &word.span(),
                "acs",
                format!(
                    "an entry of the kind \"{}\" cannot grant {flag}",
                    kind.name()
                ),
                format!("only {} can be granted", kind.grantable()),
            );
        }
        flags = flags.union(flag);
    }
    Some(flags)
}

/// Checks that a claim on every device of a vendor is one on a PCIe type that is no adapter's.
pub(super) fn any(ids: &[&Ids], kinds: &[Kind], notes: &mut Notes<'_>) {
    if !kinds.contains(&Kind::MfEndpoint) {
        return;
    }
    for ids in ids.iter().filter(|ids| ids.is_any()) {
        notes.add(
            &ids.span,
            "match.devices",
            format!("every device of the vendor {:04x} is too much for the kind \"mf-endpoint\"", ids.vendor),
            "list the device ids; only rciep, root-port and downstream-port bound what \"any\" means",
        );
    }
}

/// Reads the in-tree handler that the entry corrects.
pub(super) fn supersedes(
    value: Option<&Spanned<String>>,
    kinds: &[Kind],
    ids: &[&Ids],
    notes: &mut Notes<'_>,
) -> Option<CatchAll> {
    let value = value?;
    let handler = choice(
        Some(value),
        "supersedes",
        &CatchAll::ALL.map(|handler| (handler.name(), handler)),
        notes,
    )?;
    for ids in ids.iter().filter(|ids| ids.vendor != handler.vendor()) {
        notes.add(
            &value.span(),
            "supersedes",
            format!(
                "the kernel's handler \"{}\" sees the vendor {:04x} only, not {ids}",
                handler.name(),
                handler.vendor()
            ),
            "give the devices of another vendor an entry of their own",
        );
    }
    let answers = |kind: Kind| {
        (0..=0xf)
            .filter_map(PcieType::from_raw)
            .any(|found| kind.applies_to(found) && handler.answered(handler.vendor(), found))
    };
    if let Some(kind) = kinds.iter().find(|&&kind| !answers(kind)) {
        notes.add(
            &value.span(),
            "supersedes",
            format!(
                "the kernel's handler \"{}\" has no opinion on functions of the kind \"{}\"",
                handler.name(),
                kind.name()
            ),
            "take the line out, or correct the kind",
        );
    }
    Some(handler)
}
