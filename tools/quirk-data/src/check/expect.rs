// SPDX-License-Identifier: GPL-2.0-only

//! Checks the expected groups of captured machines, as far as the file alone allows.

use toml::Spanned;
use topology::{Bdf, Partition};

use crate::{
    finding::Notes,
    format::{self, Groups},
    name::is_word,
    rule::Rule,
};

/// The expected groups of a captured machine. Only the check uses them, so an entry does not have
/// them.
pub(crate) struct Expect {
    /// The file name of the capture, in the folder of the entry's file.
    pub(crate) capture: Spanned<String>,
    /// The groups with a function of the entry, without the entry.
    pub(crate) before: Spanned<Partition>,
    /// The groups of the same functions with the entry.
    pub(crate) after: Spanned<Partition>,
}

/// Reads every `[[expect]]` section. An incomplete section is dropped with a finding.
pub(super) fn check(expects: &[Spanned<format::Expect>], notes: &mut Notes<'_>) -> Vec<Expect> {
    let mut all = Vec::new();
    let mut seen = Vec::new();
    for expect in expects {
        let expect = expect.get_ref();
        let capture = expect.capture.as_ref().filter(|name| is_name(name, notes));
        if let Some(twice) = capture.filter(|name| seen.contains(&name.get_ref())) {
            let problem = format!("{} is named twice", twice.get_ref());
            let help = "take one of the two sections out";
            notes.add(
                Rule::ValueTwice,
                &twice.span(),
                "expect.capture",
                problem,
                help,
            );
        }
        seen.extend(capture.map(Spanned::get_ref));
        let before = groups(expect.before.as_ref(), "expect.before", notes);
        let after = groups(expect.after.as_ref(), "expect.after", notes);
        let (Some(capture), Some(before), Some(after)) = (capture, before, after) else {
            continue;
        };
        all.push(Expect {
            capture: capture.clone(),
            before,
            after,
        });
    }
    all
}

/// Whether a text is the name of a file in the same folder.
fn is_name(name: &Spanned<String>, notes: &mut Notes<'_>) -> bool {
    let stem = name.get_ref().strip_suffix(".json");
    let is_right = stem.is_some_and(|stem| stem.split('.').all(is_word));
    if !is_right {
        let problem = format!("\"{}\" does not have the form of this key", name.get_ref());
        let help = "write the name of a file beside this one, of lowercase letters, digits, \
                    hyphens and dots, that ends in .json";
        notes.add(
            Rule::ValueForm,
            &name.span(),
            "expect.capture",
            problem,
            help,
        );
    }
    is_right
}

/// Reads groups and sorts them. Each function must be in one group only.
fn groups(
    value: Option<&Spanned<Groups>>,
    field: &str,
    notes: &mut Notes<'_>,
) -> Option<Spanned<Partition>> {
    let value = value?;
    let mut seen = Vec::new();
    let mut partition = Partition::new();
    let mut is_sound = true;
    for group in value.get_ref() {
        let mut members = Vec::new();
        for member in group.get_ref() {
            let fault = match member.get_ref().parse::<Bdf>() {
                Err(problem) => Some((Rule::ValueForm, problem)),
                Ok(bdf) if seen.contains(&bdf) => {
                    Some((Rule::ValueTwice, format!("{bdf} is listed twice")))
                }
                Ok(bdf) => {
                    seen.push(bdf);
                    members.push(bdf);
                    None
                }
            };
            if let Some((rule, problem)) = fault {
                is_sound = false;
                let help = "name each function once, by its address";
                notes.add(rule, &member.span(), field, problem, help);
            }
        }
        if group.get_ref().is_empty() {
            is_sound = false;
            let help = "name the functions that are in it";
            notes.add(
                Rule::ValueEmpty,
                &group.span(),
                field,
                "an empty group",
                help,
            );
        }
        members.sort_unstable();
        partition.push(members);
    }
    if value.get_ref().is_empty() {
        is_sound = false;
        let help = "list the groups that a function of the entry is in";
        notes.add(Rule::ValueEmpty, &value.span(), field, "no group", help);
    }
    partition.sort_unstable();
    is_sound.then(|| Spanned::new(value.span(), partition))
}
