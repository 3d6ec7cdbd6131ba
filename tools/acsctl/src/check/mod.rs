// SPDX-License-Identifier: GPL-2.0-only

//! Checks a data file as far as one file alone can tell.
//!
//! | file | what it checks |
//! |---|---|
//! | `ids.rs` | vendor and device ids |
//! | `evidence.rs` | the evidence, and the reason for a status |

mod evidence;
mod ids;

use std::ops::Range;

use isolation::{
    acs::AcsFlags,
    entry::{CatchAll, Kind},
    pcie::PcieType,
};
use toml::Spanned;

use crate::{
    edition::Edition,
    finding::{Finding, Notes},
    format,
    quirk::{Ids, Quirk, Status},
    source::DataFile,
};

/// What could be read of a file: what is missing or wrong is absent, and there is a finding on it.
pub(crate) struct Draft<'a> {
    pub(crate) file: &'a DataFile,
    pub(crate) number: Option<(u16, Range<usize>)>,
    pub(crate) status: Option<Status>,
    pub(crate) ids: Vec<Ids>,
    kind: Option<Kind>,
    acs: Option<AcsFlags>,
    supersedes: Option<CatchAll>,
}

impl<'a> Draft<'a> {
    /// Reads a file; `edition` says what the folder is for, if anything in particular.
    pub(crate) fn read(
        file: &'a DataFile,
        edition: Option<Edition>,
    ) -> (Option<Self>, Vec<Finding>) {
        let mut notes = Notes::on(file);
        check_name(file, &mut notes);
        let draft = format::parse(file, &mut notes)
            .map(|parsed| Self::check(file, edition, &parsed, &mut notes));
        (draft, notes.into_findings())
    }

    fn check(
        file: &'a DataFile,
        edition: Option<Edition>,
        parsed: &format::File,
        notes: &mut Notes<'_>,
    ) -> Self {
        let status = choice(
            parsed.status.as_ref(),
            "status",
            &Status::ALL.map(|status| (status.name(), status)),
            notes,
        );
        let kind = choice(
            parsed.kind.as_ref(),
            "kind",
            &Kind::ALL.map(|kind| (kind.name(), kind)),
            notes,
        );
        if let (Some(status), Some(edition), Some(value)) = (status, edition, &parsed.status) {
            if !edition.admits(status) {
                notes.add(
                    &value.span(),
                    "status",
                    format!(
                        "\"{}\" has no place in the data of the edition \"{}\"",
                        status.name(),
                        edition.name()
                    ),
                    "entries for emulated devices, and no others, have the status \"test\" and \
                     lie in tests/module/quirks",
                );
            }
        }
        let ids = ids::check(&parsed.matches, notes);
        let draft = Self {
            file,
            number: number(parsed.number.as_ref(), notes),
            status,
            kind,
            acs: acs(parsed.acs.as_ref(), kind, notes),
            supersedes: supersedes(parsed.supersedes.as_ref(), kind, &ids, notes),
            ids,
        };
        evidence::check(parsed.evidence.as_ref(), status, notes);
        evidence::check_reason(parsed.reason.as_ref(), status, notes);
        draft
    }

    /// The entry, if everything that it needs could be read.
    pub(crate) fn finish(self) -> Option<Quirk> {
        Some(Quirk {
            number: self.number?.0,
            name: self.file.name.clone(),
            status: self.status?,
            kind: self.kind?,
            acs: self.acs?,
            supersedes: self.supersedes,
            ids: self.ids,
        })
    }
}

fn check_name(file: &DataFile, notes: &mut Notes<'_>) {
    let is_word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    let parts: Vec<_> = file.name.split('/').collect();
    if !matches!(parts[..], [vendor, family] if is_word(vendor) && is_word(family)) {
        notes.add(
            &(0..0),
            "name",
            format!("\"{}\" is not of the form vendor/family", file.name),
            "use one folder for the vendor and one file in it for the family, both named with \
             lowercase letters, digits and hyphens",
        );
    }
}

/// The choice that a string value names.
fn choice<T: Copy>(
    value: Option<&Spanned<String>>,
    field: &str,
    choices: &[(&str, T)],
    notes: &mut Notes<'_>,
) -> Option<T> {
    let names = || {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        format!("use one of: {}", names.join(", "))
    };
    let Some(value) = value else {
        notes.add(&(0..0), field, "missing", names());
        return None;
    };
    let found = choices.iter().find(|(name, _)| name == value.get_ref());
    if found.is_none() {
        notes.add(
            &value.span(),
            field,
            format!("\"{}\" is unknown", value.get_ref()),
            names(),
        );
    }
    found.map(|&(_, choice)| choice)
}

fn number(value: Option<&Spanned<i64>>, notes: &mut Notes<'_>) -> Option<(u16, Range<usize>)> {
    let Some(value) = value else {
        let remedy = "take one that no entry has or had; acsctl table list shows those in use";
        notes.add(&(0..0), "number", "missing", remedy);
        return None;
    };
    let number = u16::try_from(*value.get_ref()).ok();
    let number = number.filter(|&number| number >= 1);
    if number.is_none() {
        notes.add(
            &value.span(),
            "number",
            format!("{} is out of range", value.get_ref()),
            "use a number from 1 to 65535",
        );
    }
    Some((number?, value.span()))
}

fn acs(
    value: Option<&Spanned<Vec<Spanned<String>>>>,
    kind: Option<Kind>,
    notes: &mut Notes<'_>,
) -> Option<AcsFlags> {
    let Some(value) = value else {
        let remedy = "list the flags that the statement covers, as [\"SV\", \"RR\"]";
        notes.add(&(0..0), "acs", "missing", remedy);
        return None;
    };
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
        if let Some(kind) = kind.filter(|kind| !kind.grantable().contains(flag)) {
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

fn supersedes(
    value: Option<&Spanned<String>>,
    kind: Option<Kind>,
    ids: &[Ids],
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
    if let Some(kind) = kind.filter(|&kind| !answers(kind)) {
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
