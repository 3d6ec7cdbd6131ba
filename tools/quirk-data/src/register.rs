// SPDX-License-Identifier: GPL-2.0-only

//! Registers in configuration space, as an entry's file states them: required values, and the
//! kernel's writes.

use std::fmt;

use rules::condition::{Condition, Place};
use serde::{Deserialize, Serialize};

/// Bits of a register in configuration space.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Register {
    /// The base of the offset.
    #[serde(with = "crate::stored")]
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

/// A register value that an entry requires (`[[condition]]`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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

/// A register write of the kernel before its handler answers (`[[program]]`). The module never
/// writes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Write {
    /// The register and the written bits; the others keep their value.
    pub register: Register,
    /// The written value.
    pub value: Written,
    /// The effect of the write.
    pub about: String,
}

/// A value written to the bits of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Written {
    /// These bits; none outside the mask.
    Bits(u32),
    /// Sets the bits of the mask that the device's ACS Capability register has, and clears none.
    AsCapable,
}

impl Written {
    /// The text in entries for [`Written::AsCapable`].
    pub const AS_CAPABLE: &str = "as-capable";

    /// The value in the form of entries.
    #[must_use]
    pub fn text(self, register: &Register) -> String {
        match self {
            Self::Bits(bits) => register.bits(bits),
            Self::AsCapable => Self::AS_CAPABLE.to_owned(),
        }
    }
}
