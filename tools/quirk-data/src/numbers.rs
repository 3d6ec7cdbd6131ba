// SPDX-License-Identifier: GPL-2.0-only

//! The list of issued entry numbers, `numbers.txt` in the folder of the entries. Owners withdraw
//! entries by number, so a number is issued once and stays with its name, even after the entry is
//! removed.

use std::{collections::BTreeMap, path::Path};

use crate::{
    check::{CheckedFile, MAX_NUMBER},
    error::Error,
    finding::{Finding, Notes},
    name::is_entry,
    rule::Rule,
    source::{self, DataFile},
};

/// A line of the list.
struct Line<'a> {
    number: u16,
    name: &'a str,
}

/// The issued numbers of a folder, ascending; empty if the folder has no list.
///
/// # Errors
///
/// [`Error::Findings`] with every fault of the list, and [`Error::CouldNotRun`] if the folder
/// cannot be read.
pub fn issued(folder: &Path) -> Result<Vec<u16>, Error> {
    let Some(list) = source::read(folder)?.numbers else {
        return Ok(Vec::new());
    };
    let mut notes = Notes::on(&list);
    let numbers = read(&list, &mut notes)
        .iter()
        .map(|line| line.number)
        .collect();
    let findings = notes.into_findings();
    if findings.is_empty() {
        Ok(numbers)
    } else {
        Err(Error::Findings(findings))
    }
}

/// Reads the list. An invalid line is dropped with a finding.
fn read<'a>(list: &'a DataFile, notes: &mut Notes<'_>) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    let mut start = 0;
    for text in list.text.split_inclusive('\n') {
        let span = start..start + text.trim_end().len();
        start += text.len();
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let mut refuse = |problem: String, help: &str| {
            notes.add(Rule::NumberList, &span, "line", problem, help);
        };
        let parsed = text.split_once(' ').and_then(|(number, name)| {
            let is_plain =
                number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
            let number = number.parse().ok().filter(|_| is_plain)?;
            ((1..=MAX_NUMBER).contains(&number) && is_entry(name)).then_some((number, name))
        });
        let Some((number, name)) = parsed else {
            let problem = format!("\"{text}\" is not of the form NUMBER VENDOR/FAMILY");
            refuse(
                problem,
                "write it as 59 acme/x1, with a number from 1 to 4095",
            );
            continue;
        };
        if let Some(last) = lines.last().filter(|last| last.number >= number) {
            let problem = format!("{number} comes after {}", last.number);
            refuse(
                problem,
                "append new numbers, and take each one higher than all before it",
            );
            continue;
        }
        if let Some(other) = lines.iter().find(|other| other.name == name) {
            let problem = format!("{name} has the number {} already", other.number);
            refuse(
                problem,
                "an entry keeps its first number; take this line out",
            );
            continue;
        }
        lines.push(Line { number, name });
    }
    lines
}

/// Compares the numbers of entries with each other and with the list of their folder, and notes
/// which entries are new: not built in, and not in the list. A file elsewhere is a draft and need
/// not be in the list, but it must not use the number of another entry.
pub(crate) fn check(list: Option<&DataFile>, files: &mut [CheckedFile<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = list.map_or_else(Vec::new, |list| {
        let mut notes = Notes::on(list);
        let lines = read(list, &mut notes);
        findings.extend(notes.into_findings());
        lines
    });
    for file in files.iter_mut() {
        let is_issued = |line: &Line<'_>| {
            let number = file.number.as_ref().map(|number| *number.get_ref());
            line.name == file.file.name && Some(line.number) == number
        };
        file.is_new = !file.file.built_in && !lines.iter().any(is_issued);
    }
    if let Some(list) = list {
        findings.extend(not_as_issued(list, &lines, files));
    }
    findings.extend(taken_twice(&lines, files));
    findings
}

/// Finds numbers that differ from the list.
fn not_as_issued(list: &DataFile, lines: &[Line<'_>], files: &[CheckedFile<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let by_number: BTreeMap<_, _> = lines.iter().map(|line| (line.number, line)).collect();
    let by_name: BTreeMap<_, _> = lines.iter().map(|line| (line.name, line)).collect();
    let free = lines.last().map_or(1, |line| line.number.saturating_add(1));
    let shown = list.path.display();
    let folder = list.path.parent();
    for CheckedFile { file, number, .. } in files {
        let Some((number, span)) = number.as_ref().map(|it| (it.get_ref(), it.span())) else {
            continue;
        };
        let name = file.name.as_str();
        let is_beside = folder.is_some_and(|folder| file.path.starts_with(folder));
        let (problem, help) = match (by_number.get(number), by_name.get(name)) {
            (Some(line), _) if line.name == name => continue,
            (_, Some(line)) => (
                format!("the number of {name} is {}, by {shown}", line.number),
                format!("write {}: a number never changes", line.number),
            ),
            (Some(line), None) => (
                format!("{number} was given to {}, by {shown}", line.name),
                format!(
                    "take {free} and append the line \"{free} {name}\" to {shown}: a number is never reused"
                ),
            ),
            (None, None) if !is_beside => continue,
            (None, None) if *number < free => (
                format!("{shown} has no line for {number} any more, or never had"),
                format!(
                    "for a new entry, take {free} and append the line \"{free} {name}\"; a line that was \
                     taken out, put back"
                ),
            ),
            (None, None) => (
                format!("{number} is not in {shown}"),
                format!("append the line \"{number} {name}\" to it"),
            ),
        };
        let mut notes = Notes::on(file);
        notes.add(Rule::NumberIssued, &span, "number", problem, help);
        findings.extend(notes.into_findings());
    }
    findings
}

/// Finds numbers of several entries. The entry that has its number from the list keeps it.
fn taken_twice(lines: &[Line<'_>], files: &[CheckedFile<'_>]) -> Vec<Finding> {
    let of_entries = files.iter().filter_map(|file| file.number.as_ref());
    let taken = of_entries.map(|number| *number.get_ref());
    let last = taken.chain(lines.iter().map(|line| line.number)).max();
    let remedy = match last.unwrap_or(0).checked_add(1) {
        Some(free) if free <= MAX_NUMBER => {
            format!("take {free}: no entry has or had it; a number is never reused")
        }
        _ => "take one that no entry has or had; a number is never reused".to_owned(),
    };
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_by_key(|file| (file.is_new, &file.file.name));
    let mut owners: BTreeMap<u16, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for CheckedFile { file, number, .. } in sorted {
        let Some((number, span)) = number.as_ref().map(|it| (*it.get_ref(), it.span())) else {
            continue;
        };
        if let Some(owner) = owners.get(&number) {
            let mut notes = Notes::on(file);
            let problem = format!("{number} is the number of {owner}");
            notes.add(Rule::NumberTaken, &span, "number", problem, remedy.as_str());
            findings.extend(notes.into_findings());
        } else {
            owners.insert(number, &file.name);
        }
    }
    findings
}
