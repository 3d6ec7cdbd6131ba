// SPDX-License-Identifier: GPL-2.0-only

//! The answer in words, for readers who do not know ACS.

use std::collections::BTreeSet;

use topology::Bdf;

use crate::predict::supposed::What;

use super::{
    answer::{Answer, Change, Goal, Member},
    page::{Page, Part, Tone},
    reason::AcsReason,
    words::address_list,
};

/// The greatest width of the text.
pub(super) const WIDTH: usize = 100;

/// Lists why functions are not isolated. Functions with the same statement share one line.
fn because<'s>(
    page: &mut Page<'_>,
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
    for (one, functions) in lines {
        let words = format!("{} ({}): {}.", address_list(&functions), one.name, one.text);
        page.item(indent, "-", &words);
    }
    if !again.is_empty() {
        let words = format!("{}: see above.", address_list(&again));
        page.item(indent, "-", &words);
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
        self.page().text(width.min(WIDTH))
    }

    /// The answer in parts.
    pub(super) fn page(&self) -> Page<'_> {
        let mut page = Page::default();
        self.write(&mut page);
        page
    }

    fn write<'a>(&'a self, page: &mut Page<'a>) {
        self.state(page);
        if !self.known {
            self.open(page);
            return;
        }
        if self.steps.is_empty() {
            self.apart(page);
        } else {
            self.why(page);
        }
        if !self.changes.is_empty() {
            self.change(page);
        }
        self.assumed(page);
        self.open(page);
    }

    /// Writes what is certain although facts are missing.
    fn open(&self, page: &mut Page<'_>) {
        let Some(open) = &self.open else {
            return;
        };
        page.heading("What is certain");
        let with = match &open.certainly_with[..] {
            [] => "No function certainly shares its group".to_owned(),
            with => format!("It certainly shares its group with {}", address_list(with)),
        };
        let depends = open.deciding();
        let perhaps = address_list(&open.perhaps_with);
        page.paragraph(
            2,
            &format!(
                "{with}. It may share its group with {perhaps}: the input does not show what decides that. It \
                 depends on {depends}. It is certainly apart from all other functions."
            ),
        );
    }

    /// Writes which functions were asked about, and what their groups are.
    pub(super) fn state<'a>(&'a self, page: &mut Page<'a>) {
        page.0.push(Part::Asked(&self.function));
        page.0.extend(self.other.as_ref().map(Part::Asked));
        if !self.known {
            self.unknown(page);
            return;
        }
        self.supposed(page);
        self.premise(page);
        self.differs(page);
        self.outcome(page);
    }

    pub(super) fn assumed<'a>(&'a self, page: &mut Page<'a>) {
        if !self.assumptions.is_empty() {
            page.heading("Assumptions");
        }
        for one in &self.assumptions {
            let functions = match &one.functions[..] {
                [] => String::new(),
                functions => format!(": {}", address_list(functions)),
            };
            page.item(2, "-", &format!("{}{functions}", one.text));
        }
    }

    /// Writes the answer when too little could be read.
    fn unknown<'a>(&'a self, page: &mut Page<'a>) {
        match (&self.actual, &self.others[..]) {
            (Some(_), _) if self.together == Some(false) => {
                page.gap();
                page.paragraph(0, "The kernel put them into different groups.");
            }
            (None, _) => {
                page.gap();
                page.paragraph(
                    0,
                    "The kernel put it into no group, or its group is not known.",
                );
            }
            (Some(_), []) => {
                page.gap();
                page.paragraph(0, "The kernel put it into a group of its own.");
            }
            (Some(_), with) => {
                page.gap();
                page.paragraph(0, "The kernel put it into one group with");
                page.members(with);
            }
        }
        page.gap();
        let missing = self.missing.as_deref().unwrap_or_default();
        page.paragraph(0, &format!("The reason is not known: {missing}."));
    }

    /// Whether the machine's kernel put all functions asked about into groups.
    fn is_grouped(&self) -> bool {
        self.actual.is_some() && self.ungrouped.is_empty()
    }

    /// Whether the machine's kernel made the group that the answer explains.
    pub(super) fn is_made(&self) -> bool {
        let mut actual = self.actual.iter();
        self.is_grouped() && actual.all(|actual| actual.as_computed)
    }

    /// Writes what the answer supposes. The premise tells of the IOMMU.
    fn supposed(&self, page: &mut Page<'_>) {
        let supposed = self.under.supposed.iter();
        for one in supposed.filter(|one| !matches!(one.what, What::Iommu | What::IommuUnseen)) {
            page.gap();
            page.paragraph(0, &format!("Supposed: {}.", one.text));
        }
    }

    /// If the machine's kernel did not put the functions into groups, writes which groups the
    /// answer explains.
    fn premise<'a>(&'a self, page: &mut Page<'a>) {
        if self.is_grouped() {
            return;
        }
        let why = if self.ungrouped.is_empty() && !self.unshown.is_empty() {
            format!(
                "The input does not show the group of {}.",
                address_list(&self.unshown)
            )
        } else if self.ungrouped.is_empty() {
            let mut supposed = self.under.supposed.iter();
            if supposed.any(|one| one.what == What::Iommu) {
                "This machine uses no IOMMU: there are no IOMMU groups, and no ACS control is on."
            } else {
                "The groups that this machine's kernel made are not known: there is no IOMMU, it is \
                 disabled, or the input does not list groups."
            }
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
        page.gap();
        page.paragraph(0, &why);
        page.gap();
        let follows = format!(
            "The rest describes the groups that {} would make at boot with an IOMMU.",
            self.under.about
        );
        page.paragraph(0, &follows);
    }

    fn outcome<'a>(&'a self, page: &mut Page<'a>) {
        let function = self.function.function;
        page.gap();
        let alone = self.others.iter().all(|one| one.host_only);
        let is_made = self.is_made() && self.under.supposed.is_empty();
        let is_assumed = !is_made && self.assumptions.iter().any(|one| !one.functions.is_empty());
        let say = |made, would| if is_made { made } else { would };
        let (tone, words) = match (self.together, &self.others[..]) {
            (Some(true), _) => (
                Tone::Bad,
                say("They share a group.", "They would share a group."),
            ),
            (Some(false), _) => (
                Tone::Good,
                say(
                    "They are in different groups.",
                    "They would be in different groups.",
                ),
            ),
            (None, []) => (
                Tone::Good,
                say(
                    "It has a group of its own.",
                    "It would have a group of its own.",
                ),
            ),
            (None, _) => {
                let conditional = "It would share its group with (if the assumptions below hold)";
                let would = if is_assumed {
                    conditional
                } else {
                    "It would share its group with"
                };
                (Tone::Plain, say("shares its group with", would))
            }
        };
        // A list of members follows the words, so the condition cannot.
        let is_list = self.together.is_none() && !self.others.is_empty();
        let condition = " This holds only with the assumptions below.";
        let has_condition = is_assumed && !is_list;
        page.outcome(tone, words, if has_condition { condition } else { "" });
        if self.together.is_some() || self.others.is_empty() {
            return;
        }
        page.members(&self.others);
        if !is_made {
            return;
        }
        page.gap();
        if self.function.host_only {
            page.paragraph(
                0,
                "This function stays with the host, whatever else is in its group.",
            );
        } else if alone {
            page.paragraph(
                0,
                "You can pass it through to a virtual machine: bridges and ports in its group stay \
                 with the host and do not prevent that. Nothing has to change.",
            );
        } else {
            let with = self.others.iter().filter(|one| !one.host_only);
            let mut with: Vec<_> = with.map(|one| one.function).collect();
            if let Some(physical) = self.function.physical.filter(|bdf| with.contains(bdf)) {
                page.paragraph(0,
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
                page.paragraph(
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
            page.paragraph(
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
    fn differs<'a>(&'a self, page: &mut Page<'a>) {
        let Some(actual) = self.actual.as_ref().filter(|actual| !actual.as_computed) else {
            return;
        };
        page.gap();
        let members = address_list(&actual.members);
        let words = format!(
            "Its group is now {members}, and {} would make another one. Possible causes:",
            self.under.about
        );
        page.paragraph(0, &words);
        for cause in &actual.causes {
            page.item(2, "-", cause);
        }
        if let Some(remedy) = &actual.remedy {
            page.paragraph(0, &remedy.text);
        }
        page.gap();
        page.paragraph(0, "The rest describes the group that it would make.");
    }

    fn why<'a>(&'a self, page: &mut Page<'a>) {
        page.heading("Why");
        page.paragraph(
            2,
            "The kernel keeps two functions in different groups only if it knows that no request \
             gets from one to the other without passing the IOMMU. It knows this from ACS (Access \
             Control Services), registers in which a device shows that it forwards such requests \
             upstream, or from a quirk: a vendor's statement that is built into the kernel.",
        );
        let mut explained = BTreeSet::new();
        for (number, step) in (1..).zip(&self.steps) {
            page.gap();
            page.item(2, &format!("{number}."), &step.text);
            because(page, 5, step.because.iter(), &mut explained);
            page.0.push(Part::Kernel(step.kernel));
        }
    }

    pub(super) fn apart<'a>(&'a self, page: &mut Page<'a>) {
        page.heading("What keeps it apart");
        // Only functions that count as isolated are listed.
        let function = self.function.function;
        let is_own = |one: &&AcsReason| one.function == function;
        let own = self.isolation.iter().any(|one| is_own(&one));
        let above = self.isolation.iter().any(|one| !is_own(&one));
        let sentence = match (self.separated.as_deref(), above, own) {
            (Some(sentence), ..) => sentence,
            (None, true, true) => {
                "It counts as isolated, and so does every port on its path to the root."
            }
            (None, true, false) => {
                "Every port on its path to the root counts as isolated, and it is the only function in its slot that \
                 does not."
            }
            (None, false, true) => "It counts as isolated, and no port is above it.",
            (None, false, false) => {
                "No port is above it, and it is the only function in its slot that does not count as isolated."
            }
        };
        page.paragraph(2, sentence);
        because(page, 2, self.isolation.iter(), &mut BTreeSet::new());
    }

    fn change<'a>(&'a self, page: &mut Page<'a>) {
        page.heading("What would change it");
        let mut explained: Vec<&[Bdf]> = Vec::new();
        for change in &self.changes {
            self.one_change(page, change, &mut explained);
        }
    }

    fn one_change<'a>(
        &'a self,
        page: &mut Page<'a>,
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
                format!("To separate {function} from the other functions of its device")
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
            page.paragraph(2, &format!("{goal}, {all}:"));
        } else {
            page.paragraph(2, &format!("{goal}:"));
        }
        for need in &change.needs {
            let functions = address_list(&need.functions);
            if explained.contains(&need.functions.as_slice()) {
                page.item(2, "*", &format!("{functions}: see above."));
                continue;
            }
            explained.push(&need.functions);
            page.item(2, "*", &format!("{functions}:"));
            let shown = |one: &AcsReason| {
                let mut steps = self.steps.iter().flat_map(|step| &step.because);
                steps.any(|shown| shown == one)
            };
            let new = need.because.iter().filter(|one| !shown(one));
            because(page, 4, new, &mut BTreeSet::new());
            for remedy in &need.remedies {
                page.item(4, "-", &remedy.text);
            }
        }
        let left: Vec<_> = {
            let with = self.others.iter().filter(|one| !one.host_only);
            let with: Vec<_> = with.map(|one| one.function).collect();
            let left = change.remaining.iter().copied();
            left.filter(|bdf| with.contains(bdf)).collect()
        };
        if change.possible && !left.is_empty() {
            page.paragraph(
                4,
                &format!(
                    "It would then still share its group with {}.",
                    address_list(&left)
                ),
            );
        }
        for remedy in &change.alternatives {
            let or = if change.needs.is_empty() { "" } else { "or: " };
            page.item(2, "*", &format!("{or}{}", remedy.text));
        }
    }
}
