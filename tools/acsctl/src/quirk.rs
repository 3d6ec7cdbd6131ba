// SPDX-License-Identifier: GPL-2.0-only

//! What a data file says, checked as far as one file alone can be.

use std::{fmt, ops::Range};

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
    source::DataFile,
};

/// What is known of a claim, and with that, what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// A vendor's statement is on record.
    Validated,
    /// Merged into mainline Linux.
    Mainline,
    /// Plausible, but the evidence is not sufficient.
    Candidate,
    /// Asked for, and refused.
    Rejected,
    /// Stated once, and taken back.
    Withdrawn,
    /// For an emulated device.
    Test,
}

impl Status {
    /// Every status, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Validated,
        Self::Mainline,
        Self::Candidate,
        Self::Rejected,
        Self::Withdrawn,
        Self::Test,
    ];

    /// The name that the data files use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validated => "validated",
            Self::Mainline => "mainline",
            Self::Candidate => "candidate",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Test => "test",
        }
    }

    /// Whether it is negative knowledge: what must not be claimed.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::Rejected | Self::Withdrawn)
    }

    /// Whether a vendor's statement must be on record (trust rule 3).
    const fn needs_evidence(self) -> bool {
        matches!(self, Self::Validated | Self::Mainline)
    }

    /// Whether the file must say why the entry is not more than that.
    const fn needs_reason(self) -> bool {
        matches!(self, Self::Candidate | Self::Rejected | Self::Withdrawn)
    }
}

/// A closed range of device ids of one vendor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ids {
    /// PCI vendor id.
    pub vendor: u16,
    /// First device id.
    pub first: u16,
    /// Last device id, not below the first.
    pub last: u16,
    /// Where the file says so, in bytes.
    pub(crate) span: Range<usize>,
}

/// Writes `1d17:0753-075e`, or `1077:8030` for a single id.
impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.first)?;
        if self.last != self.first {
            write!(f, "-{:04x}", self.last)?;
        }
        Ok(())
    }
}

/// An entry, as one data file states it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quirk {
    /// Number by which an owner withdraws the entry, 1 or more.
    pub number: u16,
    /// Vendor's folder and silicon family: `vendor/family`.
    pub name: String,
    /// What is known of it.
    pub status: Status,
    /// What kind of function it speaks for.
    pub kind: Kind,
    /// The flags that it grants.
    pub acs: AcsFlags,
    /// The in-tree catch-all that it corrects, if any.
    pub supersedes: Option<CatchAll>,
    /// The devices, in the order of the file.
    pub ids: Vec<Ids>,
}

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
        let ids = ids(&parsed.matches, notes);
        let draft = Self {
            file,
            number: number(parsed.number.as_ref(), notes),
            status,
            kind,
            acs: acs(parsed.acs.as_ref(), kind, notes),
            supersedes: supersedes(parsed.supersedes.as_ref(), kind, &ids, notes),
            ids,
        };
        evidence(parsed.evidence.as_ref(), status, notes);
        reason(parsed.reason.as_ref(), status, notes);
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

fn ids(matches: &[Spanned<format::Match>], notes: &mut Notes<'_>) -> Vec<Ids> {
    const SOME: &str = "list the device ids, as [\"8030-8032\", \"8040\"]";
    if matches.is_empty() {
        let remedy = "write at least one [[match]] with vendor and devices";
        notes.add(&(0..0), "match", "missing", remedy);
    }
    let mut all = Vec::new();
    for one in matches {
        let vendor = vendor(one, notes);
        let Some(devices) = &one.get_ref().devices else {
            notes.add(&one.span(), "match.devices", "missing", SOME);
            continue;
        };
        if devices.get_ref().is_empty() {
            notes.add(&devices.span(), "match.devices", "no device id", SOME);
        }
        for range in devices.get_ref() {
            if let (Some((first, last)), Some(vendor)) = (device_range(range, notes), vendor) {
                all.push(Ids {
                    vendor,
                    first,
                    last,
                    span: range.span(),
                });
            }
        }
    }
    all
}

fn vendor(one: &Spanned<format::Match>, notes: &mut Notes<'_>) -> Option<u16> {
    let Some(value) = &one.get_ref().vendor else {
        let remedy = "write the vendor id, as vendor = \"1077\"";
        notes.add(&one.span(), "match.vendor", "missing", remedy);
        return None;
    };
    match hex(value.get_ref()) {
        Some(0x0000 | 0x0001 | 0xffff) => {
            notes.add(
                &value.span(),
                "match.vendor",
                format!("{} is no vendor", value.get_ref()),
                "it is what a function that is absent or not ready reads as; write the id of the \
                 vendor",
            );
            None
        }
        Some(vendor) => Some(vendor),
        None => {
            not_hex(value, "match.vendor", value.get_ref(), notes);
            None
        }
    }
}

fn device_range(value: &Spanned<String>, notes: &mut Notes<'_>) -> Option<(u16, u16)> {
    let text = value.get_ref();
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (Some(from), Some(to)) = (hex(first), hex(last)) else {
        let bad = if hex(first).is_some() { last } else { first };
        not_hex(value, "match.devices", bad, notes);
        return None;
    };
    if from > to {
        notes.add(
            &value.span(),
            "match.devices",
            format!("the range {text} is reversed"),
            format!("write it as {last}-{first}, if that is meant"),
        );
        return None;
    }
    Some((from, to))
}

fn not_hex(value: &Spanned<String>, field: &str, bad: &str, notes: &mut Notes<'_>) {
    notes.add(
        &value.span(),
        field,
        format!("\"{bad}\" is not an id"),
        "write four lowercase hexadecimal digits without a prefix, as 10de",
    );
}

/// Exactly four lowercase hexadecimal digits.
fn hex(text: &str) -> Option<u16> {
    let digits = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 4 || !digits {
        return None;
    }
    u16::from_str_radix(text, 16).ok()
}

fn evidence(
    value: Option<&Spanned<format::Evidence>>,
    status: Option<Status>,
    notes: &mut Notes<'_>,
) {
    let needed = status.filter(|status| status.needs_evidence());
    let Some(value) = value else {
        if let Some(status) = needed {
            notes.add(
                &(0..0),
                "evidence",
                format!("missing, and the status \"{}\" needs it", status.name()),
                "record the vendor's statement in [evidence], or make it a candidate",
            );
        }
        return;
    };
    let evidence = value.get_ref();
    for (field, text) in [
        ("evidence.statement", &evidence.statement),
        ("evidence.stated-by", &evidence.stated_by),
    ] {
        filled(text.as_ref(), field, needed.is_some(), &value.span(), notes);
    }

    match &evidence.date {
        None if needed.is_some() => {
            let remedy = "write the day of the statement, as date = 2014-11-03";
            notes.add(&value.span(), "evidence.date", "missing", remedy);
        }
        Some(date) if date.get_ref().date.is_none() || date.get_ref().time.is_some() => notes.add(
            &date.span(),
            "evidence.date",
            format!("{} is not a day", date.get_ref()),
            "write the day alone, as date = 2014-11-03",
        ),
        _ => {}
    }

    let remedy = "give the address under which the statement can be read, with https://";
    match &evidence.sources {
        None if needed.is_some() => {
            notes.add(&value.span(), "evidence.sources", "missing", remedy);
        }
        Some(sources) if sources.get_ref().is_empty() => {
            notes.add(&sources.span(), "evidence.sources", "no source", remedy);
        }
        _ => {}
    }
    for source in evidence.sources.iter().flat_map(Spanned::get_ref) {
        let text = source.get_ref();
        let address = ["https://", "http://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        if address.is_none_or(|rest| rest.is_empty() || rest.contains(char::is_whitespace)) {
            let problem = format!("\"{text}\" is not an address");
            notes.add(&source.span(), "evidence.sources", problem, remedy);
        }
    }
}

fn reason(value: Option<&Spanned<String>>, status: Option<Status>, notes: &mut Notes<'_>) {
    let needed = status.is_some_and(Status::needs_reason);
    filled(value, "reason", needed, &(0..0), notes);
}

/// Prose: must not be blank, and must be there if `needed`.
fn filled(
    value: Option<&Spanned<String>>,
    field: &str,
    needed: bool,
    place: &Range<usize>,
    notes: &mut Notes<'_>,
) {
    let remedy = "say it in a sentence";
    match value {
        None if needed => notes.add(place, field, "missing, and the status needs it", remedy),
        Some(text) if text.get_ref().trim().is_empty() => {
            notes.add(&text.span(), field, "blank", remedy);
        }
        _ => {}
    }
}
