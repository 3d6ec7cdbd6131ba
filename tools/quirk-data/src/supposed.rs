// SPDX-License-Identifier: GPL-2.0-only

//! Reads an entry to suppose that its claim holds: also a draft whose evidence is missing.
//!
//! A faulty claim is an error, because its groups would be those of another claim. A fault of the
//! evidence, of the expected groups or of the prose changes no group.

use rules::acs::AcsFlags;

use crate::{
    entry::Entry,
    error::Error,
    finding::Finding,
    folder::{self, Scope},
    rule::Rule,
    source::Sources,
};

/// An entry whose claim is read, whatever is known of its evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Supposed {
    /// The entry. Its number is 0 if the file has none.
    pub entry: Entry,
    /// The faults of its file. The claim has none.
    pub faults: Vec<Finding>,
    /// Whether the file names no flag yet, so that the entry has those that grouping asks for.
    pub has_supposed_flags: bool,
}

/// The other entries of these files, by number, and the entry with this name.
///
/// # Errors
///
/// [`Error::Findings`] with the faults of the other files, and with those that concern the entry's
/// claim.
pub fn suppose(sources: &Sources, name: &str) -> Result<(Vec<Entry>, Supposed), Error> {
    let (checked, findings) = folder::look_at_all(sources, Scope::now(None));
    let file = sources.files.iter().find(|file| file.name == name);
    let is_own = |finding: &Finding| file.is_some_and(|file| file.path == finding.file);
    let (faults, blocking): (Vec<_>, Vec<_>) = findings.into_iter().partition(|finding| {
        finding.rule == Rule::CaptureOrphan || (is_own(finding) && !is_of_claim(finding))
    });
    let (mut entries, mut found) = (Vec::new(), None);
    for file in checked {
        if file.entry.name == name {
            found = Some(file.entry);
        } else {
            entries.push(file.into_entry());
        }
    }
    let Some(mut entry) = found.filter(|_| blocking.is_empty()) else {
        return Err(Error::Findings(if blocking.is_empty() {
            faults
        } else {
            blocking
        }));
    };
    let has_supposed_flags = faults.iter().any(lacks_flags);
    if has_supposed_flags {
        entry.acs = AcsFlags::GROUPING;
    }
    folder::sort(&mut entries);
    Ok((
        entries,
        Supposed {
            entry,
            faults,
            has_supposed_flags,
        },
    ))
}

/// Whether a finding is on flags that the file does not name yet.
fn lacks_flags(finding: &Finding) -> bool {
    finding.field == "acs" && matches!(finding.rule, Rule::ValueEmpty | Rule::KeyMissing)
}

/// Whether a finding concerns what the entry claims, and not the evidence for it.
fn is_of_claim(finding: &Finding) -> bool {
    let is_of_evidence = matches!(
        finding.rule,
        Rule::Unanswered
            | Rule::NumberTaken
            | Rule::NumberIssued
            | Rule::StatementIds
            | Rule::StatementUnclaimed
            | Rule::StatementKinds
            | Rule::SourceForm
            | Rule::DateFuture
            | Rule::ConditionChanges
            | Rule::TextKernel
            | Rule::CaptureRead
            | Rule::CaptureDevice
            | Rule::CaptureAcs
            | Rule::CaptureKind
            | Rule::CaptureBeyond
            | Rule::ExpectGroups
            | Rule::ExpectRecorded
            | Rule::ExpectSplit
    );
    let is_prose = matches!(
        finding.rule,
        Rule::KeyMissing | Rule::ValueEmpty | Rule::ValueForm | Rule::ValueType
    ) && [
        "number",
        "name",
        "reason",
        "partial",
        "match.about",
        "condition.about",
        "evidence",
        "expect",
    ]
    .iter()
    .any(|field| {
        let rest = finding.field.strip_prefix(field);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    !is_of_evidence && !is_prose && !lacks_flags(finding)
}
