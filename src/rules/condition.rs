// SPDX-License-Identifier: GPL-2.0-only

//! A condition: bits of a configuration register that must have a given value for an entry to
//! count.
//!
//! A device may be isolated only while firmware or a driver has configured it so. The module reads
//! the register when the kernel asks, and never writes configuration space.

use core::fmt;

use super::{
    config::{Config, Unreadable},
    device::Function, //
};

/// The base that a condition's offset counts from.
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
    /// The number of bytes an offset from this base can span. Capabilities lie in 40h to ffh,
    /// extended capabilities in 100h to fffh.
    pub const fn size(self) -> u16 {
        match self {
            Self::Config => 0x1000,
            Self::Capability(_) => 0x100 - 0x40,
            Self::Extended(_) => 0x1000 - 0x100,
        }
    }
}

/// Writes the form that the entries use: `config`, `capability:10`, `extended:000b`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Capability(id) => write!(f, "capability:{id:02x}"),
            Self::Extended(id) => write!(f, "extended:{id:04x}"),
        }
    }
}

/// Bits of one dword that must have a given value in every function of the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Condition {
    /// The base of the offset. The condition fails for a function without that capability.
    pub at: Place,
    /// Offset of the dword from the base, in bytes; a multiple of 4.
    pub offset: u16,
    /// The bits that are compared; not 0.
    pub mask: u32,
    /// The value of the compared bits. Bits outside the mask are 0.
    pub value: u32,
}

impl Condition {
    /// The largest number of conditions that an entry may have.
    pub const MAX: usize = 4;

    /// Whether the condition holds for the function at `devfn`.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if a read fails, the budget is spent, or a capability list is malformed.
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
        // A capability too close to the end to contain this register is not the capability that the
        // entry means.
        let register = start
            .and_then(|start| start.checked_add(self.offset))
            .filter(|&register| register < end);
        match register {
            Some(register) => Ok(config.read(devfn, register)? & self.mask == self.value),
            None => Ok(false),
        }
    }

    /// Whether the condition can be evaluated and can hold: an aligned dword within the base, a
    /// mask, and no value bit outside the mask.
    pub const fn is_sound(&self) -> bool {
        self.offset % 4 == 0
            && self.offset < self.at.size()
            && self.mask != 0
            && self.value & !self.mask == 0
            // An absent function reads as all ones.
            && self.value != u32::MAX
    }
}
