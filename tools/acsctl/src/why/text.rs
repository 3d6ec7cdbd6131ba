// SPDX-License-Identifier: GPL-2.0-only

//! The answer, for people: also for those who have never heard of ACS.

use std::{collections::BTreeSet, fmt::Write as _};

use anstyle::{AnsiColor, Style};
use topology::Bdf;

use super::{
    answer::{Answer, Change, Goal, Member},
    statement::Statement,
    words::named,
};

/// The width of the text.
const WIDTH: usize = 100;
const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Yellow.on_default().bold();

/// Lines with an indent; the first one has what `first` says in its place.
fn put(text: &mut String, first: &str, indent: usize, words: &str) {
    let rest = " ".repeat(indent);
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(&rest)
        .break_words(false);
    *text += &textwrap::fill(words, options);
    text.push('\n');
}

/// What says that functions are not isolated: those of which the same is said, together.
fn because<'s>(
    text: &mut String,
    indent: usize,
    statements: impl Iterator<Item = &'s Statement>,
    told: &mut BTreeSet<Bdf>,
) {
    let mut said: Vec<(&Statement, Vec<Bdf>)> = Vec::new();
    let mut again = Vec::new();
    for one in statements {
        if !told.insert(one.function) {
            again.push(one.function);
            continue;
        }
        let mut places = said.iter_mut();
        let same = places.find(|(first, _)| first.name == one.name && first.text == one.text);
        match same {
            Some((_, functions)) => functions.push(one.function),
            None => said.push((one, vec![one.function])),
        }
    }
    let first = format!("{}- ", " ".repeat(indent));
    for (one, functions) in said {
        let words = format!("{} ({}): {}.", named(&functions), one.name, one.text);
        put(text, &first, indent + 2, &words);
    }
    if !again.is_empty() {
        let words = format!("{}: see above.", named(&again));
        put(text, &first, indent + 2, &words);
    }
}

fn heading(text: &mut String, words: &str) {
    let _ = writeln!(text, "\n{BOLD}{words}{BOLD:#}");
}

fn members(text: &mut String, members: &[Member]) {
    for member in members {
        let stays = if member.stays {
            "  (stays with the host)"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "  {}  {}{FAINT}{stays}{FAINT:#}",
            member.function, member.name
        );
    }
}

impl Answer {
    /// For people, with colours, which whoever prints it takes out where there is no terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let function = self.function.function;
        let _ = writeln!(text, "{BOLD}{function}{BOLD:#}  {}", self.function.name);
        if let Some(other) = &self.other {
            let _ = writeln!(text, "{BOLD}{}{BOLD:#}  {}", other.function, other.name);
        }
        if !self.known {
            self.unknown(&mut text);
            return text;
        }
        self.outcome(&mut text);
        self.differs(&mut text);
        if !self.steps.is_empty() {
            self.why(&mut text);
        }
        if self.steps.is_empty() {
            self.apart(&mut text);
        }
        if !self.changes.is_empty() {
            self.change(&mut text);
        }
        if !self.assumed.is_empty() {
            heading(&mut text, "What was not seen, and is assumed");
        }
        for one in &self.assumed {
            let of = match &one.functions[..] {
                [] => String::new(),
                functions => format!(": {}", named(functions)),
            };
            put(&mut text, "  - ", 4, &format!("{}{of}", one.what));
        }
        text
    }

    /// Where too little was seen.
    fn unknown(&self, text: &mut String) {
        match (&self.actual, &self.with[..]) {
            (None, _) => {
                text.push_str("\nThe kernel has put it into no group, or that was not seen.\n");
            }
            (Some(_), []) => text.push_str("\nThe kernel has put it into a group of its own.\n"),
            (Some(_), with) => {
                text.push_str("\nThe kernel has put it into one group with\n");
                members(text, with);
            }
        }
        text.push('\n');
        put(
            text,
            "",
            0,
            "The reason cannot be told: the capabilities of this function, or of a bridge above it, could \
             not be read. The kernel gives out 64 bytes of configuration space, and all of it to root.",
        );
    }

    fn outcome(&self, text: &mut String) {
        text.push('\n');
        let alone = self.with.iter().all(|one| one.stays);
        match (self.together, &self.with[..]) {
            (Some(true), _) => {
                let _ = writeln!(text, "{BAD}They share a group.{BAD:#}");
                return;
            }
            (Some(false), _) => {
                let _ = writeln!(text, "{GOOD}They are in different groups.{GOOD:#}");
                return;
            }
            (None, []) => {
                let _ = writeln!(text, "{GOOD}It has a group of its own.{GOOD:#}");
                return;
            }
            (None, _) => {}
        }
        text.push_str("shares its group with\n");
        members(text, &self.with);
        text.push('\n');
        if self.function.stays {
            put(
                text,
                "",
                0,
                "It is a bridge, which stays with the host whoever is in its group.",
            );
        } else if alone {
            put(
                text,
                "",
                0,
                "It can be handed to a virtual machine as it is: bridges and ports of its group stay with \
                 the host and do not keep it from that. Nothing has to change.",
            );
        } else {
            let with = self.with.iter().filter(|one| !one.stays);
            let with: Vec<_> = with.map(|one| one.function).collect();
            put(
                text,
                "",
                0,
                &format!(
                    "To hand it to a virtual machine, these have to go along, or be left without a driver: \
                     {}.",
                    named(&with)
                ),
            );
        }
    }

    /// Where the kernel's group is another one.
    fn differs(&self, text: &mut String) {
        text.push('\n');
        let Some(actual) = &self.actual else {
            let words = format!(
                "The kernel has put it into no group, or that was not seen. What is explained here is what \
                 {} makes of it at boot with an IOMMU.",
                self.under.about
            );
            put(text, "", 0, &words);
            return;
        };
        if actual.same {
            text.pop();
            return;
        }
        let members = named(&actual.members);
        let words = format!(
            "The kernel has made another group of it: {members}. What is explained here is what {} makes \
             of it at boot. That can be because:",
            self.under.about
        );
        put(text, "", 0, &words);
        for cause in &actual.causes {
            put(text, "  - ", 4, cause);
        }
    }

    fn why(&self, text: &mut String) {
        heading(text, "Why");
        put(
            text,
            "  ",
            2,
            "The kernel keeps two functions in different groups only where it knows that no request gets \
             from one to the other past the IOMMU. It knows from ACS (Access Control Services), registers \
             in which a device shows that it sends such requests up, or from a quirk: a vendor's word, \
             built into the kernel.",
        );
        let mut told = BTreeSet::new();
        for (number, step) in (1..).zip(&self.steps) {
            text.push('\n');
            put(text, &format!("  {number}. "), 5, &step.text);
            because(text, 5, step.because.iter(), &mut told);
            let _ = writeln!(text, "     {FAINT}{}() in the kernel{FAINT:#}", step.kernel);
        }
    }

    fn apart(&self, text: &mut String) {
        heading(text, "What keeps it apart");
        let sentence = self.parted.as_deref().unwrap_or(
            "It is the only function in its slot that the kernel does not count as isolated, or it is \
             isolated itself, and so is every port on its way to the root.",
        );
        put(text, "  ", 2, sentence);
        because(text, 2, self.isolation.iter(), &mut BTreeSet::new());
    }

    fn change(&self, text: &mut String) {
        heading(text, "What would change it");
        let mut told: Vec<&[Bdf]> = Vec::new();
        for change in &self.changes {
            self.one_change(text, change, &mut told);
        }
    }

    fn one_change<'a>(&'a self, text: &mut String, change: &'a Change, told: &mut Vec<&'a [Bdf]>) {
        let function = self.function.function;
        let goal = match change.goal {
            Goal::OtherDevices => format!("To have {function} apart from other devices"),
            Goal::All if self.function.stays => format!("To have {function} apart from all others"),
            Goal::All => {
                format!("To have {function} apart from the other functions of its device too")
            }
            Goal::Other => {
                let other = self.other.as_ref().map(|other| other.function);
                let other = other.map_or_else(String::new, |other| other.to_string());
                format!("To have {function} apart from {other}")
            }
        };
        if change.possible {
            let all = match change.needs.len() {
                1 => "this device has to count as isolated",
                _ => "each of these devices has to count as isolated",
            };
            put(text, "  ", 2, &format!("{goal}, {all}:"));
        } else {
            put(text, "  ", 2, &format!("{goal}:"));
        }
        for need in &change.needs {
            let functions = named(&need.functions);
            if told.contains(&need.functions.as_slice()) {
                put(text, "  * ", 4, &format!("{functions}: see above."));
                continue;
            }
            told.push(&need.functions);
            put(text, "  * ", 4, &format!("{functions}:"));
            let shown = |one: &Statement| {
                let mut steps = self.steps.iter().flat_map(|step| &step.because);
                steps.any(|shown| shown == one)
            };
            let new = need.because.iter().filter(|one| !shown(one));
            because(text, 4, new, &mut BTreeSet::new());
            for remedy in &need.remedies {
                put(text, "    - ", 6, &remedy.text);
            }
        }
        let left: Vec<_> = {
            let with = self.with.iter().filter(|one| !one.stays);
            let with: Vec<_> = with.map(|one| one.function).collect();
            let left = change.left.iter().copied();
            left.filter(|bdf| with.contains(bdf)).collect()
        };
        if change.possible && !left.is_empty() {
            put(
                text,
                "    ",
                4,
                &format!("It would then share its group with {}.", named(&left)),
            );
        }
        for remedy in &change.or {
            let or = if change.needs.is_empty() {
                "  * "
            } else {
                "  * or: "
            };
            put(text, or, 4, &remedy.text);
        }
    }
}
