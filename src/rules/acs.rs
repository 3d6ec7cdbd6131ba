// SPDX-License-Identifier: GPL-2.0-only

//! ACS flags: Access Control Services as a set of bits.

use core::fmt;

/// A set of ACS flags, in the layout of the ACS Capability register.
///
/// PCI Express Base Specification, section 7.7.11.2 (ACS Capability Register);
/// `PCI_ACS_*` in `include/uapi/linux/pci_regs.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcsFlags(u16);

impl AcsFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// Source Validation.
    pub const SV: Self = Self(0x01);
    /// Translation Blocking.
    pub const TB: Self = Self(0x02);
    /// P2P Request Redirect.
    pub const RR: Self = Self(0x04);
    /// P2P Completion Redirect.
    pub const CR: Self = Self(0x08);
    /// Upstream Forwarding.
    pub const UF: Self = Self(0x10);
    /// P2P Egress Control.
    pub const EC: Self = Self(0x20);
    /// Direct Translated P2P.
    pub const DT: Self = Self(0x40);

    /// What the grouping code asks of each function: `REQ_ACS_FLAGS` in `drivers/iommu/iommu.c`.
    pub const GROUPING: Self = Self::SV.union(Self::RR).union(Self::CR).union(Self::UF);

    /// Each flag with its abbreviation, in register order.
    pub const NAMED: [(&'static str, Self); 7] = [
        ("SV", Self::SV),
        ("TB", Self::TB),
        ("RR", Self::RR),
        ("CR", Self::CR),
        ("UF", Self::UF),
        ("EC", Self::EC),
        ("DT", Self::DT),
    ];

    /// The flags whose bits are set in `bits`; bits that no flag has are kept, so that a request
    /// for something unknown is never taken for granted.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The register value.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The flags of either set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags of both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether every flag of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Writes the abbreviations, `SV RR CR UF`; bits without a name follow as one hexadecimal number.
impl fmt::Display for AcsFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut separator = "";
        for (name, flag) in Self::NAMED {
            if self.contains(flag) {
                write!(f, "{separator}{name}")?;
                separator = " ";
                rest &= !flag.0;
            }
        }
        match (rest, separator) {
            (0, "") => f.write_str("none"),
            (0, _) => Ok(()),
            _ => write!(f, "{separator}{rest:#x}"),
        }
    }
}
