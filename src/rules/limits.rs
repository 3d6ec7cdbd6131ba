// SPDX-License-Identifier: GPL-2.0-only

//! The limits of an entry's claim within its ids: class, revisions and subsystems.
//!
//! A vendor may use one id for several kinds of silicon, or may have fixed the silicon in a later
//! revision.

use core::fmt;

use super::{
    config::{Config, Unreadable},
    device::Function,
    pcie::HeaderLayout, //
};

/// A class code, with or without the programming interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Base class and subclass (16 bits), with any programming interface.
    Subclass(u16),
    /// Base class, subclass and programming interface (24 bits).
    Interface(u32),
}

impl Class {
    /// Whether the Class Code register value `found` (24 bits) has this class.
    pub const fn has(self, found: u32) -> bool {
        match self {
            Self::Subclass(class) => found >> 8 == class as u32,
            Self::Interface(class) => found == class,
        }
    }
}

/// Writes four hexadecimal digits, or six with the programming interface.
impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subclass(class) => write!(f, "{class:04x}"),
            Self::Interface(class) => write!(f, "{class:06x}"),
        }
    }
}

/// The limits of one range of ids. A function must satisfy all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The required class, if any.
    pub class: Option<Class>,
    /// The first revision, inclusive.
    pub first_revision: u8,
    /// The last revision, inclusive; not below the first.
    pub last_revision: u8,
    /// The allowed subsystems as vendor and device id, ascending; empty if any will do. Only a type
    /// 0 header has the subsystem ids at the offset that is read.
    pub subsystems: &'static [(u16, u16)],
}

impl Limits {
    /// No limit: every function with the ids.
    pub const NONE: Self = Self {
        class: None,
        first_revision: u8::MIN,
        last_revision: u8::MAX,
        subsystems: &[],
    };

    /// Whether some revisions are excluded.
    pub const fn limit_revisions(&self) -> bool {
        self.first_revision > u8::MIN || self.last_revision < u8::MAX
    }

    /// The first limit that the function violates; `None` if it satisfies all.
    ///
    /// Reads two dwords at most.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if a read fails or the budget is spent, and for a bridge when subsystems are
    /// limited.
    pub fn excess<F: Function>(
        &self,
        config: &Config<'_, F>,
        devfn: u8,
        layout: HeaderLayout,
    ) -> Result<Option<Excess>, Unreadable> {
        if self.class.is_some() || self.limit_revisions() {
            let (class, revision) = config.class_and_revision(devfn)?;
            if self.class.is_some_and(|wanted| !wanted.has(class)) {
                return Ok(Some(Excess::Class(class)));
            }
            if revision < self.first_revision || revision > self.last_revision {
                return Ok(Some(Excess::Revision(revision)));
            }
        }
        if !self.subsystems.is_empty() {
            if layout != HeaderLayout::Endpoint {
                return Err(Unreadable { devfn });
            }
            let (vendor, device) = config.subsystem(devfn)?;
            if self.subsystems.binary_search(&(vendor, device)).is_err() {
                return Ok(Some(Excess::Subsystem(vendor, device)));
            }
        }
        Ok(None)
    }

    /// Whether the limits are well formed: a class of at most 24 bits, an ascending range of
    /// revisions, and ascending subsystems with valid vendor ids.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "evaluated at compile time, where a fault is a build error"
    )]
    pub const fn is_sound(&self) -> bool {
        if matches!(self.class, Some(Class::Interface(class)) if class > 0x00ff_ffff) {
            return false;
        }
        if self.first_revision > self.last_revision {
            return false;
        }
        let mut at = 0;
        while at < self.subsystems.len() {
            let (vendor, device) = self.subsystems[at];
            if vendor == 0x0000 || vendor == 0xffff {
                return false;
            }
            if at > 0 {
                let before = self.subsystems[at - 1];
                if before.0 > vendor || (before.0 == vendor && before.1 >= device) {
                    return false;
                }
            }
            at += 1;
        }
        true
    }
}

/// The property by which a function violates a limit, as read from the function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Excess {
    /// The class code, 24 bits.
    Class(u32),
    /// The revision.
    Revision(u8),
    /// Subsystem vendor and device id.
    Subsystem(u16, u16),
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(class) => write!(f, "class {class:06x}"),
            Self::Revision(revision) => write!(f, "revision {revision:02x}"),
            Self::Subsystem(vendor, device) => write!(f, "subsystem {vendor:04x}:{device:04x}"),
        }
    }
}
