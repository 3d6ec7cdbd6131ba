// SPDX-License-Identifier: GPL-2.0-only

//! Preconditions: what a register must say for an entry to count.
//!
//! A device may be isolated only while firmware or a driver has set it up so. The module looks
//! whether that is done; it never does it, for it writes nothing into configuration space.

use core::fmt;

use super::{
    config::{Config, Unreadable},
    device::Function, //
};

/// Where an offset counts from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The start of configuration space.
    Config,
    /// The first capability with this id, as `pci_find_capability()` finds it.
    Capability(u8),
    /// The first extended capability with this id, as `pci_find_ext_capability()` finds it.
    Extended(u16),
}

impl Place {
    /// How many bytes there are from there on: capabilities begin at 40h and end at 100h, where
    /// extended ones begin.
    pub const fn size(self) -> u16 {
        match self {
            Self::Config => 0x1000,
            Self::Capability(_) => 0x100 - 0x40,
            Self::Extended(_) => 0x1000 - 0x100,
        }
    }
}

/// As the data files have it: `config`, `capability:10`, `extended:000b`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Capability(id) => write!(f, "capability:{id:02x}"),
            Self::Extended(id) => write!(f, "extended:{id:04x}"),
        }
    }
}

/// Bits of one dword that must have a certain value, in every function of a package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Condition {
    /// Where the offset counts from. A function that has no such capability does not fulfil it.
    pub at: Place,
    /// Offset of the dword.
    pub offset: u16,
    /// The bits to look at.
    pub mask: u32,
    /// What they must be; no bit beside the mask.
    pub value: u32,
}

impl Condition {
    /// Most conditions that an entry may have.
    pub const MAX: usize = 4;

    /// Whether it holds for a function.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], also when the lists of capabilities make no sense.
    pub fn holds<F: Function>(
        &self,
        config: &Config<'_, F>,
        devfn: u8,
    ) -> Result<bool, Unreadable> {
        let (start, end) = match self.at {
            Place::Config => (Some(0), 0x1000),
            Place::Capability(id) => (config.capability(devfn, id)?.map(|(at, _)| at), 0x100),
            Place::Extended(id) => (config.ext_capability(devfn, id)?, 0x1000),
        };
        // A capability that stands so late that it has no such register is not the one meant.
        let register = start
            .and_then(|start| start.checked_add(self.offset))
            .filter(|&register| register < end);
        match register {
            Some(register) => Ok(config.read(devfn, register)? & self.mask == self.value),
            None => Ok(false),
        }
    }

    /// Whether the condition makes sense: a dword that there is, and bits that can have the value.
    pub const fn is_sound(&self) -> bool {
        self.offset % 4 == 0
            && self.offset < self.at.size()
            && self.mask != 0
            && self.value & !self.mask == 0
            // What an absent function reads as.
            && self.value != u32::MAX
    }
}
