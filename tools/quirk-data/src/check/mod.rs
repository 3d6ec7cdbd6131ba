// SPDX-License-Identifier: GPL-2.0-only

//! Checks an entry's file by itself.
//!
//! | file | checks |
//! |---|---|
//! | `claim.rs` | kinds, flags, and the in-tree handler that is corrected |
//! | `ids.rs` | vendor and device ids |
//! | `evidence.rs` | the evidence, and the other prose |
//! | `stated/` | the ids and kinds that the statement names |
//! | `limits.rs` | class, revisions and subsystems |
//! | `register.rs` | required register values, and the kernel's writes to registers |
//! | `settled.rs` | the bits of standard capabilities that never change |
//! | `spoken.rs` | whether the statement names a register |
//! | `expect.rs` | the expected groups of captured machines |
//! | `mainline.rs` | the state in mainline Linux |
//! | `unbuilt.rs` | keys that only mainline entries may have |

mod claim;
mod evidence;
mod expect;
mod ids;
mod limits;
mod mainline;
mod register;
mod settled;
mod spoken;
mod stated;
mod unbuilt;

pub(crate) use stated::unclaimed;

use std::ops::Range;

use rules::{
    acs::AcsFlags,
    entry::{CatchAll, Kind},
};
use toml::Spanned;

use crate::{
    entry::{
        AcsRegisters, Devices, Entry, Evidence, Excluded, Expect, Ids, Mainline, Requirement,
        Status,
    },
    finding::{Finding, Notes},
    format, kernels,
    name::is_entry,
    register::{Precondition, Write},
    rule::Rule,
    scope::Scope,
    source::DataFile,
};

/// The parts of a file that could be read. A missing or invalid part is absent and has a finding.
pub(crate) struct Draft<'a> {
    pub(crate) file: &'a DataFile,
    pub(crate) number: Option<(u16, Range<usize>)>,
    pub(crate) status: Option<Status>,
    /// Whether the entry goes into the table that the folder is checked for.
    pub(crate) is_taken: bool,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) devices: Vec<Devices>,
    pub(crate) excludes: Vec<Excluded>,
    /// Ids that the statement names and the entry does not claim.
    unclaimed: Vec<Ids>,
    title: Option<String>,
    acs: Option<AcsFlags>,
    acs_registers: Option<AcsRegisters>,
    requires: Vec<Requirement>,
    conditions: Vec<Precondition>,
    program: Vec<Write>,
    pub(crate) supersedes: Option<CatchAll>,
    reason: Option<String>,
    pub(crate) evidence: Option<Evidence>,
    partial: Option<String>,
    expects: Vec<Expect>,
    pub(crate) mainline: Option<Mainline>,
}

impl<'a> Draft<'a> {
    /// Reads a file; `None` if it cannot be understood.
    pub(crate) fn read(file: &'a DataFile, scope: Scope) -> (Option<Self>, Vec<Finding>) {
        let mut notes = Notes::on(file);
        check_name(file, &mut notes);
        let draft = format::parse(file, &mut notes)
            .map(|parsed| Self::check(file, scope, &parsed, &mut notes));
        (draft, notes.into_findings())
    }

    fn check(
        file: &'a DataFile,
        scope: Scope,
        parsed: &format::File,
        notes: &mut Notes<'_>,
    ) -> Self {
        let status = choice(
            parsed.status.as_ref(),
            "status",
            &Status::ALL.map(|status| (status.name(), status)),
            notes,
        );
        let kinds = claim::kinds(parsed.kind.as_ref(), notes);
        if let (Some(status), Some(edition), Some(value)) = (status, scope.edition, &parsed.status)
        {
            if !edition.admits(status) {
                notes.add(
                    Rule::StatusPlace,
                    &value.span(),
                    "status",
                    format!(
                        "\"{}\" has no place in the data of the edition \"{}\"",
                        status.name(),
                        edition.name()
                    ),
                    "entries for emulated devices, and no others, have the status \"test\" and \
                     lie in tests/kernel/module/quirks",
                );
            }
        }
        let mainline = mainline::check(parsed.mainline.as_ref(), status, notes);
        // A mainline entry for a release newer than every known kernel is checked as `validated`.
        let since = mainline.as_ref().and_then(Mainline::since_release);
        let is_to_come = since.is_some_and(|since| kernels::is_to_come(since, kernels::known()));
        let basis = match status {
            Some(Status::Mainline) if is_to_come => Some(Status::Validated),
            status => status,
        };
        let (devices, excludes) = ids::check(&parsed.matches, &kinds, notes);
        let ids: Vec<_> = devices.iter().flat_map(|one| &one.ids).collect();
        claim::any(&ids, &kinds, status, notes);
        claim::width(&ids, basis, notes);
        claim::aliases(&ids, status, notes);
        let acs = claim::acs(parsed, &kinds, notes);
        let is_taken = status.zip(scope.edition).is_some_and(|(status, edition)| {
            edition.takes(status, mainline.as_ref(), scope.kernel)
        });
        let unclaimed = stated::check(parsed, basis, &kinds, &devices, &excludes, notes);
        unbuilt::check(parsed, status, is_taken || is_to_come, &ids, notes);
        evidence::check_prose(parsed, notes);
        Self {
            file,
            number: number(parsed.number.as_ref(), notes),
            status,
            is_taken,
            title: prose(parsed.name.as_ref()),
            acs,
            acs_registers: acs_registers(parsed.acs_registers.as_ref(), notes),
            requires: requires(parsed.requires.as_ref(), notes),
            conditions: register::conditions(
                &parsed.conditions,
                basis,
                evidence::statement(parsed).map(|statement| statement.get_ref().as_str()),
                notes,
            ),
            program: register::program(&parsed.program, status, notes),
            supersedes: claim::supersedes(
                parsed.supersedes.as_ref(),
                status,
                acs,
                &kinds,
                &ids,
                notes,
            ),
            reason: prose(parsed.reason.as_ref()),
            evidence: evidence::check(parsed.evidence.as_ref(), scope.today, notes),
            partial: prose(parsed.partial.as_ref()),
            expects: expect::check(&parsed.expects, notes),
            mainline,
            kinds,
            devices,
            excludes,
            unclaimed,
        }
    }

    /// Every range of device ids, in the order of the file.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &Ids> {
        self.devices.iter().flat_map(|devices| &devices.ids)
    }

    /// The entry, if every part that it needs could be read.
    pub(crate) fn finish(self) -> Option<Entry> {
        let (kind, more_kinds) = self.kinds.split_first()?;
        Some(Entry {
            number: self.number?.0,
            name: self.file.name.clone(),
            status: self.status?,
            title: self.title,
            kind: *kind,
            more_kinds: more_kinds.to_vec(),
            acs: self.acs?,
            acs_registers: self.acs_registers,
            requires: self.requires,
            conditions: self.conditions,
            program: self.program,
            supersedes: self.supersedes,
            devices: self.devices,
            excludes: self.excludes,
            reason: self.reason,
            evidence: self.evidence,
            partial: self.partial,
            expects: self.expects,
            mainline: self.mainline,
        })
    }
}

fn check_name(file: &DataFile, notes: &mut Notes<'_>) {
    if !is_entry(&file.name) {
        notes.add(
            Rule::FileName,
            &(0..0),
            "file",
            format!("\"{}\" is not of the form vendor/family", file.name),
            "use one folder for the vendor and one file in it for the family, both named with \
             lowercase letters, digits and hyphens",
        );
    }
}

/// The value that a spanned word names.
fn choice<T: Copy>(
    value: Option<&Spanned<String>>,
    field: &str,
    choices: &[(&str, T)],
    notes: &mut Notes<'_>,
) -> Option<T> {
    let value = value?;
    word(value.get_ref(), &value.span(), field, choices, notes)
}

/// The value that a word names.
fn word<T: Copy>(
    text: &str,
    place: &Range<usize>,
    field: &str,
    choices: &[(&str, T)],
    notes: &mut Notes<'_>,
) -> Option<T> {
    let found = choices.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let problem = format!("\"{text}\" is unknown");
        notes.add(Rule::ValueUnknown, place, field, problem, one_of(choices));
    }
    found.map(|&(_, choice)| choice)
}

/// Adds the finding for a value that does not have the form of its key.
fn not_of_form(value: &Spanned<String>, field: &str, help: &str, notes: &mut Notes<'_>) {
    let problem = format!("\"{}\" is not of that form", value.get_ref());
    notes.add(Rule::ValueForm, &value.span(), field, problem, help);
}

/// Reads exactly `count` lowercase hexadecimal digits, eight at most.
fn digits(text: &str, count: usize) -> Option<u32> {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != count || !text.bytes().all(is_digit) {
        return None;
    }
    u32::from_str_radix(text, 16).ok()
}

fn one_of<T>(choices: &[(&str, T)]) -> String {
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    format!("use one of: {}", names.join(", "))
}

/// The text without surrounding line ends.
fn prose(value: Option<&Spanned<String>>) -> Option<String> {
    value.map(|text| text.get_ref().trim().to_owned())
}

/// The largest number of an entry. The module's set of withdrawn entries has one bit for each
/// number.
pub(crate) const MAX_NUMBER: u16 = 4095;

fn number(value: Option<&Spanned<i64>>, notes: &mut Notes<'_>) -> Option<(u16, Range<usize>)> {
    let value = value?;
    let number = u16::try_from(*value.get_ref()).ok();
    let number = number.filter(|number| (1..=MAX_NUMBER).contains(number));
    if number.is_none() {
        notes.add(
            Rule::NumberRange,
            &value.span(),
            "number",
            "out of range",
            "use a number from 1 to 4095",
        );
    }
    Some((number?, value.span()))
}

fn acs_registers(value: Option<&Spanned<String>>, notes: &mut Notes<'_>) -> Option<AcsRegisters> {
    let layouts = AcsRegisters::ALL.map(|layout| (layout.name(), layout));
    choice(Some(value?), "acs-registers", &layouts, notes)
}

fn requires(
    value: Option<&Spanned<Vec<Spanned<String>>>>,
    notes: &mut Notes<'_>,
) -> Vec<Requirement> {
    let Some(value) = value else {
        return Vec::new();
    };
    if value.get_ref().is_empty() {
        let help = "name what must hold, or take the line out";
        notes.add(
            Rule::ValueEmpty,
            &value.span(),
            "requires",
            "no condition",
            help,
        );
    }
    let conditions = Requirement::ALL.map(|condition| (condition.name(), condition));
    let mut found = Vec::new();
    for word in value.get_ref() {
        let Some(condition) = choice(Some(word), "requires", &conditions, notes) else {
            continue;
        };
        if found.contains(&condition) {
            let problem = format!("{} stands twice", condition.name());
            notes.add(
                Rule::ValueTwice,
                &word.span(),
                "requires",
                problem,
                "take one of them out",
            );
        } else {
            found.push(condition);
        }
    }
    found
}
