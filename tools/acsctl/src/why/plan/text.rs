// SPDX-License-Identifier: GPL-2.0-only

//! The plan in words.

use super::answer::{Alternative, Outcome, Plan};
use crate::why::{
    page::{Page, Tone},
    text::WIDTH,
};

impl Plan {
    /// The text with ANSI colours, wrapped at `width`, or at the width of `acsctl why` if that is
    /// less. The caller strips the colours if the output is not a terminal.
    #[must_use]
    pub fn text_of(&self, width: usize) -> String {
        let mut page = Page::default();
        self.write(&mut page);
        page.text(width.min(WIDTH))
    }

    fn write<'a>(&'a self, page: &mut Page<'a>) {
        self.why.state(page);
        match self.outcome {
            Outcome::OwnGroup => {
                if self.why.others.is_empty() {
                    self.why.apart(page);
                }
            }
            Outcome::StaysWithHost => {
                page.gap();
                page.paragraph(
                    0,
                    "It cannot be passed through, so a group of its own would change nothing.",
                );
            }
            Outcome::Possible => {
                page.heading("What would give it a group of its own, cheapest first");
            }
            Outcome::NeedsStatement => outcome(
                page,
                "Nothing that you can do on this machine gives it a group of its own.",
                "Each way needs a vendor's statement",
            ),
            Outcome::Nothing => outcome(
                page,
                "Nothing that acsctl can compute gives it a group of its own.",
                "The reason",
            ),
            Outcome::NotKnown => outcome(
                page,
                "What would give it a group of its own is not known.",
                "The reason",
            ),
        }
        for (number, alternative) in (1..).zip(&self.alternatives) {
            write(page, number, alternative);
        }
        for reason in &self.reasons {
            page.item(2, "-", reason);
        }
        if !self.unchecked.is_empty() {
            page.heading("What may help");
            page.paragraph(2, "acsctl cannot compute the groups after this:");
        }
        for remedy in &self.unchecked {
            page.item(2, "-", &remedy.text);
        }
        if !self.dangers.is_empty() {
            page.heading("What does not isolate");
        }
        for danger in &self.dangers {
            page.paragraph(2, danger);
        }
        if self.why.is_known() {
            self.why.assumed(page);
        }
    }
}

/// Writes an outcome without a way that is open to the owner.
fn outcome(page: &mut Page<'_>, words: &'static str, heading: &'static str) {
    page.gap();
    page.outcome(Tone::Bad, words, "");
    page.heading(heading);
}

fn write(page: &mut Page<'_>, number: usize, alternative: &Alternative) {
    let marker = format!("{number}.");
    if let [step] = &alternative.steps[..] {
        page.item(2, &marker, &step.text);
        return;
    }
    page.item(2, &marker, "All of these steps:");
    for step in &alternative.steps {
        page.item(5, "-", &step.text);
    }
}
