// SPDX-License-Identifier: GPL-2.0-only

//! Registers in configuration space, as a data file states them: what must stand there, and what the
//! kernel writes there.

use std::fmt;

use rules::condition::{Condition, Place};

/// Bits of a register in configuration space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Register {
    /// Where the offset counts from.
    pub at: Place,
    /// Where the register begins, a multiple of its width.
    pub offset: u16,
    /// Its width in bits, one of [`Register::WIDTHS`].
    pub width: u8,
    /// The bits that matter.
    pub mask: u32,
}

impl Register {
    /// The widths that a register can have.
    pub const WIDTHS: [u8; 3] = [8, 16, 32];

    /// Bits of the register as the data files write them, `0x00ff`.
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

/// What a register must say for an entry to count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Precondition {
    /// The register and its bits.
    pub register: Register,
    /// What they must be; no bit beside the mask.
    pub value: u32,
    /// What they say, and who sets them.
    pub about: String,
}

impl Precondition {
    /// The same as bits of a dword, which is what is read.
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

/// What the kernel writes into a register before its handler answers. No module makes such a write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    /// The register, and the bits that are written; the others stay as they are.
    pub register: Register,
    /// What is written.
    pub value: Written,
    /// What that does.
    pub about: String,
}

/// What is written into the bits of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// These bits; none beside the mask.
    Bits(u32),
    /// Those bits of the mask are set that the ACS Capability register of the device has; none is
    /// cleared.
    AsCapable,
}

impl Written {
    /// What the data files write for [`Written::AsCapable`].
    pub const AS_CAPABLE: &str = "as-capable";

    /// As the data files write it.
    #[must_use]
    pub fn text(self, register: &Register) -> String {
        match self {
            Self::Bits(bits) => register.bits(bits),
            Self::AsCapable => Self::AS_CAPABLE.to_owned(),
        }
    }
}
