// SPDX-License-Identifier: GPL-2.0-only

//! The answer as text, for readers who do not know ACS.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use anstyle::{AnsiColor, Style};
use topology::Bdf;

use super::{
    answer::{Answer, Change, Goal, Member},
    reason::AcsReason,
    words::address_list,
};

/// The greatest width of the text.
const WIDTH: usize = 100;
const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Yellow.on_default().bold();

/// Text that is wrapped at a width.
struct Page {
    text: String,
    width: usize,
}

impl Page {
    /// Adds a paragraph with an indent. The first line begins with `first` instead.
    fn put(&mut self, first: &str, indent: usize, words: &str) {
        let rest = " ".repeat(indent);
        let options = textwrap::Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(&rest)
            .break_words(false);
        self.text += &textwrap::fill(words, options);
        self.text.push('\n');
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }
}

impl fmt::Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.write_str(text)
    }
}

/// Lists why functions are not isolated. Functions with the same statement share one line.
fn because<'s>(
    text: &mut Page,
    indent: usize,
    statements: impl Iterator<Item = &'s AcsReason>,
    explained: &mut BTreeSet<Bdf>,
) {
    let mut lines: Vec<(&AcsReason, Vec<Bdf>)> = Vec::new();
    let mut again = Vec::new();
    for one in statements {
        if !explained.insert(one.function) {
            again.push(one.function);
            continue;
        }
        let mut paths = lines.iter_mut();
        let same = paths.find(|(first, _)| first.name == one.name && first.text == one.text);
        match same {
            Some((_, functions)) => functions.push(one.function),
            None => lines.push((one, vec![one.function])),
        }
    }
    let first = format!("{}- ", " ".repeat(indent));
    for (one, functions) in lines {
        let words = format!("{} ({}): {}.", address_list(&functions), one.name, one.text);
        text.put(&first, indent + 2, &words);
    }
    if !again.is_empty() {
        let words = format!("{}: see above.", address_list(&again));
        text.put(&first, indent + 2, &words);
    }
}

fn heading(text: &mut Page, words: &str) {
    let _ = writeln!(text, "\n{BOLD}{words}{BOLD:#}");
}

fn members(text: &mut Page, members: &[Member]) {
    for member in members {
        let host_only = if member.host_only {
            "  (stays with the host)"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "  {}  {}{FAINT}{host_only}{FAINT:#}",
            member.function, member.name
        );
    }
}

impl Answer {
    /// The text with ANSI colours. The caller strips them if the output is not a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        self.text_of(WIDTH)
    }

    /// The text, wrapped at `width`, or at [`WIDTH`] if that is less.
    #[must_use]
    pub fn text_of(&self, width: usize) -> String {
        let mut page = Page {
            text: String::new(),
            width: width.min(WIDTH),
        };
        self.write(&mut page);
        page.text
    }

    fn write(&self, text: &mut Page) {
        let function = self.function.function;
        let _ = writeln!(text, "{BOLD}{function}{BOLD:#}  {}", self.function.name);
        if let Some(other) = &self.other {
            let _ = writeln!(text, "{BOLD}{}{BOLD:#}  {}", other.function, other.name);
        }
        if !self.known {
            self.unknown(text);
            return;
        }
        self.premise(text);
        self.differs(text);
        self.outcome(text);
        if self.steps.is_empty() {
            self.apart(text);
        } else {
            self.why(text);
        }
        if !self.changes.is_empty() {
            self.change(text);
        }
        if !self.assumptions.is_empty() {
            heading(text, "Assumptions");
        }
        for one in &self.assumptions {
            let functions = match &one.functions[..] {
                [] => String::new(),
                functions => format!(": {}", address_list(functions)),
            };
            text.put("  - ", 4, &format!("{}{functions}", one.text));
        }
    }

    /// Writes the answer when too little could be read.
    fn unknown(&self, text: &mut Page) {
        match (&self.actual, &self.others[..]) {
            (None, _) => {
                text.gap();
                text.put(
                    "",
                    0,
                    "The kernel put it into no group, or its group is not known.",
                );
            }
            (Some(_), []) => {
                text.gap();
                text.put("", 0, "The kernel put it into a group of its own.");
            }
            (Some(_), with) => {
                text.gap();
                text.put("", 0, "The kernel put it into one group with");
                members(text, with);
            }
        }
        text.gap();
        let missing = self.missing.as_deref().unwrap_or_default();
        text.put("", 0, &format!("The reason is not known: {missing}."));
    }

    /// Whether the machine's kernel put all functions asked about into groups.
    fn is_grouped(&self) -> bool {
        self.actual.is_some() && self.ungrouped.is_empty()
    }

    /// Whether the machine's kernel made the group that the answer explains.
    fn is_made(&self) -> bool {
        let mut actual = self.actual.iter();
        self.is_grouped() && actual.all(|actual| actual.as_computed)
    }

    /// If the machine's kernel did not put the functions into groups, writes which groups the
    /// answer explains.
    fn premise(&self, text: &mut Page) {
        if self.is_grouped() {
            return;
        }
        let why = if self.ungrouped.is_empty() {
            "The groups that this machine's kernel made are not known: there is no IOMMU, it is \
             disabled, or the input does not list groups."
                .to_owned()
        } else {
            let is = if self.ungrouped.len() == 1 {
                "is"
            } else {
                "are"
            };
            format!(
                "{} {is} in no IOMMU group, although other functions of this machine are: as far \
                 as the kernel knows, requests from there pass through no IOMMU. IOMMUs themselves \
                 and many host bridges are such functions. VFIO cannot pass through a function \
                 without a group.",
                address_list(&self.ungrouped)
            )
        };
        text.gap();
        text.put("", 0, &why);
        text.gap();
        let follows = format!(
            "The rest describes the groups that {} would make at boot with an IOMMU.",
            self.under.about
        );
        text.put("", 0, &follows);
    }

    fn outcome(&self, text: &mut Page) {
        let function = self.function.function;
        text.gap();
        let alone = self.others.iter().all(|one| one.host_only);
        let is_made = self.is_made();
        let say = |made, would| if is_made { made } else { would };
        let (style, words) = match (self.together, &self.others[..]) {
            (Some(true), _) => (BAD, say("They share a group.", "They would share a group.")),
            (Some(false), _) => (
                GOOD,
                say(
                    "They are in different groups.",
                    "They would be in different groups.",
                ),
            ),
            (None, []) => (
                GOOD,
                say(
                    "It has a group of its own.",
                    "It would have a group of its own.",
                ),
            ),
            (None, _) => {
                let words = say("shares its group with", "It would share its group with");
                (Style::new(), words)
            }
        };
        let is_assumed = !is_made && self.assumptions.iter().any(|one| !one.functions.is_empty());
        let condition = if is_assumed {
            " This holds only with the assumptions below."
        } else {
            ""
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{style}{words}{style:#}{condition}");
        if self.together.is_some() || self.others.is_empty() {
            return;
        }
        members(text, &self.others);
        if !is_made {
            return;
        }
        text.gap();
        if self.function.host_only {
            text.put(
                "",
                0,
                "This function stays with the host, whatever else is in its group.",
            );
        } else if alone {
            text.put(
                "",
                0,
                "You can pass it through to a virtual machine: bridges and ports in its group stay \
                 with the host and do not prevent that. Nothing has to change.",
            );
        } else {
            let with = self.others.iter().filter(|one| !one.host_only);
            let mut with: Vec<_> = with.map(|one| one.function).collect();
            if let Some(physical) = self.function.physical.filter(|bdf| with.contains(bdf)) {
                text.put(
                    "",
                    0,
                    &format!(
                        "It is a virtual function of {physical}: without the driver of {physical} on the host it \
                         does not exist, and {physical} cannot go along. So it cannot be passed through \
                         while both share a group."
                    ),
                );
                return;
            }
            // The host must keep the driver of a physical function whose virtual functions are in use.
            let own = |one: &&Member| one.physical == Some(function);
            let virtual_functions: Vec<_> = self
                .others
                .iter()
                .filter(own)
                .map(|one| one.function)
                .collect();
            with.retain(|bdf| !virtual_functions.contains(bdf));
            if !virtual_functions.is_empty() {
                text.put(
                    "",
                    0,
                    &format!(
                        "Disable its virtual functions first (write 0 to sriov_numvfs): {}.",
                        address_list(&virtual_functions)
                    ),
                );
            }
            if with.is_empty() {
                return;
            }
            text.put(
                "",
                0,
                &format!(
                    "To pass it through to a virtual machine, also pass these through to the same \
                     virtual machine, or leave them without a driver: {}.",
                    address_list(&with)
                ),
            );
        }
    }

    /// Writes how the kernel's own group differs from the computed one.
    fn differs(&self, text: &mut Page) {
        let Some(actual) = self.actual.as_ref().filter(|actual| !actual.as_computed) else {
            return;
        };
        text.gap();
        let members = address_list(&actual.members);
        let words = format!(
            "Its group is now {members}, and {} would make another one. Possible causes:",
            self.under.about
        );
        text.put("", 0, &words);
        for cause in &actual.causes {
            text.put("  - ", 4, cause);
        }
        if let Some(remedy) = &actual.remedy {
            text.put("", 0, &remedy.text);
        }
        text.gap();
        text.put("", 0, "The rest describes the group that it would make.");
    }

    fn why(&self, text: &mut Page) {
        heading(text, "Why");
        text.put(
            "  ",
            2,
            "The kernel keeps two functions in different groups only if it knows that no request \
             gets from one to the other without passing the IOMMU. It knows this from ACS (Access \
             Control Services), registers in which a device shows that it forwards such requests \
             upstream, or from a quirk: a vendor's statement that is built into the kernel.",
        );
        let mut explained = BTreeSet::new();
        for (number, step) in (1..).zip(&self.steps) {
            text.gap();
            text.put(&format!("  {number}. "), 5, &step.text);
            because(text, 5, step.because.iter(), &mut explained);
            let _ = writeln!(text, "     {FAINT}{}() in the kernel{FAINT:#}", step.kernel);
        }
    }

    fn apart(&self, text: &mut Page) {
        heading(text, "What keeps it apart");
        let sentence = self.separated.as_deref().unwrap_or(
            "Every port on its path to the root counts as isolated. It is isolated itself too, or it is \
             the only function in its slot that is not.",
        );
        text.put("  ", 2, sentence);
        because(text, 2, self.isolation.iter(), &mut BTreeSet::new());
    }

    fn change(&self, text: &mut Page) {
        heading(text, "What would change it");
        let mut explained: Vec<&[Bdf]> = Vec::new();
        for change in &self.changes {
            self.one_change(text, change, &mut explained);
        }
    }

    fn one_change<'a>(
        &'a self,
        text: &mut Page,
        change: &'a Change,
        explained: &mut Vec<&'a [Bdf]>,
    ) {
        let function = self.function.function;
        let goal = match change.goal {
            Goal::OtherDevices => format!("To separate {function} from other devices"),
            Goal::All if self.function.host_only => {
                format!("To separate {function} from all others")
            }
            Goal::All => {
                format!("To separate {function} from the other functions of its device too")
            }
            Goal::Other => {
                let other = self.other.as_ref().map(|other| other.function);
                let other = other.map_or_else(String::new, |other| other.to_string());
                format!("To separate {function} from {other}")
            }
        };
        if change.possible {
            let all = match change.needs.len() {
                1 => "this device must count as isolated",
                _ => "each of these devices must count as isolated",
            };
            text.put("  ", 2, &format!("{goal}, {all}:"));
        } else {
            text.put("  ", 2, &format!("{goal}:"));
        }
        for need in &change.needs {
            let functions = address_list(&need.functions);
            if explained.contains(&need.functions.as_slice()) {
                text.put("  * ", 4, &format!("{functions}: see above."));
                continue;
            }
            explained.push(&need.functions);
            text.put("  * ", 4, &format!("{functions}:"));
            let shown = |one: &AcsReason| {
                let mut steps = self.steps.iter().flat_map(|step| &step.because);
                steps.any(|shown| shown == one)
            };
            let new = need.because.iter().filter(|one| !shown(one));
            because(text, 4, new, &mut BTreeSet::new());
            for remedy in &need.remedies {
                text.put("    - ", 6, &remedy.text);
            }
        }
        let left: Vec<_> = {
            let with = self.others.iter().filter(|one| !one.host_only);
            let with: Vec<_> = with.map(|one| one.function).collect();
            let left = change.remaining.iter().copied();
            left.filter(|bdf| with.contains(bdf)).collect()
        };
        if change.possible && !left.is_empty() {
            text.put(
                "    ",
                4,
                &format!(
                    "It would then still share its group with {}.",
                    address_list(&left)
                ),
            );
        }
        for remedy in &change.alternatives {
            let or = if change.needs.is_empty() {
                "  * "
            } else {
                "  * or: "
            };
            text.put(or, 4, &remedy.text);
        }
    }
}
