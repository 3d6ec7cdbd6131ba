// SPDX-License-Identifier: GPL-2.0-only

//! Why some lines run in no test, compared with the lines that ran: `tests/kernel/coverage/reasons.toml` for the modules,
//! `tests/kernel/kunit/reasons.toml` for the kernel's own code.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::blocks::Lines;

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The reasons.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reasons {
    reason: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    why: String,
    /// Whether the same scenarios may run the lines or not.
    #[serde(default)]
    chance: bool,
    /// What tests the lines instead.
    #[serde(default)]
    tested: Vec<Place>,
    lines: Vec<Place>,
}

/// A part of a file's text, written `path: text`. Line numbers would change with every edit.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Place {
    path: String,
    text: String,
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        match written.split_once(": ") {
            Some((path, text)) if !text.trim().is_empty() => Ok(Self {
                path: path.to_owned(),
                text: text.to_owned(),
            }),
            _ => Err(format!("\"{written}\" is not \"path: text\"")),
        }
    }
}

/// The comparison of reasons with the lines that ran.
pub struct Compared<'a> {
    /// Each reason, with the number of lines that it explains.
    pub explained: Vec<(usize, &'a str)>,
    /// Lines without a reason, and reasons without a line.
    pub faults: Vec<String>,
}

impl Reasons {
    /// Reads the file's text.
    ///
    /// # Errors
    ///
    /// When it has another form.
    pub fn read(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// The places that are not in the files. `read` returns the text of a file of the project.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn absent(&self, read: impl Fn(&str) -> Result<String>) -> Result<Vec<String>> {
        let mut absent = Vec::new();
        for reason in &self.reason {
            for place in reason.lines.iter().chain(&reason.tested) {
                if !joined(read(&place.path)?.lines()).contains(&place.text) {
                    absent.push(format!("not there: {place}"));
                }
            }
        }
        Ok(absent)
    }

    /// Compares the reasons with the lines.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or does not have a line.
    pub fn compare(
        &self,
        lines: &Lines,
        read: impl Fn(&str) -> Result<String>,
    ) -> Result<Compared<'_>> {
        let mut missed = Vec::new();
        for ((path, number), _) in lines.iter().filter(|(_, ran)| !**ran) {
            let text = line(&read(path)?, *number).with_context(|| format!("{path}:{number}"))?;
            missed.push((path, number, text));
        }
        let is_at = |place: &Place, (path, _, text): &(&String, _, String)| {
            place.path == **path && text.contains(&place.text)
        };
        let mut faults = self.absent(&read)?;
        for line in &missed {
            let mut places = self.reason.iter().flat_map(|reason| &reason.lines);
            if !places.any(|place| is_at(place, line)) {
                let (path, number, text) = line;
                faults.push(format!("no reason: {path}:{number}: {text}"));
            }
        }
        let mut explained = Vec::new();
        for reason in &self.reason {
            let explains = |line: &&_| reason.lines.iter().any(|place| is_at(place, line));
            explained.push((missed.iter().filter(explains).count(), &*reason.why));
            for place in reason.lines.iter().filter(|_| !reason.chance) {
                if !missed.iter().any(|line| is_at(place, line)) {
                    faults.push(format!("a reason, and it ran: {place}"));
                }
            }
        }
        Ok(Compared { explained, faults })
    }
}

/// Prints the reasons in a file of the project, with the number of lines that each explains. Lines are in files of the
/// project or of the folder `tree`.
///
/// # Errors
///
/// When there is another line without a reason, or a reason of no such line; both are printed.
pub fn judge(file: &str, lines: &Lines, tree: &Path) -> Result<()> {
    let project = Path::new(PROJECT);
    let read = |path: &str| {
        let own = project.join(path);
        let path = if own.exists() { own } else { tree.join(path) };
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let reasons = Reasons::read(&read(file)?).context(file.to_owned())?;
    let compared = reasons.compare(lines, read)?;
    println!("The others, by the reason in {file}:");
    for (count, why) in compared.explained {
        println!("{count:>5}  {why}");
    }
    for fault in &compared.faults {
        println!("{fault}");
    }
    let count = compared.faults.len();
    ensure!(
        count == 0,
        "{count} differences from {file}; they are listed above"
    );
    Ok(())
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}

/// The lines without indentation, joined by spaces.
fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

/// The text of a line. A line of brackets alone has the text since the last line that has more.
fn line(source: &str, number: u32) -> Result<String> {
    let end = usize::try_from(number)?;
    let lines: Vec<&str> = source.lines().take(end).collect();
    ensure!(lines.len() == end, "there is no such line");
    let begin = lines
        .iter()
        .rposition(|line| line.contains(char::is_alphanumeric));
    Ok(joined(lines.into_iter().skip(begin.unwrap_or_default())))
}
