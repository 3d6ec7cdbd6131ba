// SPDX-License-Identifier: GPL-2.0-only

//! The limits of a range of ids, as an entry's file states them.

use std::fmt;

use grouping::handlers::{self, Silicon};
use rules::{entry::Kind, limits::Class, pcie::HeaderLayout};
use serde::{Deserialize, Serialize};
use topology::Function;

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

    /// Whether functions of a kind can have the class. Ports are bridges, and the kernel rejects an endpoint
    /// header with the class of a PCI bridge (`pci_setup_device()` in `drivers/pci/probe.c`).
    #[must_use]
    pub fn allow(&self, kind: Kind) -> bool {
        let Some(class) = self.class else { return true };
        let (code, _) = codes(class);
        match kind.layout() {
            HeaderLayout::Bridge => code >> 16 == 0x06,
            HeaderLayout::Endpoint => code >> 8 != 0x0604,
        }
    }

    /// Whether no function can be within both limits.
    pub(crate) fn are_apart(&self, other: &Self) -> bool {
        let classes = self.class.map(codes).zip(other.class.map(codes));
        let revisions = self.revisions.zip(other.revisions);
        let (own, others) = (&self.subsystems, &other.subsystems);
        classes.is_some_and(|(one, other)| one.1 < other.0 || other.1 < one.0)
            || revisions.is_some_and(|(one, other)| one.1 < other.0 || other.1 < one.0)
            || !own.is_empty() && !others.is_empty() && !own.iter().any(|one| others.contains(one))
    }

    /// Adds the property of this function by which it is beyond `others`, so that the limits leave
    /// out what is within these.
    pub(crate) fn leave_out(&mut self, others: &Self, function: &Function) {
        let silicon = Silicon::of(function);
        let class = |class| Self {
            class,
            ..Self::default()
        };
        let subclass = silicon.class.and_then(|code| u16::try_from(code >> 8).ok());
        let properties = [
            class(subclass.map(Class::Subclass)),
            class(silicon.class.map(Class::Interface)),
            Self {
                revisions: silicon.revision.map(|revision| (revision, revision)),
                ..Self::default()
            },
            Self {
                subsystems: silicon.subsystem.into_iter().collect(),
                ..Self::default()
            },
        ];
        let mut apart = properties.into_iter().filter(|one| one.are_apart(others));
        let property = apart
            .next()
            .filter(|_| !self.are_apart(others))
            .unwrap_or_default();
        self.class = property.class.or(self.class);
        self.revisions = property.revisions.or(self.revisions);
        if self.subsystems.is_empty() {
            self.subsystems = property.subsystems;
        }
    }
}

/// The first and the last code of a class, 24 bits.
const fn codes(class: Class) -> (u32, u32) {
    match class {
        Class::Subclass(class) => ((class as u32) << 8, ((class as u32) << 8) | 0xff),
        Class::Interface(class) => (class, class),
    }
}

/// Writes every limit with its name: `class 0200, revisions 03-ff, subsystems 1028:0010`.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.class.map(|class| format!("class {class}"));
        let revisions = self.revisions.map(|(first, last)| {
            if first == last {
                format!("revision {first:02x}")
            } else {
                format!("revisions {first:02x}-{last:02x}")
            }
        });
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
