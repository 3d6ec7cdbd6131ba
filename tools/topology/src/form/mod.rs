// SPDX-License-Identifier: GPL-2.0-only

//! Names the form of a text that shows too little or cannot be read, and the command that shows more.
//!
//! | file | contents |
//! |---|---|
//! | `copy.rs` | copies with other lines than the text had |
//! | `document.rs` | JSON of other programs |
//! | `system.rs` | programs of other operating systems |

mod copy;
mod document;
mod system;

pub(crate) use document::is_capture;

use crate::{
    Error, Topology,
    groups::{self, GroupLine},
    lspci::{self, AGAIN},
    text::Line,
};

/// Whether a line begins a function, is a detail that only lspci prints, or names a group.
pub(crate) fn is_of_machine(text: &str) -> bool {
    lspci::begins_function(text)
        || lspci::is_detail_of_lspci(text)
        || !matches!(groups::line(text), None | Some(GroupLine::Other))
}

/// Refuses a text whose lines cannot be read one by one.
///
/// # Errors
///
/// [`Error`] with the line that shows it.
pub(crate) fn check(name: &str, lines: &[Line]) -> Result<(), Error> {
    copy::check(name, lines)?;
    system::check(name, lines)
}

/// The problem and the remedy if the source shows no capabilities, on which the groups depend.
#[must_use]
pub fn lacks_capabilities(topology: &Topology) -> Option<(String, &'static str)> {
    if topology.has_capabilities() {
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

/// Programs whose output shows no capabilities, with what only they print, in lower case.
const PROGRAMS: [(&str, &str); 7] = [
    (document::LSHW, "lshw -json"),
    ("bus info: pci@", "lshw"),
    ("pci@0000:", "lshw -businfo"),
    ("h/w path", "lshw -short"),
    ("sysfs busid:", "hwinfo"),
    ("bus-id:", "inxi"),
    ("bus address:", "dmidecode"),
];

/// The form of a text that has no functions.
fn form(lines: &[Line]) -> Option<String> {
    let has = |is: &dyn Fn(&str) -> bool| lines.iter().any(|line| is(&line.text));
    let is_tree = |text: &str| {
        let text = text.trim_start_matches(['-', '+', '|', ' ', '\\']);
        (text.starts_with('[') && text.contains("]-"))
            || text.contains("]--")
            || text.contains(".0-[")
    };
    let is_quoted = |text: &str| text.matches("\" \"").count() >= 2;
    let shows_none = |what: &str| Some(format!("{what}, which shows no capabilities"));
    if has(&is_tree) {
        return shows_none("lspci -t");
    }
    if has(&is_quoted) {
        return shows_none("lspci -mm");
    }
    if has(&|text| text.starts_with("Slot:")) {
        return shows_none("lspci -vmm");
    }
    let is_log = |text: &str| {
        text.starts_with('[') && text.contains("] ") && text.contains(':')
            || text.contains(" kernel: ")
    };
    if has(&|text| text.contains(" is not viable")) {
        return Some(
            "a message of VFIO that a function of the group has another driver".to_owned(),
        );
    }
    if has(&is_log) {
        return Some("a kernel log without groups".to_owned());
    }
    let has_sign = |sign: &str| has(&|text| text.to_ascii_lowercase().contains(sign));
    let program = PROGRAMS.iter().find(|(sign, _)| has_sign(sign));
    program.and_then(|(_, program)| shows_none(program))
}
