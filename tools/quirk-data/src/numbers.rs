// SPDX-License-Identifier: GPL-2.0-only

//! The list of issued entry numbers, `numbers.txt` in the folder of the entries. Owners withdraw
//! entries by number, so a number is issued once and stays with its name, even after the entry is
//! removed.

use std::{collections::BTreeMap, ops::Range, path::Path};

use toml::de::DeTable;

use crate::{
    check::{CheckedFile, MAX_NUMBER},
    error::Error,
    finding::{Finding, Notes},
    name::is_entry,
    rule::Rule,
    source::{self, DataFile, Sources},
};

/// A line of the list.
struct Line<'a> {
    number: u16,
    name: &'a str,
    /// The position in the list.
    span: Range<usize>,
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

/// The next free number: one more than the largest that the list has or had for an entry, or that a
/// file has, also if the file is unfinished or faulty.
///
/// # Errors
///
/// [`Error::CouldNotRun`] if the format has no larger number.
pub fn next_free(sources: &Sources) -> Result<u16, Error> {
    let lines = sources.numbers.as_ref().map_or_else(Vec::new, |list| {
        let mut notes = Notes::on(list);
        let lines = read(list, &mut notes);
        lines.into_iter().map(|line| line.number).collect()
    });
    let of_files = sources.files.iter().filter_map(number_of);
    after(lines.into_iter().chain(of_files)).ok_or_else(|| {
        Error::CouldNotRun(format!(
            "no number is free for a draft: {MAX_NUMBER} is given, and the format has no larger one; give \
             the draft with that number the one after the last line of numbers.txt"
        ))
    })
}

/// The number after the largest of these, if the format has it.
fn after(numbers: impl Iterator<Item = u16>) -> Option<u16> {
    let next = numbers.max().unwrap_or(0).saturating_add(1);
    (next <= MAX_NUMBER).then_some(next)
}

/// The remedy for a number that an entry cannot have, with the line for the list.
fn take(free: Option<u16>, name: &str, list: Option<&DataFile>) -> String {
    let Some(free) = free else {
        return format!(
            "take one that no entry has or had, of 1 to {MAX_NUMBER}; a number is never reused"
        );
    };
    let line = list.map(|list| format!("; {}", append(free, name, list)));
    format!(
        "take {free}: no entry has or had it, and a number is never reused{}",
        line.unwrap_or_default()
    )
}

/// The number that a file has, if any, whatever else is in it.
fn number_of(file: &DataFile) -> Option<u16> {
    let (table, _) = DeTable::parse_recoverable(&file.text);
    let number = table.get_ref().get("number")?.get_ref().as_integer()?;
    let number = u16::from_str_radix(number.as_str(), number.radix()).ok()?;
    (1..=MAX_NUMBER).contains(&number).then_some(number)
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
        let Some((number, name)) = line(text) else {
            let problem = format!("\"{text}\" is not of the form NUMBER VENDOR/FAMILY");
            refuse(
                problem,
                "write it as 59 acme/x1, with a number from 1 to 4095",
            );
            continue;
        };
        if let Some(other) = lines.iter().find(|other| other.number == number) {
            let problem = format!("{number} is the number of {} already", other.name);
            refuse(problem, "take this line out: a number is never reused");
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
        lines.push(Line { number, name, span });
    }
    out_of_place(&lines, notes);
    lines.sort_by_key(|line| line.number);
    lines
}

/// The number and the name of a line, without its end.
fn line(text: &str) -> Option<(u16, &str)> {
    let (number, name) = text.split_once(' ')?;
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    let number = number.parse().ok().filter(|_| is_plain)?;
    ((1..=MAX_NUMBER).contains(&number) && is_entry(name)).then_some((number, name))
}

/// Whether a line that could not be read is one for this number or name. It may have issued the number, so another number
/// would be taken for nothing.
fn is_in_a_faulty_line(list: &DataFile, number: u16, name: &str) -> bool {
    let number = number.to_string();
    let mut faulty = list
        .text
        .lines()
        .filter(|text| line(text).is_none() && !text.starts_with('#'));
    faulty.any(|text| {
        let mut words = text.split(|c: char| !(c.is_alphanumeric() || "/-_".contains(c)));
        words.any(|word| word.trim_start_matches('0') == number || word.eq_ignore_ascii_case(name))
    })
}

/// Adds a finding for each line that is not in ascending order. Of two neighbours in the wrong
/// order, the first is out of place if the list is ascending without it.
fn out_of_place(lines: &[Line<'_>], notes: &mut Notes<'_>) {
    for at in 1..lines.len() {
        let (before, here) = (&lines[at - 1], &lines[at]);
        if before.number < here.number {
            continue;
        }
        let fits_without = at >= 2 && lines[at - 2].number < here.number;
        let (problem, line) = if fits_without {
            (
                format!("{} comes before {}", before.number, here.number),
                before,
            )
        } else {
            (
                format!("{} comes after {}", here.number, before.number),
                here,
            )
        };
        let help = "put each line in its place, by number: new numbers are higher than all others and \
                    come last";
        notes.add(Rule::NumberList, &line.span, "line", problem, help);
    }
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
    let taken = files.iter().filter_map(|file| file.number.as_ref());
    let taken = taken.map(|number| *number.get_ref());
    let free = after(taken.chain(lines.iter().map(|line| line.number)));
    let owners = owners(files);
    let listed = list.map_or_else(Vec::new, |list| {
        not_as_issued(list, &lines, files, &owners, free)
    });
    let twice = taken_twice(list, files, &owners, free);
    // One finding on a number is enough; that of the list says more.
    let is_new = |one: &Finding| listed.iter().all(|other| other.file != one.file);
    findings.extend(twice.into_iter().filter(is_new));
    findings.extend(listed);
    findings
}

/// The entry that keeps each number: the one that has it from the list, else the first by name.
fn owners<'a, 'f>(files: &'a [CheckedFile<'f>]) -> BTreeMap<u16, &'a CheckedFile<'f>> {
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_by_key(|file| (file.is_new, &file.file.name));
    let mut owners = BTreeMap::new();
    for file in sorted {
        if let Some(number) = &file.number {
            owners.entry(*number.get_ref()).or_insert(file);
        }
    }
    owners
}

/// Finds numbers that differ from the list. `free` is the next free number.
fn not_as_issued(
    list: &DataFile,
    lines: &[Line<'_>],
    files: &[CheckedFile<'_>],
    owners: &BTreeMap<u16, &CheckedFile<'_>>,
    free: Option<u16>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let by_number: BTreeMap<_, _> = lines.iter().map(|line| (line.number, line)).collect();
    let by_name: BTreeMap<_, _> = lines.iter().map(|line| (line.name, line)).collect();
    let highest = lines.last().map_or(0, |line| line.number);
    let shown = list.path.display();
    let folder = list.path.parent();
    for CheckedFile { file, number, .. } in files {
        let Some((number, span)) = number.as_ref().map(|it| (it.get_ref(), it.span())) else {
            continue;
        };
        let name = file.name.as_str();
        let is_beside = folder.is_some_and(|folder| file.path.starts_with(folder));
        let is_owner = |owner: &&CheckedFile<'_>| owner.file.path == file.path;
        let (problem, help) = match (by_number.get(number), by_name.get(name)) {
            // The file has the finding `file-name`: under its right name it may have this very number.
            (Some(_), None) if !is_entry(name) => continue,
            (_, None) if is_in_a_faulty_line(list, *number, name) => continue,
            (Some(line), _) if line.name == name => continue,
            (_, Some(line)) => (
                format!("the number of {name} is {}, by {shown}", line.number),
                format!("write {}: a number never changes", line.number),
            ),
            (Some(line), None) => (
                format!("{number} was given to {}, by {shown}", line.name),
                take(free, name, Some(list)),
            ),
            (None, None) if !is_beside => continue,
            (None, None) if *number <= highest => (
                format!("{shown} has no line for {number} any more, or never had"),
                format!(
                    "put the line back if it was taken out; for a new entry, {}",
                    take(free, name, Some(list))
                ),
            ),
            // The finding on a number that two entries have is about the other one.
            (None, None) if !owners.get(number).is_some_and(is_owner) => continue,
            (None, None) => (
                format!("{number} is not in {shown}"),
                append(*number, name, list),
            ),
        };
        let mut notes = Notes::on(file);
        notes.add(Rule::NumberIssued, &span, "number", problem, help);
        findings.extend(notes.into_findings());
    }
    findings
}

/// How to enter a number into the list, which takes no name of another form.
fn append(number: u16, name: &str, list: &DataFile) -> String {
    let shown = list.path.display();
    if is_entry(name) {
        format!("append the line \"{number} {name}\" to {shown}")
    } else {
        format!("name the file as a vendor/family, and append a line with that name to {shown}")
    }
}

/// Finds numbers of several entries. The owner of a number keeps it. `free` is the next free number.
fn taken_twice(
    list: Option<&DataFile>,
    files: &[CheckedFile<'_>],
    owners: &BTreeMap<u16, &CheckedFile<'_>>,
    free: Option<u16>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for CheckedFile { file, number, .. } in files {
        let Some((number, span)) = number.as_ref().map(|it| (*it.get_ref(), it.span())) else {
            continue;
        };
        let Some(owner) = owners.get(&number) else {
            continue;
        };
        if owner.file.path == file.path {
            continue;
        }
        let remedy = take(free, &file.name, list);
        let problem = if list.is_some() && owner.is_new {
            let name = &owner.file.name;
            format!("{number} is the number of {name}, which is new too and comes first by name")
        } else {
            format!("{number} is the number of {}", owner.file.name)
        };
        let mut notes = Notes::on(file);
        notes.add(Rule::NumberTaken, &span, "number", problem, remedy);
        findings.extend(notes.into_findings());
    }
    findings
}
