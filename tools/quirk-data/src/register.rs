// SPDX-License-Identifier: GPL-2.0-only

//! Registers in configuration space, as an entry's file states them: required values, and the
//! kernel's writes.

use std::fmt;

use rules::condition::{Condition, Place};
use serde::{Deserialize, Serialize};

use crate::notation;

/// Bits of a register in configuration space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Register {
    /// The base of the offset.
    pub at: Place,
    /// The offset from the base, in bytes; a multiple of the width.
    pub offset: u16,
    /// The width in bits, one of [`Register::WIDTHS`].
    pub width: u8,
    /// The selected bits.
    pub mask: u32,
}

impl Register {
    /// The possible widths.
    pub const WIDTHS: [u8; 3] = [8, 16, 32];

    /// Formats bits of the register as entries do: `0x00ff`.
    #[must_use]
    pub fn bits(&self, bits: u32) -> String {
        let digits = usize::from(self.width / 4);
        format!("0x{bits:0digits$x}")
    }
}

/// Writes `capability:10 + 0x08, 16 bits, mask 0x00ff`.
impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, offset, width) = (self.at, self.offset, self.width);
        let mask = self.bits(self.mask);
        write!(f, "{at} + {offset:#04x}, {width} bits, mask {mask}")
    }
}

/// The JSON form of a `[[condition]]` or `[[program]]`, with the keys of the file. The width sets
/// the number of digits in the mask and the value.
#[derive(Serialize, Deserialize)]
struct Keys {
    #[serde(with = "crate::json_form")]
    at: Place,
    offset: u16,
    width: u8,
    mask: String,
    value: String,
    about: String,
}

impl Keys {
    fn new(register: &Register, value: String, about: String) -> Self {
        Self {
            at: register.at,
            offset: register.offset,
            width: register.width,
            mask: register.bits(register.mask),
            value,
            about,
        }
    }

    fn register(&self) -> Option<Register> {
        Some(Register {
            at: self.at,
            offset: self.offset,
            width: self.width,
            mask: notation::bits(&self.mask, self.width)?,
        })
    }
}

/// A register value that an entry requires (`[[condition]]`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "Keys", try_from = "Keys")]
pub struct Precondition {
    /// The register and the compared bits.
    pub register: Register,
    /// The required value; no bit outside the mask.
    pub value: u32,
    /// The meaning of the bits, and what sets them.
    pub about: String,
}

impl Precondition {
    /// The same condition on a dword, which is the unit that the module reads.
    #[must_use]
    pub fn in_dword(&self) -> Condition {
        let Register {
            at, offset, mask, ..
        } = self.register;
        let shift = 8 * (offset % 4);
        Condition {
            at,
            offset: offset - offset % 4,
            mask: mask << shift,
            value: self.value << shift,
        }
    }
}

impl From<Precondition> for Keys {
    fn from(condition: Precondition) -> Self {
        let Precondition {
            register,
            value,
            about,
        } = condition;
        Self::new(&register, register.bits(value), about)
    }
}

impl TryFrom<Keys> for Precondition {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let value = notation::bits(&keys.value, keys.width);
        let (Some(register), Some(value)) = (keys.register(), value) else {
            return Err("no register has these bits");
        };
        Ok(Self {
            register,
            value,
            about: keys.about,
        })
    }
}

/// A register write of the kernel before its handler answers (`[[program]]`). The module never
/// writes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "Keys", try_from = "Keys")]
pub struct Write {
    /// The register and the written bits; the others keep their value.
    pub register: Register,
    /// The written value.
    pub value: Written,
    /// The effect of the write.
    pub about: String,
}

impl From<Write> for Keys {
    fn from(write: Write) -> Self {
        let Write {
            register,
            value,
            about,
        } = write;
        Self::new(&register, value.text(&register), about)
    }
}

impl TryFrom<Keys> for Write {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let value = Written::read(&keys.value, keys.width);
        let (Some(register), Some(value)) = (keys.register(), value) else {
            return Err("no register has these bits");
        };
        Ok(Self {
            register,
            value,
            about: keys.about,
        })
    }
}

/// A value written to the bits of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// These bits; none outside the mask.
    Bits(u32),
    /// Sets the bits of the mask that the device's ACS Capability register has, and clears none.
    AsCapable,
}

impl Written {
    /// The text in entries for [`Written::AsCapable`].
    pub const AS_CAPABLE: &str = "as-capable";

    /// Reads the form of entries.
    fn read(text: &str, width: u8) -> Option<Self> {
        if text == Self::AS_CAPABLE {
            return Some(Self::AsCapable);
        }
        notation::bits(text, width).map(Self::Bits)
    }

    /// The value in the form of entries.
    #[must_use]
    pub fn text(self, register: &Register) -> String {
        match self {
            Self::Bits(bits) => register.bits(bits),
            Self::AsCapable => Self::AS_CAPABLE.to_owned(),
        }
    }
}
