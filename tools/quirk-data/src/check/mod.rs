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

pub(crate) use expect::Expect;
pub(crate) use stated::unclaimed;

use std::ops::Range;

use rules::acs::AcsFlags;
use toml::Spanned;

use crate::{
    entry::{AcsRegisters, Entry, Ids, Mainline, Requirement, Status},
    finding::{Finding, Notes},
    format, kernels,
    name::is_entry,
    rule::Rule,
    scope::Scope,
    source::{self, DataFile, Difference},
};

/// A file that was checked by itself.
///
/// The checks across files need more than an [`Entry`]: they also look at files with faults, so
/// that one run reports everything, and they report positions, which an entry does not have.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one fact that the checks across files go by"
)]
pub(crate) struct CheckedFile<'a> {
    pub(crate) file: &'a DataFile,
    /// The entry. A missing or invalid part has a finding and is empty here; a missing status reads
    /// as `candidate`, so that the checks for mainline entries and for refusals do not apply.
    pub(crate) entry: Entry,
    /// Whether the entry goes into the table that the folder is checked for.
    pub(crate) is_taken: bool,
    pub(crate) number: Option<Spanned<u16>>,
    /// Every claimed range of ids, in the order of the file.
    pub(crate) claimed: Vec<Spanned<Ids>>,
    /// Every excluded range of ids.
    pub(crate) excluded: Vec<Spanned<Ids>>,
    /// Ids that the statement names and the entry does not claim.
    unclaimed: Vec<Spanned<Ids>>,
    /// The position of the `[mainline]` section, or of `since` in it.
    pub(crate) mainline_at: Range<usize>,
    /// The position of `replaced-by`.
    pub(crate) replaced_at: Range<usize>,
    /// The expected groups of captured machines.
    pub(crate) expects: Vec<Expect>,
    /// Whether a part of the claim (ids, limits, kinds, flags) could not be read. A prediction from
    /// what is left would be about another claim.
    pub(crate) is_cut: bool,
    /// The fields that are missing or could not be read. What follows from their value has no finding too.
    pub(crate) unread: Vec<String>,
    /// Whether the entry is neither built in nor in the list of numbers. It then keeps no number that
    /// another entry has.
    pub(crate) is_new: bool,
}

impl<'a> CheckedFile<'a> {
    /// Reads and checks a file; `None` if it cannot be understood.
    pub(crate) fn read(file: &'a DataFile, scope: Scope) -> (Option<Self>, Vec<Finding>) {
        let mut notes = Notes::on(file);
        check_name(file, &mut notes);
        let checked = format::parse(file, &mut notes).map(|parsed| {
            let checked = Self::check(file, scope, &parsed, &mut notes);
            evidence::for_kernel(&checked.entry, &parsed, &mut notes);
            checked
        });
        let mut findings = notes.findings().iter();
        if findings.any(|one| one.rule == Rule::Syntax) {
            // What a fault of syntax has hidden would make faults of the rest.
            let mut findings = notes.into_findings();
            findings.retain(|one| is_of_value(one.rule));
            return (None, findings);
        }
        let checked = checked.map(|checked| {
            let is_cut = notes.findings().iter().any(cuts);
            let unread = notes.findings().iter().filter(|one| is_lost(one));
            Self {
                is_cut,
                unread: unread.map(|one| one.field.clone()).collect(),
                // An id that could not be read may be one that the statement names.
                unclaimed: if is_cut {
                    Vec::new()
                } else {
                    checked.unclaimed
                },
                ..checked
            }
        });
        (checked, notes.into_findings())
    }

    fn check(
        file: &'a DataFile,
        scope: Scope,
        parsed: &format::File,
        notes: &mut Notes<'_>,
    ) -> Self {
        let status = status(parsed.status.as_ref(), scope, notes);
        let kinds = claim::kinds(parsed.kind.as_ref(), notes);
        let mainline = mainline::check(parsed.mainline.as_ref(), notes);
        // A mainline entry for a release newer than every known kernel is checked as `validated`.
        let since = mainline.as_ref().and_then(Mainline::since_release);
        let is_to_come = since.is_some_and(|since| kernels::is_to_come(since, kernels::known()));
        let basis = match status {
            Some(Status::Mainline) if is_to_come => Some(Status::Validated),
            status => status,
        };
        let matched = ids::check(&parsed.matches, &kinds, notes);
        let ids = &matched.claimed;
        limits::open_end(&parsed.matches, basis, notes);
        claim::any(ids, &kinds, status, notes);
        claim::width(ids, basis, notes);
        claim::aliases(ids, status, notes);
        let acs = claim::acs(parsed, &kinds, notes);
        let is_taken = status.zip(scope.edition).is_some_and(|(status, edition)| {
            edition.takes(status, mainline.as_ref(), scope.kernel)
        });
        let unclaimed = stated::check(parsed, basis, &kinds, &matched, notes);
        unbuilt::check(parsed, status, is_taken || is_to_come, ids, notes);
        evidence::check_name(parsed, notes);
        let number = number(parsed.number.as_ref(), notes);
        let statement = evidence::statement(parsed).map(|statement| statement.get_ref().as_str());
        // A refused entry tells what released kernels do in its section on mainline.
        let is_of_kernel = status.is_none_or(|status| {
            status == Status::Mainline || (status.is_negative() && parsed.mainline.is_some())
        });
        let mainline_at = parsed.mainline.as_ref().map_or(0..0, |section| {
            let since = section.get_ref().since.as_ref();
            since.map_or(section.span(), Spanned::span)
        });
        Self {
            file,
            is_taken,
            entry: Entry {
                number: number.as_ref().map_or(0, |number| *number.get_ref()),
                name: file.name.clone(),
                title: prose(parsed.name.as_ref()),
                status: status.unwrap_or(Status::Candidate),
                acs: acs.unwrap_or(AcsFlags::NONE),
                acs_registers: acs_registers(parsed.acs_registers.as_ref(), notes),
                requires: requires(parsed.requires.as_ref(), notes),
                supersedes: claim::supersedes(
                    parsed.supersedes.as_ref(),
                    status,
                    acs,
                    &kinds,
                    ids,
                    notes,
                ),
                kinds,
                reason: prose(parsed.reason.as_ref()),
                replaced_by: replaced_by(parsed.replaced_by.as_ref(), notes),
                partial: prose(parsed.partial.as_ref()),
                devices: matched.devices,
                conditions: register::conditions(&parsed.conditions, basis, statement, notes),
                program: register::program(&parsed.program, is_of_kernel, notes),
                excludes: matched.excludes,
                evidence: evidence::check(parsed.evidence.as_ref(), scope.today, notes),
                mainline,
            },
            number,
            claimed: matched.claimed,
            excluded: matched.excluded,
            unclaimed,
            mainline_at,
            replaced_at: parsed.replaced_by.as_ref().map_or(0..0, Spanned::span),
            expects: expect::check(&parsed.expects, notes),
            is_cut: false,
            unread: Vec::new(),
            is_new: true,
        }
    }

    /// The place of the entry in the order in which the entries joined the database. A finding on two
    /// entries is on the later one: one that the database of this program lacks comes after one that was
    /// changed, and that after the others; among these, the higher number is later.
    pub(crate) fn order(&self) -> (Difference, u16, &str) {
        (
            source::difference(self.file),
            self.entry.number,
            &self.file.name,
        )
    }

    /// The entry. A part that is missing is a finding, and without findings the entry is complete.
    pub(crate) fn into_entry(self) -> Entry {
        self.entry
    }
}

/// Whether a finding means that a part of the claim was not read.
fn cuts(finding: &Finding) -> bool {
    let field = finding.field.as_str();
    if finding.rule == Rule::KeyUnknown {
        return !field.contains('.') || field.starts_with("match.");
    }
    let parts = [
        "kind",
        "acs",
        "supersedes",
        "match",
        "match.vendor",
        "match.devices",
        "match.class",
        "match.revisions",
        "match.subsystems",
    ];
    is_lost(finding) && parts.contains(&field)
}

/// Whether a rule is on a part of a file by itself, whatever the rest of the file says.
const fn is_of_value(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::FileName
            | Rule::TextCharacters
            | Rule::TextLookalikes
            | Rule::TextKernel
            | Rule::License
            | Rule::Syntax
            | Rule::Schema
            | Rule::KeyUnknown
            | Rule::KeyUnneeded
            | Rule::ValueType
            | Rule::ValueEmpty
            | Rule::Unanswered
            | Rule::ValueUnknown
            | Rule::ValueTwice
            | Rule::ValueForm
            | Rule::IdNone
            | Rule::RangeOrder
            | Rule::FlagsOfKind
            | Rule::DateFuture
            | Rule::DateEarly
            | Rule::StatedBy
            | Rule::SourceForm
    )
}

/// Whether a finding means that a value was not read.
const fn is_lost(finding: &Finding) -> bool {
    matches!(
        finding.rule,
        Rule::KeyMissing
            | Rule::ValueType
            | Rule::ValueEmpty
            | Rule::ValueUnknown
            | Rule::ValueForm
            | Rule::RangeOrder
            | Rule::IdNone
            | Rule::IdAny
    )
}

/// Reads the status. The edition that the folder is checked for must have entries of it.
fn status(value: Option<&Spanned<String>>, scope: Scope, notes: &mut Notes<'_>) -> Option<Status> {
    let value = value?;
    let names = Status::ALL.map(|status| (status.name(), status));
    let status = choice(Some(value), "status", &names, notes)?;
    if let Some(edition) = scope.edition.filter(|edition| !edition.admits(status)) {
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
    Some(status)
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

/// Reads the name of the entry that replaces this one, which must be withdrawn.
fn replaced_by(value: Option<&Spanned<String>>, notes: &mut Notes<'_>) -> Option<String> {
    let value = value?;
    let field = "replaced-by";
    if !is_entry(value.get_ref()) {
        let help = "write the name of an entry, as \"acme/x1\"";
        not_of_form(value, field, help, notes);
        return None;
    }
    Some(value.get_ref().clone())
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
        let mut names = choices.iter().map(|(name, _)| *name);
        let help = names
            .find(|name| format::is_nearly(text, &name.to_lowercase()))
            .map_or_else(
                || one_of(choices),
                |name| format!("write \"{name}\", if that is meant"),
            );
        notes.add(Rule::ValueUnknown, place, field, problem, help);
    }
    found.map(|&(_, choice)| choice)
}

/// Adds the finding for a value that does not have the form of its key.
fn not_of_form(value: &Spanned<String>, field: &str, help: &str, notes: &mut Notes<'_>) {
    let problem = format!("\"{}\" does not have the form of this key", value.get_ref());
    notes.add(Rule::ValueForm, &value.span(), field, problem, help);
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

fn number(value: Option<&Spanned<i64>>, notes: &mut Notes<'_>) -> Option<Spanned<u16>> {
    let value = value?;
    let number = u16::try_from(*value.get_ref()).ok();
    let number = number.filter(|number| (1..=MAX_NUMBER).contains(number));
    if number.is_none() {
        let written = notes.text(&value.span());
        let problem = format!("{written} is not from 1 to {MAX_NUMBER}");
        let help = "take the number after the last line of numbers.txt; the module can withdraw no \
                    entry with a larger one";
        notes.add(Rule::ValueForm, &value.span(), "number", problem, help);
    }
    Some(Spanned::new(value.span(), number?))
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
            let problem = format!("{} is listed twice", condition.name());
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
