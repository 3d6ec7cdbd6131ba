// SPDX-License-Identifier: GPL-2.0-only

//! A line that names an IOMMU group.

use crate::{
    Bdf,
    bdf::{self, Word},
    text::Line,
};

/// How lists name a group, in lower case.
const NAMES: [&str; 7] = [
    "iommu group",
    "iommu_group",
    "iommugroup",
    "iommu-gruppe",
    "iommu gruppe",
    "groupe iommu",
    "group",
];

/// What a line about a group says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum GroupLine {
    /// The number of a group whose functions follow.
    Heading(u32),
    /// A group and functions of it, each with the text that follows its address.
    Members {
        group: u32,
        members: Vec<(Bdf, String)>,
    },
    /// The kernel put a function into a group, or removed it from its group.
    Log { bdf: Bdf, group: Option<u32> },
    /// A line about a group of other devices.
    Other,
    /// A path to a function, with a damaged address.
    Damaged,
}

/// What the line says about a group; `None` for a line that names none.
pub(crate) fn line(text: &str) -> Option<GroupLine> {
    let lower = text.to_ascii_lowercase();
    if !lower.contains("group") && !lower.contains("gruppe") && !lower.contains("adding to ") {
        return None;
    }
    log(&lower)
        .or_else(|| path(&lower))
        .or_else(|| listed(text, &lower))
        .or_else(|| behind(text, &lower))
}

/// A group and functions of it behind other words: `GPU: IOMMU Group 1: 00:01.0, 00:01.1`.
fn behind(text: &str, lower: &str) -> Option<GroupLine> {
    // Another length would give other places.
    if lower.len() != text.len() {
        return None;
    }
    let mut places = NAMES.iter().flat_map(|name| lower.match_indices(name));
    places.find_map(|(at, _)| {
        let is_word = lower[..at].ends_with(|c: char| !c.is_alphanumeric());
        let found = listed(&text[at..], &lower[at..]).filter(|_| is_word)?;
        matches!(found, GroupLine::Members { .. } | GroupLine::Damaged).then_some(found)
    })
}

/// The lines, where `tree /sys/kernel/iommu_groups` shows folders, with their whole paths.
pub(crate) fn without_tree(lines: Vec<Line>) -> Vec<Line> {
    const FOLDER: &str = "/sys/kernel/iommu_groups";
    const BRANCHES: [&str; 4] = [
        "\u{251c}\u{2500}\u{2500}",
        "\u{2514}\u{2500}\u{2500}",
        "|--",
        "`--",
    ];
    let mut is_open = false;
    let mut group = None;
    let written = lines.into_iter().filter_map(|line| {
        let found = BRANCHES
            .iter()
            .find_map(|branch| line.text.split_once(branch));
        let Some((before, name)) = found else {
            is_open = line.text.trim_end_matches('/') == FOLDER;
            group = None;
            return (!is_open).then_some(line);
        };
        if !is_open {
            return Some(line);
        }
        let name = name.trim();
        if name.is_empty() {
            // The text ends within a branch.
            let text = format!("{FOLDER}/0/devices/{}", line.text);
            return Some(Line { text, ..line });
        }
        // The folder of a group stands at the first branch.
        let is_group = before.trim().is_empty() && line.indent == 0;
        if is_group {
            group = name.trim_end_matches('/').parse::<u32>().ok();
        }
        let is_other = matches!(name, "devices" | "reserved_regions" | "type");
        let group = group.filter(|_| !is_other)?;
        let text = if is_group {
            format!("{FOLDER}/{group}")
        } else {
            format!("{FOLDER}/{group}/devices/{name}")
        };
        Some(Line { text, ..line })
    });
    written.collect()
}

/// The lines, where a forum or a shell joined several entries of a list of groups to one: a line for each entry.
pub(crate) fn split(lines: Vec<Line>) -> Vec<Line> {
    let entries = lines.into_iter().flat_map(|line| {
        let entries = entries(&line.text);
        if entries.len() == 1 {
            return vec![line];
        }
        let each = entries.iter().map(|entry| Line {
            text: entry
                .trim_end_matches([' ', '\t', '-', '*', '|', ';', ',', '\u{2022}'])
                .trim_start()
                .to_owned(),
            ..line.clone()
        });
        each.collect()
    });
    entries.collect()
}

/// Splits a line into its entries. Each entry names a group.
fn entries(text: &str) -> Vec<&str> {
    let lower = text.to_ascii_lowercase();
    // Another length would give other places.
    if lower.matches("group").nth(1).is_none() || lower.len() != text.len() {
        return vec![text];
    }
    let mut entries = Vec::new();
    let mut begin = 0;
    let mut place = 0;
    let (mut before, mut start_before) = ("", 0);
    for word in lower.split_inclusive(char::is_whitespace) {
        let (start, end) = (place, place + word.len());
        place = end;
        let word = word.trim_end();
        let is_path = word.contains("iommu_groups/");
        // `ADDRESS ... /sys/kernel/iommu_groups/1`: the path belongs to what is before it.
        let is_target =
            is_path && addresses(word).is_empty() && !addresses(&lower[begin..start]).is_empty();
        let starts = is_path && !is_target
            || word.contains("group") && is_listed(&text[start..], &lower[start..])
            || before == "iommu" && word == "group" && is_heading(&text[start..], &lower[start..]);
        // The number in "adding to iommu group 1".
        let ends =
            is_target || before == "group" && is_log(&lower[begin..end]) && number(word).is_some();
        // "IOMMU Group 1".
        let start = if before == "iommu" {
            start_before
        } else {
            start
        };
        let cut = if ends { end } else { start };
        let is_next =
            starts && line(&text[begin..start]).is_some_and(|before| before != GroupLine::Damaged);
        if (ends || is_next) && !text[cut..].trim().is_empty() && cut > begin {
            entries.push(&text[begin..cut]);
            begin = cut;
        }
        (before, start_before) = (word, start);
    }
    entries.push(&text[begin..]);
    entries
}

/// Whether a text begins with a group and a function of it.
fn is_listed(text: &str, lower: &str) -> bool {
    matches!(listed(text, lower), Some(GroupLine::Members { .. }))
}

/// Whether a text is a heading and nothing else.
fn is_heading(text: &str, lower: &str) -> bool {
    matches!(listed(text, lower), Some(GroupLine::Heading(_)))
}

/// Whether a text in lower case has the words of a kernel log about a group.
fn is_log(lower: &str) -> bool {
    log(lower).is_some()
}

/// `pci 0000:00:01.0: Adding to iommu group 1`, and what older kernels log.
fn log(lower: &str) -> Option<GroupLine> {
    const NEW: [(&str, bool); 2] = [("adding to ", true), ("removing from ", false)];
    const OLD: [(&str, bool); 2] = [("adding device ", true), ("removing device ", false)];
    let said = |forms: [(&'static str, bool); 2]| {
        let mut forms = forms.into_iter();
        forms.find_map(|(words, is_added)| Some((words, is_added, lower.split_once(words)?)))
    };
    let (words, is_added, name, rest) = if let Some((words, is_added, (before, rest))) = said(NEW) {
        let name = before.trim_end().trim_end_matches(':');
        let pci = name.split_whitespace().any(|word| word == "pci");
        let name = name.rsplit(char::is_whitespace).next().unwrap_or("");
        if !pci && !is_like_address(name) {
            // Another device.
            return rest.contains("iommu group ").then_some(GroupLine::Other);
        }
        (words, is_added, name, rest.strip_prefix("iommu group "))
    } else if let Some((words, is_added, (_, rest))) = said(OLD) {
        let (name, rest) = rest.split_once(' ')?;
        let group = ["to group ", "from group "];
        let group = group.iter().find_map(|words| rest.strip_prefix(words))?;
        if !is_like_address(name) {
            return Some(GroupLine::Other);
        }
        (words, is_added, name, Some(group))
    } else {
        // What else ends so is damaged.
        let (before, _) = lower.split_once(" to iommu group ")?;
        let is_name = |word: &str| word.ends_with(':') && is_like_address(word);
        let is_message = before.split_whitespace().any(is_name);
        return is_message.then_some(GroupLine::Damaged);
    };
    let is_one = lower.matches(words).nth(1).is_none();
    let group = rest.and_then(number).filter(|_| is_one);
    Some(match (bdf::in_word(name), group) {
        (Some(bdf), Some((group, _))) => GroupLine::Log {
            bdf,
            group: is_added.then_some(group),
        },
        _ => GroupLine::Damaged,
    })
}

/// Whether a word has the digits and marks of an address, perhaps with some that a scanner took for others, or the
/// domain of one.
fn is_like_address(word: &str) -> bool {
    if matches!(bdf::word(word), Word::Address(_) | Word::Damaged) {
        return true;
    }
    let domain = word.split_once(':').map_or("", |(domain, _)| domain);
    let is_domain = domain.len() == 4 && domain.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_part = |c: char| c.is_ascii_hexdigit() || ":;.,ol".contains(c);
    let digits = word.chars().filter(char::is_ascii_digit).count();
    is_domain || digits >= 3 && word.contains([':', ';']) && word.chars().all(is_part)
}

/// The addresses in a text, also within paths.
fn addresses(text: &str) -> Vec<Bdf> {
    bdf::words(text).filter_map(bdf::in_word).collect()
}

/// Whether a text has a word that is like an address and is none, or a part of one.
fn has_damaged(text: &str) -> bool {
    bdf::words(text).any(|word| matches!(bdf::word(word), Word::Damaged | Word::Part))
}

/// `/sys/kernel/iommu_groups/1/devices/0000:00:01.0`, in both directions of a link.
fn path(lower: &str) -> Option<GroupLine> {
    let (before, after) = lower.split_once("iommu_groups/")?;
    let Some((group, rest)) = number(after) else {
        // A command has a pattern or a variable there.
        let is_command = after.starts_with(['*', '$', '{', '[', '?', '"']);
        return (!is_command && !addresses(after).is_empty()).then_some(GroupLine::Damaged);
    };
    let rest = rest.strip_prefix("/devices").unwrap_or(rest);
    // The target of a link, or what a shell does with the output.
    let ends = [" -> ", " | "].iter().filter_map(|mark| rest.find(mark));
    let named = &rest[..ends.min().unwrap_or(rest.len())];
    // What stands in front of the path.
    let head = before
        .rsplit_once(char::is_whitespace)
        .map_or("", |(head, _)| head);
    // `.../0000:01:00.0/iommu_group -> ../../../kernel/iommu_groups/1`, and the same without the arrow
    let link = addresses(before);
    if let (Some(&bdf), true) = (link.last(), addresses(named).is_empty()) {
        // What follows a prompt is a command.
        let is_sure = before.contains("->") || link.len() == 1 && !before.contains(['$', '#']);
        return Some(if is_sure {
            members(group, bdf, "")
        } else if head.contains('/') {
            GroupLine::Other
        } else {
            GroupLine::Damaged
        });
    }
    match addresses(named)[..] {
        [] if bdf::is_rest(head) || has_damaged(head) && !head.starts_with("drwx") => {
            Some(GroupLine::Damaged)
        }
        [] if named.trim_matches(['/', ':', ' ', '*']).is_empty() => {
            Some(GroupLine::Heading(group))
        }
        [] if has_damaged(named) || is_cut(rest) => Some(GroupLine::Damaged),
        [] => Some(GroupLine::Other),
        [bdf] => {
            let after = named
                .trim_start_matches([':', ' ', '/'])
                .split_once(|c: char| c.is_whitespace())
                .map(|(_, rest)| rest);
            Some(members(group, bdf, after.unwrap_or("").trim()))
        }
        ref all => Some(several(group, all, named)),
    }
}

/// Whether the end of a path below a group ends before or within an address.
fn is_cut(rest: &str) -> bool {
    let name = rest.trim_start_matches('/');
    let is_mark = !name.contains(char::is_alphanumeric);
    bdf::is_rest(name) || "devices".starts_with(name) || is_mark
}

/// Several functions of a group in one line; damaged if the line has more than their addresses.
fn several(group: u32, all: &[Bdf], text: &str) -> GroupLine {
    let is_word = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        !word.is_empty() && word != "and" && addresses(word).is_empty()
    };
    if text.split([' ', '\t', ',', ';', '|', '/']).any(is_word) {
        return GroupLine::Damaged;
    }
    let members = all.iter().map(|bdf| (*bdf, String::new()));
    GroupLine::Members {
        group,
        members: members.collect(),
    }
}

fn members(group: u32, bdf: Bdf, header: &str) -> GroupLine {
    // Only what lspci prints behind an address describes a function.
    let header = if header.contains(": ") { header } else { "" };
    GroupLine::Members {
        group,
        members: vec![(bdf, header.to_owned())],
    }
}

/// `IOMMU Group 1:`, `Group 1:  [8086:1901]  00:01.0  PCI bridge: ...`, `IOMMU Group 1 00:01.0 ...`
fn listed(text: &str, lower: &str) -> Option<GroupLine> {
    let is_mark = |c: char| !c.is_alphanumeric();
    let start = lower.len() - lower.trim_start_matches(is_mark).len();
    let rest = &lower[start..];
    let rest = NAMES.iter().find_map(|begin| rest.strip_prefix(begin))?;
    let rest = rest.trim_start_matches([':', ' ', '\t', '#', '=']);
    let (group, rest) = number(rest)?;
    let from = lower.len() - rest.len();
    let is_border = |c: char| " \t*-#=+(\u{2022}:])|>,".contains(c);
    let rest = text[from..].trim_start_matches(is_border).trim_end();
    if rest.trim_end_matches(is_border).is_empty() {
        return Some(GroupLine::Heading(group));
    }
    let Some((bdf, header)) = member(rest) else {
        let begins = |c: char| c.is_ascii_digit() || !c.is_alphanumeric();
        let first = bdf::words(rest)
            .find(|word| !word.is_empty())
            .map(bdf::word);
        let is_damaged = rest.starts_with('[')
            || rest.starts_with(begins) && first.is_some_and(|word| word != Word::Other);
        return is_damaged.then_some(GroupLine::Damaged);
    };
    let others = addresses(&header);
    let is_broken = has_damaged(&header) || others.is_empty() && bdf::is_rest(&header);
    if !header.contains(": ") && is_broken {
        return Some(GroupLine::Damaged);
    }
    if !others.is_empty() && !header.contains(": ") {
        let all: Vec<_> = std::iter::once(bdf).chain(others).collect();
        return Some(several(group, &all, &header));
    }
    // Behind ids, the class follows, which a terminal may have broken.
    if rest.starts_with('[') && !header.is_empty() {
        return Some(GroupLine::Members {
            group,
            members: vec![(bdf, header)],
        });
    }
    Some(members(group, bdf, &header))
}

/// A function, with what lspci prints behind its address. Some scripts print marks and ids in front of the
/// address, and the class in a column of its own: `[1022:790b] [R] 00:14.0  SMBus   FCH SMBus Controller`.
pub(crate) fn member(text: &str) -> Option<(Bdf, String)> {
    let mut ids = None;
    let mut rest = text;
    for _ in 0..4 {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let after = after.trim();
        if let Some(bdf) = bdf::in_word(word) {
            let header = match (ids, after.split_once("  ")) {
                (Some(ids), _) if after.contains(": ") && !after.contains(ids) => {
                    let name = after.find(" (rev ").unwrap_or(after.len());
                    format!("{} {ids}{}", &after[..name], &after[name..])
                }
                (Some(ids), Some((class, name))) if !after.contains(": ") => {
                    format!("{class}: {} {ids}", name.trim())
                }
                _ => after.to_owned(),
            };
            return Some((bdf, header));
        }
        if !word.starts_with('[') {
            return None;
        }
        if word.len() == "[1022:790b]".len() {
            ids = Some(word);
        }
        rest = after;
    }
    None
}

/// The decimal number that a text begins with, and the rest.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<(u32, String, String)> {
        match line(text)? {
            GroupLine::Members { group, members } => {
                let (bdf, header) = members.first()?;
                Some((group, bdf.to_string(), header.clone()))
            }
            _ => None,
        }
    }

    #[test]
    fn each_form_of_a_member() {
        let header = "PCI bridge [0604]: Intel Corporation Device [8086:1901] (rev 07)";
        for text in [
            format!("IOMMU Group 7 00:01.0 {header}"),
            format!("IOMMU Group 7: 0000:00:01.0 {header}"),
            format!("  Group:  7   [8086:1901] [R] 00:01.0  {header}"),
            format!("iommu group 7:\t[8086:1901] 00:01.0 {header}"),
        ] {
            let expected = (7, "0000:00:01.0".to_owned(), header.to_owned());
            assert_eq!(one(&text), Some(expected), "{text}");
        }
        for text in [
            "/sys/kernel/iommu_groups/7/devices/0000:00:01.0",
            "lrwxrwxrwx 1 root root 0 Jan 1 00:00 /sys/kernel/iommu_groups/7/devices/0000:00:01.0 -> ../../../../devices/pci0000:00/0000:00:01.0",
            "/sys/bus/pci/devices/0000:00:01.0/iommu_group -> ../../../kernel/iommu_groups/7",
            "**0000:00:01.0 /sys/kernel/iommu_groups/7**",
            "/sys/kernel/iommu_groups/7/devices/**0000:00:01.0**",
            "GPU: IOMMU Group 7: **00:01.0**",
            "!!! IOMMU Group 7 [00:01.0]",
        ] {
            let expected = (7, "0000:00:01.0".to_owned(), String::new());
            assert_eq!(one(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_line_of_several_entries() {
        for (text, expected) in [
            (
                "[ 0.1] pci 0000:00:01.0: Adding to iommu group 0 [ 0.2] pci 0000:00:02.0: Adding to iommu group 1",
                2,
            ),
            (
                "IOMMU Group 0 00:00.0 Host bridge [0600]: A [8086:3e1f] IOMMU Group 1 00:01.0 PCI bridge [0604]: B",
                2,
            ),
            (
                "/sys/kernel/iommu_groups/5/devices/0000:00:04.0 /sys/kernel/iommu_groups/7/devices/0000:00:07.1",
                2,
            ),
            (
                "/sys/bus/pci/devices/0000:00:01.0/iommu_group -> ../../../kernel/iommu_groups/7 \
                 /sys/bus/pci/devices/0000:00:02.0/iommu_group -> ../../../kernel/iommu_groups/8",
                2,
            ),
            // Controls: one entry each.
            ("pci 0000:00:01.0: Adding to iommu group 7", 1),
            ("IOMMU group 7 is not IOMMU group 8", 1),
            (
                "/sys/bus/pci/devices/0000:00:01.0/iommu_group -> ../../../kernel/iommu_groups/7",
                1,
            ),
        ] {
            let parts = entries(text);
            assert_eq!(parts.len(), expected, "{text}");
            assert_eq!(parts.concat(), text);
            assert!(!parts[0].trim_end().ends_with("IOMMU"), "{parts:?}");
            let lines: Vec<_> = parts.iter().map(|part| line(part)).collect();
            assert!(
                expected == 1 || lines.iter().all(Option::is_some),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn headings_logs_and_prose() {
        for text in [
            "IOMMU Group 7:",
            "### IOMMU group 7",
            "/sys/kernel/iommu_groups/7/devices:",
            "Group 7",
            "[IOMMU group 7]",
        ] {
            assert_eq!(line(text), Some(GroupLine::Heading(7)), "{text}");
        }
        let bdf = bdf::shown("0000:00:01.0").expect("it is an address");
        let log = |group| Some(GroupLine::Log { bdf, group });
        for (text, expected) in [
            (
                "[    0.5] pci 0000:00:01.0: Adding to iommu group 7",
                log(Some(7)),
            ),
            ("iommu: Adding device 0000:00:01.0 to group 7", log(Some(7))),
            ("pci 0000:00:01.0: Removing from iommu group 7", log(None)),
            (
                "arm-smmu a.smmu: Adding to iommu group 7",
                Some(GroupLine::Other),
            ),
            // Damaged, and not of another device.
            (
                "pci 0000:O0:01.0: Adding to iommu group 7",
                Some(GroupLine::Damaged),
            ),
            (
                "pci 0000:00 :01.0: Adding to iommu group 7",
                Some(GroupLine::Damaged),
            ),
            (
                "vfio-pci 0000:00;01.0: Adding to iommu group 7",
                Some(GroupLine::Damaged),
            ),
            (
                "pci 0000:00:01.0: Adding to iommu group #7",
                Some(GroupLine::Damaged),
            ),
            (
                "pci 0000:00:01.0: Adding to iommu gr0up 7",
                Some(GroupLine::Damaged),
            ),
            (
                "pci 0000:00:01.0: Addlng to iommu group 7",
                Some(GroupLine::Damaged),
            ),
            (
                "/sys/kernel/iommu_groups/l/devices/0000:00:01.0",
                Some(GroupLine::Damaged),
            ),
            (
                "/sys/kernel/iommu_groups/1/devices/0000:00:01,0",
                Some(GroupLine::Damaged),
            ),
            (
                "/sys/kernel/iommu_groups/1/devices/0000:0",
                Some(GroupLine::Damaged),
            ),
            (
                "0000:00:0 /sys/kernel/iommu_groups/1",
                Some(GroupLine::Damaged),
            ),
            (
                "OOOO:OO:O1.O /sys/kernel/iommu_groups/1",
                Some(GroupLine::Damaged),
            ),
            ("IOMMU Group 7: 00:01.0, 00:0", Some(GroupLine::Damaged)),
            ("IOMMU group 7:\t[8086:1901] 00:0", Some(GroupLine::Damaged)),
            // The time of a folder is no part of an address.
            (
                "drwxr-xr-x 3 root root 0 Jan 1 12:00 /sys/kernel/iommu_groups/7",
                Some(GroupLine::Heading(7)),
            ),
            (
                "/sys/kernel/iommu_groups/1/devices/fd000000.pcie",
                Some(GroupLine::Other),
            ),
            ("ls /sys/kernel/iommu_groups/*/devices/0000:00:01.0", None),
            ("group 7 is what I want", None),
            ("my IOMMU group 7", None),
            ("\tIOMMU group: 7x", None),
        ] {
            assert_eq!(line(text), expected, "{text}");
        }
    }
}
