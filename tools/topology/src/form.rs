// SPDX-License-Identifier: GPL-2.0-only

//! Names the form of a text that shows too little, and the command that shows more.

use crate::{Error, Topology, lspci::AGAIN, text::Line};

/// Whether the source shows the capabilities of a function.
#[must_use]
pub fn has_capabilities(topology: &Topology) -> bool {
    topology.functions.iter().any(|one| one.pcie_known)
}

/// The problem and the remedy if the source shows no capabilities, on which the groups depend.
#[must_use]
pub fn lacks_capabilities(topology: &Topology) -> Option<(String, &'static str)> {
    if has_capabilities(topology) {
        return None;
    }
    let has = |what: &str| topology.evidence.iter().any(|one| one == what);
    let what = if has("kernel log") {
        "a kernel log, which shows groups"
    } else if has("group list") {
        "a list of groups"
    } else if has("sysfs") {
        "a reading without root rights"
    } else {
        "a list of functions"
    };
    let problem = format!("is {what} and no capabilities of functions, on which the groups depend");
    let remedy = if has("sysfs") {
        "capture the machine as root with \"acsctl capture\""
    } else {
        AGAIN
    };
    Some((problem, remedy))
}

/// The error for a text in which no function and no group was found.
pub(crate) fn unread(name: &str, lines: &[Line]) -> Error {
    if lines.iter().all(|line| line.text.is_empty()) {
        return Error::at(name, "", "is empty", AGAIN);
    }
    let problem = match form(lines) {
        Some(what) => {
            format!("is neither a capture nor output of lspci -vvv; it looks like {what}")
        }
        None => {
            "is neither a capture nor output of lspci -vvv: no line begins with the address and \
                 the class of a function"
                .to_owned()
        }
    };
    Error::at(name, "", problem, AGAIN)
}

/// The form of a text that has no functions.
fn form(lines: &[Line]) -> Option<&'static str> {
    let has = |is: &dyn Fn(&str) -> bool| lines.iter().any(|line| is(&line.text));
    let is_tree = |text: &str| {
        let text = text.trim_start_matches(['-', '+', '|', ' ', '\\']);
        (text.starts_with('[') && text.contains("]-"))
            || text.contains("]--")
            || text.contains(".0-[")
    };
    let is_quoted = |text: &str| text.matches("\" \"").count() >= 2;
    if has(&is_tree) {
        return Some("lspci -t, which shows no capabilities");
    }
    if has(&is_quoted) {
        return Some("lspci -mm, which shows no capabilities");
    }
    if has(&|text| text.starts_with("Slot:")) {
        return Some("lspci -vmm, which shows no capabilities");
    }
    let is_log = |text: &str| {
        text.starts_with('[') && text.contains("] ") && text.contains(':')
            || text.contains(" kernel: ")
    };
    if has(&is_log) {
        return Some("a kernel log without groups");
    }
    None
}
