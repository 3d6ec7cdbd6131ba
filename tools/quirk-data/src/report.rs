// SPDX-License-Identifier: GPL-2.0-only

//! Findings, as people and programs read them.

use annotate_snippets::{Level, Renderer, Snippet};
use serde::Serialize;

use crate::{
    error::Error,
    finding::{Finding, SHOWN},
};

/// The version of the JSON form.
const SCHEMA: &str = "acsctl-check-1";

/// Findings for people: each with the line to blame, a mark under the fault, and what to do. With
/// colours, which whoever prints it takes out where there is no terminal.
#[must_use]
pub fn text(findings: &[Finding]) -> String {
    // Wide enough for any excerpt: the renderer's own way to shorten a line overflows on some.
    let renderer = Renderer::styled().term_width(4 * SHOWN);
    let each = findings.iter().map(|finding| {
        let title = format!("{}: {}", finding.field, finding.problem);
        let origin = finding.file.display().to_string();
        let mut message = Level::Error
            .title(&title)
            .id(finding.rule.code())
            .footer(Level::Help.title(&finding.help));
        let excerpt = finding.excerpt.as_ref();
        if let Some((line, (start, end))) = excerpt {
            let snippet = Snippet::source(line)
                .line_start(finding.line)
                .origin(&origin)
                .annotation(Level::Error.span(*start..*end));
            message = message.snippet(snippet);
        } else {
            message = message.footer(Level::Note.title(&origin));
        }
        format!("{}\n\n", renderer.render(message))
    });
    each.collect()
}

/// The outcome of a check in its JSON form.
#[derive(Serialize)]
struct Outcome<'a> {
    schema: &'a str,
    files: usize,
    findings: &'a [Finding],
}

/// Findings for programs: one JSON object, with the number of files that were looked at.
///
/// # Errors
///
/// [`Error::CouldNotRun`] when there is no memory for it, and for no other reason.
pub fn json(files: usize, findings: &[Finding]) -> Result<String, Error> {
    pretty(&Outcome {
        schema: SCHEMA,
        files,
        findings,
    })
}

/// A value as JSON for people to read too, with a line end.
///
/// # Errors
///
/// [`Error::CouldNotRun`] when there is no memory for it, and for no other reason.
pub fn pretty(value: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n")
        .map_err(|error| Error::CouldNotRun(format!("cannot write JSON: {error}")))
}
