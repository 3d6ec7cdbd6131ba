// SPDX-License-Identifier: GPL-2.0-only

//! Checks the claim: kinds of function, flags, and the in-tree handler that the entry corrects.

use rules::{
    acs::AcsFlags,
    aliases::may_alias,
    entry::{CatchAll, Kind},
};
use toml::Spanned;

use super::{choice, word};
use crate::{
    entry::{Ids, Status},
    finding::Notes,
    format::{self, Words},
    rule::Rule,
};

/// Reads the kinds; empty if the file names no known kind.
pub(super) fn kinds(value: Option<&Spanned<Words>>, notes: &mut Notes<'_>) -> Vec<Kind> {
    let choices = Kind::ALL.map(|kind| (kind.name(), kind));
    let Some(value) = value else {
        return Vec::new();
    };
    let words = value.get_ref().each(&value.span());
    if words.is_empty() {
        notes.add(
            Rule::ValueEmpty,
            &value.span(),
            "kind",
            "no kind",
            "name at least one",
        );
    }
    let mut kinds = Vec::new();
    for (text, place) in words {
        let Some(kind) = word(text, &place, "kind", &choices, notes) else {
            continue;
        };
        if kinds.contains(&kind) {
            let problem = format!("{text} is listed twice");
            notes.add(
                Rule::ValueTwice,
                &place,
                "kind",
                problem,
                "take one of them out",
            );
        } else {
            kinds.push(kind);
        }
    }
    kinds
}

/// Reads the flags; none if the file says how to read them from the device.
pub(super) fn acs(
    parsed: &format::File,
    kinds: &[Kind],
    notes: &mut Notes<'_>,
) -> Option<AcsFlags> {
    let by_registers = parsed.acs_registers.is_some();
    let Some(value) = &parsed.acs else {
        if by_registers {
            return Some(AcsFlags::NONE);
        }
        if parsed.has_flags {
            return None;
        }
        let help = "list the flags that the statement covers, as [\"SV\", \"RR\"]";
        notes.add(Rule::KeyMissing, &(0..0), "acs", "missing", help);
        return None;
    };
    if by_registers {
        notes.add(
            Rule::KeyUnneeded,
            &value.span(),
            "acs",
            "is given beside acs-registers",
            "take one of them out: flags that are read from the device cannot be stated",
        );
    }
    if value.get_ref().is_empty() {
        let help = "list the flags that the statement covers";
        notes.add(Rule::ValueEmpty, &value.span(), "acs", "no flag", help);
    }
    let mut flags = AcsFlags::NONE;
    for word in value.get_ref() {
        let Some(flag) = choice(Some(word), "acs", &AcsFlags::NAMED, notes) else {
            continue;
        };
        if flags.contains(flag) {
            let problem = format!("{flag} is listed twice");
            notes.add(
                Rule::ValueTwice,
                &word.span(),
                "acs",
                problem,
                "take one of them out",
            );
        }
        if let Some(kind) = kinds.iter().find(|kind| !kind.grantable().contains(flag)) {
            notes.add(
                Rule::FlagsOfKind,
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

/// Checks that a claim for every device of a vendor is not for multi-function endpoints. The other
/// kinds bound what it covers.
pub(super) fn any(
    ids: &[Spanned<Ids>],
    kinds: &[Kind],
    status: Option<Status>,
    notes: &mut Notes<'_>,
) {
    if !kinds.contains(&Kind::MfEndpoint) || status.is_some_and(Status::is_negative) {
        return;
    }
    for ids in ids.iter().filter(|ids| ids.get_ref().is_any()) {
        let vendor = ids.get_ref().vendor;
        notes.add(
            Rule::IdAny,
            &ids.span(),
            "match.devices",
            format!("every device of the vendor {vendor:04x} is too much for the kind \"mf-endpoint\""),
            "list the device ids; only rciep, root-port and downstream-port bound what \"any\" means",
        );
    }
}

/// The widest range of ids that still names exact devices.
const WIDEST: u32 = 64;
/// The largest number of ids that one statement can plausibly name.
const MOST: u32 = 256;

/// Checks that a claim of this project names ids that a statement can have named: few ids, in short
/// ranges, also if a range is split into adjacent pieces.
pub(super) fn width(ids: &[Spanned<Ids>], status: Option<Status>, notes: &mut Notes<'_>) {
    let is_ours = status.is_some_and(|status| status != Status::Mainline && !status.is_negative());
    let exact = ids.iter().map(|ids| (*ids.get_ref(), ids.span()));
    let mut ids: Vec<_> = exact.filter(|(ids, _)| !ids.is_any() && is_ours).collect();
    ids.sort_by_key(|(ids, _)| (ids.vendor, ids.first));
    let help = "list the ids that the statement names, each or in short ranges";
    let (mut run, mut all) = (0, 0);
    for (at, (range, span)) in ids.iter().enumerate() {
        let count = u32::from(range.last - range.first) + 1;
        let before = at.checked_sub(1).map(|before| ids[before].0);
        let goes_on = before.is_some_and(|before| {
            before.vendor == range.vendor && before.last.checked_add(1) == Some(range.first)
        });
        let was = if goes_on { run } else { 0 };
        run = was + count;
        if run > WIDEST && was <= WIDEST {
            let problem = if goes_on {
                format!("{range} and what comes before it are more than {WIDEST} devices")
            } else {
                format!("{range} are more than {WIDEST} devices")
            };
            notes.add(Rule::IdWide, span, "match.devices", problem, help);
        }
        if all + count > MOST && all <= MOST {
            let problem = format!("with {range}, the entry is for more than {MOST} devices");
            notes.add(Rule::IdWide, span, "match.devices", problem, help);
        }
        all += count;
    }
}

/// Checks that no id is on a list of the kernel's DMA alias quirks. The module claims nothing for a
/// function that sends under another requester ID.
pub(super) fn aliases(ids: &[Spanned<Ids>], status: Option<Status>, notes: &mut Notes<'_>) {
    if status.is_some_and(Status::is_negative) {
        return;
    }
    for ids in ids.iter().filter(|ids| !ids.get_ref().is_any()) {
        let range = ids.get_ref();
        let mut devices = range.first..=range.last;
        let Some(device) = devices.find(|&device| may_alias(range.vendor, device)) else {
            continue;
        };
        let problem = format!(
            "the kernel has a DMA alias quirk for {:04x}:{device:04x}",
            range.vendor
        );
        let help = "leave the id out: a function that sends under the requester ID of another one cannot \
                    have an IOMMU group of its own";
        notes.add(Rule::IdAliased, &ids.span(), "match.devices", problem, help);
    }
}

/// Checks that the entry names the catch-all handler that would answer 0 for its ids. A handler
/// that answers for one function of a device also answers for its siblings.
fn catch_alls(
    named: Option<CatchAll>,
    kinds: &[Kind],
    ids: &[Spanned<Ids>],
    notes: &mut Notes<'_>,
) {
    for ids in ids {
        let range = ids.get_ref();
        let mut handlers = CatchAll::ALL.into_iter();
        let unnamed = handlers.find(|&handler| {
            let mut kinds = kinds.iter();
            named != Some(handler) && kinds.any(|&kind| handler.answers(range.vendor, kind))
        });
        let Some(handler) = unnamed else {
            continue;
        };
        let name = handler.name();
        notes.add(
            Rule::SupersedesMissing,
            &ids.span(),
            "match.devices",
            format!("the kernel's handler \"{name}\" answers no for every id of {:04x} that it does not list", range.vendor),
            format!("write supersedes = \"{name}\" and have evidence that its no is wrong for {range}"),
        );
    }
}

/// Reads the in-tree handler that the entry corrects.
pub(super) fn supersedes(
    value: Option<&Spanned<String>>,
    status: Option<Status>,
    acs: Option<AcsFlags>,
    kinds: &[Kind],
    ids: &[Spanned<Ids>],
    notes: &mut Notes<'_>,
) -> Option<CatchAll> {
    let named = named(value, acs, kinds, ids, notes);
    let is_wrong = value.is_some() && named.is_none();
    if !is_wrong && !status.is_some_and(Status::is_negative) {
        catch_alls(named, kinds, ids, notes);
    }
    named
}

/// Reads the name of the handler.
fn named(
    value: Option<&Spanned<String>>,
    acs: Option<AcsFlags>,
    kinds: &[Kind],
    ids: &[Spanned<Ids>],
    notes: &mut Notes<'_>,
) -> Option<CatchAll> {
    let value = value?;
    let handler = choice(
        Some(value),
        "supersedes",
        &CatchAll::ALL.map(|handler| (handler.name(), handler)),
        notes,
    )?;
    let claimed = ids.iter().map(Spanned::get_ref);
    for ids in claimed.filter(|ids| ids.vendor != handler.vendor()) {
        notes.add(
            Rule::KeyUnneeded,
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
    let answers = |kind: &&Kind| handler.answers(handler.vendor(), **kind);
    if let Some(kind) = kinds.iter().find(|kind| !answers(kind)) {
        notes.add(
            Rule::KeyUnneeded,
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
    if acs.is_some_and(|acs| !AcsFlags::GROUPING.contains(acs)) {
        notes.add(
            Rule::SupersedesFlags,
            &value.span(),
            "supersedes",
            format!(
                "an entry that supersedes can grant no more than {}",
                AcsFlags::GROUPING
            ),
            "take the other flags out of acs: asked for those, the handler may mean its no",
        );
    }
    Some(handler)
}
