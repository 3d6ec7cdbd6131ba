// SPDX-License-Identifier: GPL-2.0-only

//! The state of a loaded module, parsed from its debugfs file `hook` (`src/driver/status.rs` and
//! `src/driver/missing.rs`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// Whether a module's hook has an effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hook {
    /// The kernel calls the hook.
    Effective,
    /// The module could not find out; the reason.
    Unproven(String),
    /// The hook changes nothing; the reason.
    Ineffective(String),
    /// The file `hook` cannot be read or understood; the reason.
    Unseen(String),
}

/// Whether the running kernel has a quirk of its own for the ids of an entry, as the module
/// measured it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measured {
    /// For none of them.
    Lacks,
    /// For each of them.
    Has,
    /// For some of them.
    HasPart,
    /// The module did not or could not measure it.
    Unknown,
}

/// What the module measured for each entry, by the entry's number.
pub type MeasuredEntries = BTreeMap<u16, Measured>;

/// The lines of the file `hook` that have nothing to do with single entries.
const OTHER_LINES: [&str; 6] = [
    "state",
    "reason",
    "function",
    "calls",
    "missed",
    "built with",
];

/// Parses the state of the hook: the lines `state` and `reason`.
pub(super) fn parse_state(text: &str) -> Hook {
    let value = |name| {
        let mut lines = text.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(found, _)| *found == name);
        found.map(|(_, value)| value.trim().to_owned())
    };
    let reason = value("reason").unwrap_or_default();
    match value("state").as_deref() {
        Some("effective") => Hook::Effective,
        Some("ineffective") => Hook::Ineffective(reason),
        Some("unproven") => Hook::Unproven(reason),
        _ => Hook::Unseen("the module's file \"hook\" has no known state".to_owned()),
    }
}

/// Parses the lines on what the kernel has, for example `kernel lacks: 17,18`. `names` are those of
/// the module's table. `None` if the file has no such line: older modules do not measure, and an
/// empty table has nothing to measure.
///
/// # Errors
///
/// The line that cannot be parsed, and what is wrong with it.
pub(super) fn parse_measured(
    text: &str,
    names: &BTreeMap<u16, String>,
) -> Result<Option<MeasuredEntries>, String> {
    let mut all = MeasuredEntries::new();
    for (line_number, line) in (1..).zip(text.lines()) {
        let in_line = |problem: String| format!("line {line_number}: {problem}");
        let unknown = || {
            in_line(format!(
                "\"{line}\" is unknown; is the file from another version of acs-quirks?"
            ))
        };
        let (name, value) = line.split_once(':').ok_or_else(unknown)?;
        let measured = match name {
            "kernel lacks" => Measured::Lacks,
            "kernel has" => Measured::Has,
            "kernel has part of" => Measured::HasPart,
            "kernel unknown" => Measured::Unknown,
            _ if OTHER_LINES.contains(&name) => continue,
            _ => return Err(unknown()),
        };
        for entry in value.trim().split(',') {
            let number = entry
                .parse()
                .map_err(|_| in_line(format!("\"{entry}\" is not a number")))?;
            if !names.contains_key(&number) {
                let problem = format!("entry {number} is not in the module's file \"table\"");
                return Err(in_line(problem));
            }
            if all.insert(number, measured).is_some() {
                return Err(in_line(format!("entry {number} is listed twice")));
            }
        }
    }
    Ok(Some(all).filter(|all| !all.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines before those on the kernel.
    const STATE: &str = "state: effective\nreason: the kernel's questions reach the hook\n\
                         function: pci_dev_specific_acs_enabled\ncalls: 3\nmissed: 0\n\
                         built with: headers\n";

    fn names() -> BTreeMap<u16, String> {
        let numbers = [1, 2, 3, 4, 5, 7, 17].into_iter();
        numbers
            .map(|number| (number, format!("acme/{number}")))
            .collect()
    }

    #[test]
    fn each_form_of_line_is_read() {
        let text = format!(
            "{STATE}kernel lacks: 1,3\nkernel has: 17\nkernel has part of: 4\nkernel unknown: 5\n"
        );
        assert_eq!(parse_state(&text), Hook::Effective);
        let measured = BTreeMap::from([
            (1, Measured::Lacks),
            (3, Measured::Lacks),
            (4, Measured::HasPart),
            (5, Measured::Unknown),
            (17, Measured::Has),
        ]);
        assert_eq!(parse_measured(&text, &names()), Ok(Some(measured)));
    }

    /// The control: the state of an older module is read.
    #[test]
    fn a_file_without_the_lines_is_read() {
        assert_eq!(parse_measured(STATE, &names()), Ok(None));
        assert_eq!(parse_state(STATE), Hook::Effective);
    }

    #[test]
    fn a_damaged_line_is_reported() {
        for (line, problem) in [
            ("kernel lacks", "is unknown"),
            ("kernel lack: 1", "is unknown"),
            ("kernel: 1", "is unknown"),
            ("", "is unknown"),
            ("kernel lacks: ", "\"\" is not a number"),
            ("kernel lacks: 1,", "\"\" is not a number"),
            ("kernel lacks: 1;3", "\"1;3\" is not a number"),
            ("kernel lacks: 70000", "\"70000\" is not a number"),
            ("kernel lacks: 77", "entry 77 is not in the module's file"),
            ("kernel lacks: 2", "entry 2 is listed twice"),
            ("kernel has part of: 7,7", "entry 7 is listed twice"),
        ] {
            let text = format!("{STATE}kernel has: 2\n{line}\n");
            let error = parse_measured(&text, &names()).expect_err(line);
            assert!(
                error.starts_with("line 8: ") && error.contains(problem),
                "{error}"
            );
        }
    }
}
