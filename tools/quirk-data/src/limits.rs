// SPDX-License-Identifier: GPL-2.0-only

//! The limits of a range of ids, as a data file states them.

use std::fmt;

use rules::limits::Class;

/// For which of the functions with certain ids an entry speaks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// The class that they must be of, if there is one.
    pub class: Option<Class>,
    /// The first and the last revision, if there are any.
    pub revisions: Option<(u8, u8)>,
    /// Subsystem vendor and device ids, ascending; none where any will do.
    pub subsystems: Vec<(u16, u16)>,
}

/// Every limit behind its name, `class 0200, revisions 03-ff, subsystems 1028:0010`.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.class.map(|class| format!("class {class}"));
        let revisions = self
            .revisions
            .map(|(first, last)| format!("revisions {first:02x}-{last:02x}"));
        let subsystems = self
            .subsystems
            .iter()
            .map(|(vendor, device)| format!("subsystem {vendor:04x}:{device:04x}"));
        let all: Vec<_> = class
            .into_iter()
            .chain(revisions)
            .chain(subsystems)
            .collect();
        f.write_str(&all.join(", "))
    }
}
