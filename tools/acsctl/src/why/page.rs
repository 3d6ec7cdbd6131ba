// SPDX-License-Identifier: GPL-2.0-only

//! The parts of an answer in words, and their form as text.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::answer::Member;

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Yellow.on_default().bold();

/// The indent of the line that names the kernel's function.
pub(super) const KERNEL_INDENT: usize = 5;

/// How an outcome looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
}

/// A part of an answer. An indent is a number of columns. What has a greater indent than an item
/// before it belongs to that item.
#[derive(Clone, Debug)]
pub(super) enum Part<'a> {
    /// A function that was asked about.
    Asked(&'a Member),
    Heading(&'static str),
    Outcome {
        tone: Tone,
        words: &'static str,
        /// What limits the outcome; empty if nothing does.
        condition: &'static str,
    },
    Members(&'a [Member]),
    Paragraph {
        indent: usize,
        words: String,
    },
    Item {
        indent: usize,
        /// `-`, `*`, or a number with a dot.
        marker: String,
        words: String,
    },
    /// The kernel's C function that decided the step before.
    Kernel(&'static str),
    /// An empty line in the text form.
    Gap,
}

/// An answer in parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Page<'a>(pub(super) Vec<Part<'a>>);

impl<'a> Page<'a> {
    pub(super) fn paragraph(&mut self, indent: usize, words: &str) {
        let words = words.to_owned();
        self.0.push(Part::Paragraph { indent, words });
    }

    pub(super) fn item(&mut self, indent: usize, marker: &str, words: &str) {
        self.0.push(Part::Item {
            indent,
            marker: marker.to_owned(),
            words: words.to_owned(),
        });
    }

    pub(super) fn heading(&mut self, words: &'static str) {
        self.0.push(Part::Heading(words));
    }

    pub(super) fn members(&mut self, members: &'a [Member]) {
        self.0.push(Part::Members(members));
    }

    pub(super) fn outcome(&mut self, tone: Tone, words: &'static str, condition: &'static str) {
        self.0.push(Part::Outcome {
            tone,
            words,
            condition,
        });
    }

    pub(super) fn gap(&mut self) {
        self.0.push(Part::Gap);
    }

    /// The text with ANSI colours. Paragraphs and items are wrapped at `width`.
    pub(super) fn text(&self, width: usize) -> String {
        let mut text = String::new();
        for part in &self.0 {
            write(&mut text, part, width);
        }
        text
    }
}

fn write(text: &mut String, part: &Part<'_>, width: usize) {
    // Writing to a string cannot fail.
    let _ = match part {
        Part::Asked(member) => {
            writeln!(text, "{BOLD}{}{BOLD:#}  {}", member.function, member.name)
        }
        Part::Heading(words) => writeln!(text, "\n{BOLD}{words}{BOLD:#}"),
        Part::Outcome {
            tone,
            words,
            condition,
        } => {
            let style = match tone {
                Tone::Plain => Style::new(),
                Tone::Good => GOOD,
                Tone::Bad => BAD,
            };
            writeln!(text, "{style}{words}{style:#}{condition}")
        }
        Part::Members(members) => members.iter().try_for_each(|member| {
            let stays = member.stays();
            let gap = if stays.is_empty() { "" } else { "  " };
            writeln!(
                text,
                "  {}  {}{FAINT}{gap}{stays}{FAINT:#}",
                member.function, member.name
            )
        }),
        Part::Paragraph { indent, words } => {
            let lead = " ".repeat(*indent);
            writeln!(text, "{}", wrapped(&lead, *indent, words, width))
        }
        Part::Item {
            indent,
            marker,
            words,
        } => {
            let lead = format!("{}{marker} ", " ".repeat(*indent));
            writeln!(text, "{}", wrapped(&lead, lead.len(), words, width))
        }
        Part::Kernel(function) => {
            let lead = " ".repeat(KERNEL_INDENT);
            writeln!(text, "{lead}{FAINT}{function}() in the kernel{FAINT:#}")
        }
        Part::Gap => writeln!(text),
    };
}

/// Wraps a paragraph whose first line begins with `lead`, and whose other lines have an indent.
fn wrapped(lead: &str, indent: usize, words: &str, width: usize) -> String {
    let rest = " ".repeat(indent);
    let options = textwrap::Options::new(width)
        .initial_indent(lead)
        .subsequent_indent(&rest)
        .break_words(false);
    textwrap::fill(words, options)
}
