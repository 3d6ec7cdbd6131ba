// SPDX-License-Identifier: GPL-2.0-only

//! The groups as a list.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{Group, Listing, Member, Vfio};
use crate::{predict::report::Assumed, why::address_list};

/// The heading of functions whose group cannot be computed.
pub(super) const NOT_KNOWN: &str =
    "group not known: the input does not show it, or lacks functions that decide it";
/// The remark on a group for which there is a `regroup`.
pub(super) const SPLITS: &str = "the kernel would split this group now";

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const SHARED: Style = AnsiColor::Yellow.on_default().bold();

impl Listing<'_> {
    /// The list with ANSI colours. The caller strips them if the output is not a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.from_kernel && !self.groups.is_empty() {
            let note = self.note();
            let _ = writeln!(text, "{FAINT}{note}{FAINT:#}\n");
        }
        for words in self.torn_words() {
            let _ = writeln!(text, "{SHARED}{words}{SHARED:#}\n");
        }
        for group in &self.groups {
            heading(&mut text, group);
            for member in &group.members {
                line(&mut text, member);
            }
            text.push('\n');
        }
        let hidden = |member: &&Member| self.undetermined.contains(&member.function);
        let (unknown, none): (Vec<_>, Vec<_>) = self.ungrouped.iter().partition(hidden);
        for (words, members) in [("in no group", none), (NOT_KNOWN, unknown)] {
            if members.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{BOLD}{words}{BOLD:#}");
            for member in members {
                line(&mut text, member);
            }
            text.push('\n');
        }
        for (number, one) in self.about_functions().enumerate() {
            if number == 0 {
                let _ = writeln!(text, "{BOLD}assumed{BOLD:#}");
            }
            let _ = writeln!(text, "  {}: {}", one.text, address_list(&one.functions));
        }
        for one in &self.open {
            let [functions, together, depends] = one.words();
            let _ = writeln!(
                text,
                "{BOLD}open{BOLD:#}\n  {functions}\n  {together}\n  {depends}"
            );
        }
        if !text.ends_with("\n\n") {
            text.push('\n');
        }
        text.pop();
        text
    }

    /// The functions that share no group although nothing isolates them, a sentence for each set.
    pub(super) fn torn_words(&self) -> impl Iterator<Item = String> {
        self.torn.iter().map(|set| {
            format!(
                "Nothing isolates these functions from each other, but the kernel put them into more than one group: \
                 {}. Do not give them to different guests. \"acsctl why\" with two of them explains it.",
                address_list(set)
            )
        })
    }

    /// The assumptions about functions, not about the whole machine.
    pub(super) fn about_functions(&self) -> impl Iterator<Item = &Assumed> {
        let assumptions = self.assumptions.iter();
        assumptions.filter(|one| !one.functions.is_empty())
    }

    /// The note for computed groups.
    pub(super) fn note(&self) -> String {
        format!(
            "The kernel's groups are not known: there is no IOMMU, it is disabled, or the input \
             does not list groups. These are the groups that {} would make.",
            self.states.under().about
        )
    }
}

impl Group {
    /// Whether VFIO can pass the group through, in words; `None` if no VFIO driver is bound.
    pub(super) fn vfio_words(&self) -> Option<String> {
        match self.vfio {
            Vfio::Unknown | Vfio::No => None,
            Vfio::Ready => Some("ready for VFIO".to_owned()),
            Vfio::Blocked => {
                let blocks = |member: &&Member| {
                    member.driver.is_some() && !member.vfio_driver && !member.host_only
                };
                let members = self.members.iter().filter(blocks);
                let members: Vec<_> = members.map(|one| one.function.to_string()).collect();
                Some(format!(
                    "not viable for VFIO: the host drives {}",
                    members.join(" ")
                ))
            }
        }
    }
}

fn heading(text: &mut String, group: &Group) {
    let number = group.number.map(|number| format!(" {number}"));
    let _ = write!(text, "{BOLD}group{}{BOLD:#}", number.unwrap_or_default());
    if group.ties_devices() {
        let _ = write!(text, "  {SHARED}{} devices{SHARED:#}", group.devices);
    }
    if let Some(words) = group.vfio_words() {
        let _ = write!(text, "  {words}");
    }
    text.push('\n');
    if let Some(endpoint) = group.regroup {
        let _ = writeln!(
            text,
            "  {SHARED}{SPLITS}{SHARED:#}: acsctl regroup {endpoint}"
        );
    }
}

fn line(text: &mut String, member: &Member) {
    let style = if member.matches { Style::new() } else { FAINT };
    let _ = write!(
        text,
        "  {style}{}  {}{style:#}",
        member.function, member.name
    );
    let driver = member
        .driver
        .as_ref()
        .map(|driver| format!("  driver {driver}"));
    let _ = writeln!(
        text,
        "{FAINT}{}  {}{FAINT:#}",
        driver.unwrap_or_default(),
        member.acs.summary
    );
}
