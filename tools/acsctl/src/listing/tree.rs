// SPDX-License-Identifier: GPL-2.0-only

//! The PCI tree with the boundaries of the groups.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use anstyle::{AnsiColor, Color, Style};

use super::{Listing, Member};

const FAINT: Style = Style::new().dimmed();
const COLORS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Red,
];

pub(super) struct Row<'l> {
    /// The number of listed bridges above the function.
    pub(super) depth: usize,
    /// For each of these bridges and the function: whether a sibling follows.
    pub(super) more: Vec<bool>,
    pub(super) member: &'l Member,
    /// The position of the group in the listing; `None` for a function in no group.
    pub(super) group: Option<usize>,
    /// The root bus that begins with this row, for example `0000:00`.
    pub(super) root: Option<String>,
}

impl Listing<'_> {
    /// The functions of the listing in tree order, including listed bridges.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        let grouped = self.groups.iter().enumerate();
        let grouped = grouped.flat_map(|(index, group)| {
            group
                .members
                .iter()
                .map(move |member| (Some(index), member))
        });
        let all = grouped.chain(self.ungrouped.iter().map(|member| (None, member)));
        let members: BTreeMap<usize, (Option<usize>, &Member)> = all
            .map(|(group, member)| (member.position, (group, member)))
            .collect();
        // Key: the nearest listed bridge above; `None` on a root bus.
        let mut below: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for &position in members.keys() {
            let mut above = self.states.above(position);
            let parent = above.find(|above| members.contains_key(above));
            below.entry(parent).or_default().push(position);
        }
        for children in below.values_mut() {
            children.sort_by_key(|index| members[index].1.function);
        }
        let mut rows = Vec::new();
        let mut buses = BTreeSet::new();
        let mut left: Vec<(usize, Vec<bool>)> = Vec::new();
        let push = |left: &mut Vec<(usize, Vec<bool>)>, parent: Option<usize>, more: &[bool]| {
            let Some(children) = below.get(&parent) else {
                return;
            };
            let bus = |index: usize| members[&index].1.function.bus();
            for (number, &child) in children.iter().enumerate().rev() {
                let next = children.get(number + 1);
                let is_last = next.is_none_or(|&next| parent.is_none() && bus(next) != bus(child));
                let mut more = more.to_vec();
                more.push(!is_last);
                left.push((child, more));
            }
        };
        push(&mut left, None, &[]);
        while let Some((position, more)) = left.pop() {
            let (group, member) = members[&position];
            let depth = more.len() - 1;
            let (domain, bus) = member.function.bus();
            let root = depth == 0 && buses.insert((domain, bus));
            push(&mut left, Some(position), &more);
            rows.push(Row {
                depth,
                more,
                member,
                group,
                root: root.then(|| format!("{domain}:{bus:02x}")),
            });
        }
        rows
    }

    /// The tree with ANSI colours. The caller strips them if the output is not a terminal.
    #[must_use]
    pub fn tree(&self) -> String {
        let mut text = String::new();
        if !self.from_kernel && !self.groups.is_empty() {
            let note = self.note();
            let _ = writeln!(text, "{FAINT}{note}{FAINT:#}\n");
        }
        let rows = self.rows();
        let labels: Vec<_> = rows.iter().map(|row| self.label(row.group)).collect();
        let width = labels.iter().map(String::len).max().unwrap_or(0);
        for (index, row) in rows.iter().enumerate() {
            if let Some(root) = &row.root {
                let _ = writeln!(text, "{:width$}    {root}", "");
            }
            let joins = |other: Option<usize>| {
                let other = other.and_then(|other| rows.get(other));
                row.group.is_some() && other.is_some_and(|other| other.group == row.group)
            };
            // A bracket around consecutive lines of one group.
            let edge = match (joins(index.checked_sub(1)), joins(Some(index + 1))) {
                (false, false) => '\u{2576}',
                (false, true) => '\u{250c}',
                (true, true) => '\u{2502}',
                (true, false) => '\u{2514}',
            };
            let color = row.group.map(|group| COLORS[group % COLORS.len()]);
            let style = Style::new().fg_color(color.map(Color::Ansi));
            let label = &labels[index];
            let _ = write!(text, "{style}{label:>width$} {edge}{style:#} ");
            for (level, more) in row.more.iter().enumerate() {
                let is_own = level + 1 == row.more.len();
                text.push_str(match (is_own, more) {
                    (true, true) => "\u{251c}\u{2500} ",
                    (true, false) => "\u{2514}\u{2500} ",
                    (false, true) => "\u{2502}  ",
                    (false, false) => "   ",
                });
            }
            let member = row.member;
            let _ = writeln!(
                text,
                "{style}{}  {}{style:#}{FAINT}  {}{FAINT:#}",
                member.function, member.name, member.acs.summary
            );
        }
        text
    }

    /// The label of a group: the kernel's number, or the position in the listing.
    pub(super) fn label(&self, group: Option<usize>) -> String {
        let Some(index) = group else {
            return "-".to_owned();
        };
        let number = self.groups.get(index).and_then(|group| group.number);
        number.map_or_else(|| format!("({index})"), |number| number.to_string())
    }
}
