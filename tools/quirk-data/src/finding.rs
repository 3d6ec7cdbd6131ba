// SPDX-License-Identifier: GPL-2.0-only

//! Findings: the faults of an entry's file, with their positions.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::{Serialize, Serializer};

use crate::{data_file::DataFile, rule::Rule};

/// One fault in one file. Findings sort by file, then by position.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Finding {
    #[serde(serialize_with = "as_shown")]
    /// The path of the file.
    pub file: PathBuf,
    /// The line, from 1; also 1 for a fault of the whole file.
    pub line: usize,
    /// The column, from 1, in characters; also 1 for a fault of the whole file.
    pub column: usize,
    /// The violated rule.
    pub rule: Rule,
    /// The field, by its name in the file.
    pub field: String,
    /// The fault.
    pub problem: String,
    /// The remedy.
    pub help: String,
    /// The shown part of the faulty line, and the byte range of the fault in it; `None` for a fault
    /// of the whole file.
    #[serde(skip)]
    pub(crate) excerpt: Option<(String, (usize, usize))>,
}

/// Writes one line: `FILE:LINE:COLUMN: RULE: FIELD: PROBLEM; HELP`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            rule,
            field,
            problem,
            help,
            ..
        } = self;
        let file = file.display();
        write!(
            f,
            "{file}:{line}:{column}: {rule}: {field}: {problem}; {help}"
        )
    }
}

/// Serializes a path as messages show it, so that a path that is not UTF-8 can be reported.
fn as_shown<S: Serializer>(path: &Path, into: S) -> Result<S::Ok, S::Error> {
    into.collect_str(&path.display())
}

/// Collects the findings on one file.
pub(crate) struct Notes<'a> {
    file: &'a DataFile,
    /// The byte offset of each line.
    lines: Vec<usize>,
    findings: Vec<Finding>,
}

impl<'a> Notes<'a> {
    /// An empty collection for `file`.
    pub(crate) fn on(file: &'a DataFile) -> Self {
        let breaks = file.text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            file,
            lines: std::iter::once(0).chain(breaks).collect(),
            findings: Vec::new(),
        }
    }

    /// Adds a finding for the byte range `span`. An empty range at the start blames the whole file.
    pub(crate) fn add(
        &mut self,
        rule: Rule,
        span: &Range<usize>,
        field: &str,
        problem: impl Into<String>,
        help: impl Into<String>,
    ) {
        let text = &self.file.text;
        let at = boundary(text, span.start);
        let line = self.lines.partition_point(|&start| start <= at);
        let start = self.lines[line - 1];
        let end = text[at..].find('\n').map_or(text.len(), |after| at + after);
        let blamed = at - start..boundary(text, span.end).clamp(at, end) - start;
        let excerpt = (*span != (0..0)).then(|| window(&text[start..end], blamed));
        self.findings.push(Finding {
            file: self.file.path.clone(),
            line,
            column: text[start..at].chars().count() + 1,
            rule,
            field: on_a_line(field.to_owned()),
            problem: match rule {
                // What looks like the value of a key may have other letters.
                Rule::ValueForm | Rule::ValueUnknown => plain(&on_a_line(problem.into())),
                _ => on_a_line(problem.into()),
            },
            help: help.into(),
            excerpt,
        });
    }

    /// The line number, from 1, of a range in the file.
    pub(crate) fn line(&self, span: &Range<usize>) -> usize {
        self.file.line(span.start)
    }

    /// The text of a range in the file.
    pub(crate) fn text(&self, span: &Range<usize>) -> &'a str {
        self.file.text.get(span.clone()).unwrap_or_default()
    }

    /// The findings so far.
    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The collected findings.
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// The last character boundary of `text` at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    let mut down = (0..=at.min(text.len())).rev();
    down.find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The text with escapes for line ends and invisible characters.
fn on_a_line(text: String) -> String {
    let is_bad = |c: char| is_hidden(c) || matches!(c, '\n' | '\r' | '\t');
    if !text.contains(is_bad) {
        return text;
    }
    let each = text.chars().map(|c| match c {
        _ if is_bad(c) => c.escape_default().to_string(),
        _ => c.to_string(),
    });
    each.collect()
}

/// The text with the code points of non-ASCII characters, which may look like ASCII.
pub(crate) fn plain(text: &str) -> String {
    let each = text.chars().map(|c| match c {
        ' '..='~' => c.to_string(),
        _ => c.escape_unicode().to_string(),
    });
    each.collect()
}

/// The largest number of characters of a line that are shown.
pub(crate) const SHOWN: usize = 120;
/// The largest number of them before the fault.
const SHOWN_BEFORE: usize = 60;

/// The part of a line around the fault, and the position of the fault in it. Each tab becomes one
/// space.
fn window(line: &str, blamed: Range<usize>) -> (String, (usize, usize)) {
    let (before, rest) = line.split_at(blamed.start);
    let whole = line.chars().nth(SHOWN).is_none();
    let near = |(at, _)| at;
    let cut = before.char_indices().rev().nth(SHOWN_BEFORE - 1).map(near);
    let begin = cut.filter(|_| !whole).unwrap_or(0);
    let mut shown = String::new();
    if begin > 0 {
        shown.push('…');
    }
    shown.push_str(&before[begin..]);
    let start = shown.len();
    let room = SHOWN.saturating_sub(shown.chars().count());
    let stop = rest.char_indices().nth(room).map_or(rest.len(), near);
    shown.push_str(&rest[..stop]);
    let end = start + blamed.len().min(stop);
    if stop < rest.len() {
        shown.push('…');
    }
    (shown.replace('\t', " "), (start, end))
}

/// Whether a character is invisible or changes the direction of the text: control characters,
/// zero-width and direction marks, line separators, the byte order mark, blank fillers, variation
/// selectors, and tags.
pub(crate) fn is_hidden(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    let is_mark = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let is_filler = matches!(c, '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    // Blanks that are not the space: a reader cannot tell them from it, and a search does.
    let is_blank = matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    );
    is_control || is_mark || is_filler || is_blank
}
