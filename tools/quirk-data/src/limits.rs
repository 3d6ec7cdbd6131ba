// SPDX-License-Identifier: GPL-2.0-only

//! The limits of a range of ids, as an entry's file states them.

use std::fmt;

use grouping::handlers;
use rules::limits::Class;
use serde::{Deserialize, Serialize};

/// The limits of a claim within certain ids.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Limits {
    /// The required class, if any.
    #[serde(with = "crate::json_form")]
    pub class: Option<Class>,
    /// The first and the last revision, inclusive, if revisions are limited.
    #[serde(with = "crate::json_form")]
    pub revisions: Option<(u8, u8)>,
    /// The allowed subsystems as vendor and device id, ascending; empty if any will do.
    #[serde(with = "crate::json_form")]
    pub subsystems: Vec<(u16, u16)>,
}

impl Limits {
    /// The same limits for a handler of the kernel.
    #[must_use]
    pub fn of_handler(&self) -> handlers::Limits {
        handlers::Limits {
            class: self.class,
            revisions: self.revisions,
            subsystems: self.subsystems.clone(),
        }
    }
}

/// Writes every limit with its name: `class 0200, revisions 03-ff, subsystems 1028:0010`.
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
