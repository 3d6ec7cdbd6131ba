// SPDX-License-Identifier: GPL-2.0-only

//! The groups as a list.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{Group, Listing, Member, Vfio};
use crate::why::address_list;

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
        for group in &self.groups {
            heading(&mut text, group);
            for member in &group.members {
                line(&mut text, member);
            }
            text.push('\n');
        }
        let hidden = |member: &&Member| self.undetermined.contains(&member.function);
        let (unknown, none): (Vec<_>, Vec<_>) = self.ungrouped.iter().partition(hidden);
        let reason = "group not known: the input does not show the bridge above, or what is below";
        for (words, members) in [("in no group", none), (reason, unknown)] {
            if members.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{BOLD}{words}{BOLD:#}");
            for member in members {
                line(&mut text, member);
            }
            text.push('\n');
        }
        let about_functions = self
            .assumptions
            .iter()
            .filter(|one| !one.functions.is_empty());
        for (number, one) in about_functions.enumerate() {
            if number == 0 {
                let _ = writeln!(text, "{BOLD}assumed{BOLD:#}");
            }
            let _ = writeln!(text, "  {}: {}", one.text, address_list(&one.functions));
        }
        if !text.ends_with("\n\n") {
            text.push('\n');
        }
        text.pop();
        text
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

fn heading(text: &mut String, group: &Group) {
    let number = group.number.map(|number| format!(" {number}"));
    let _ = write!(text, "{BOLD}group{}{BOLD:#}", number.unwrap_or_default());
    if group.ties_devices() {
        let _ = write!(text, "  {SHARED}{} devices{SHARED:#}", group.devices);
    }
    match group.vfio {
        Vfio::Unknown | Vfio::No => {}
        Vfio::Ready => text.push_str("  ready for VFIO"),
        Vfio::Blocked => {
            let blocks = |member: &&Member| {
                member.driver.is_some() && !member.vfio_driver && !member.host_only
            };
            let members = group.members.iter().filter(blocks);
            let members: Vec<_> = members.map(|one| one.function.to_string()).collect();
            let _ = write!(
                text,
                "  not viable for VFIO: the host drives {}",
                members.join(" ")
            );
        }
    }
    text.push('\n');
    if let Some(endpoint) = group.regroup {
        let _ = writeln!(
            text,
            "  {SHARED}the kernel would split this group now{SHARED:#}: acsctl regroup {endpoint}"
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
