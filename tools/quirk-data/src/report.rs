// SPDX-License-Identifier: GPL-2.0-only

//! Formats findings for people and for programs.

use annotate_snippets::{Level, Renderer, Snippet};

use crate::finding::{Finding, SHOWN};

/// Findings for people: each with the faulty line, a mark under the fault, and the remedy. The text
/// has colours; the printer removes them if the output is not a terminal.
#[must_use]
pub fn text(findings: &[Finding]) -> String {
    // Wider than any excerpt, because the renderer's own shortening of lines overflows on some.
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
