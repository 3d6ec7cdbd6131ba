// SPDX-License-Identifier: GPL-2.0-only

//! A set of ACS flags.
//!
//! The flags are the services of Access Control Services: PCI Express Base Specification 6.0,
//! section 6.12.1.1 for downstream ports (root ports and the downstream ports of a switch),
//! 6.12.1.2 for functions of a multi-function device, and 6.12.3 for how the peer-to-peer flags
//! work together.

use core::fmt;

/// A set of ACS flags, one bit each, laid out as the ACS Capability and ACS Control registers.
///
/// PCI Express Base Specification 6.0, sections 7.7.11.2 and 7.7.11.3; `PCI_ACS_*` in
/// `include/uapi/linux/pci_regs.h`. A flag means that the service is implemented (capability),
/// enabled (control), asked for, or granted by an entry; the context of the set determines which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcsFlags(u16);

impl AcsFlags {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// ACS Source Validation: the port checks the bus number in the requester ID of each request
    /// from below against its secondary to subordinate bus range, and blocks the request if it lies
    /// outside.
    pub const SV: Self = Self(0x01);
    /// ACS Translation Blocking: the port blocks memory requests from below whose Address Type
    /// field is not the default, such as requests that claim an address already translated.
    pub const TB: Self = Self(0x02);
    /// ACS P2P Request Redirect: peer-to-peer requests go upstream to the root complex, which
    /// validates them, instead of directly to the peer.
    pub const RR: Self = Self(0x04);
    /// ACS P2P Completion Redirect: peer-to-peer completions without the Relaxed Ordering attribute
    /// go upstream to the root complex instead of directly to the peer.
    pub const CR: Self = Self(0x08);
    /// ACS Upstream Forwarding: the port forwards upstream a request or completion that came from
    /// below it and targets its own downstream side again, instead of turning it around at the
    /// port.
    pub const UF: Self = Self(0x10);
    /// ACS P2P Egress Control: the Egress Control Vector (section 7.7.11.4) selects, for each
    /// target, whether peer-to-peer requests are blocked. With P2P Request Redirect also enabled,
    /// the vector selects between redirected and direct instead (section 6.12.3), so this flag can
    /// weaken isolation.
    pub const EC: Self = Self(0x20);
    /// ACS Direct Translated P2P: when enabled, the component ALLOWS peer-to-peer memory requests
    /// with a translated address to go directly to the peer, regardless of P2P Request Redirect and
    /// P2P Egress Control. This flag can weaken isolation.
    pub const DT: Self = Self(0x40);

    /// The flags that the grouping code asks of each function: `REQ_ACS_FLAGS` in
    /// `drivers/iommu/iommu.c`.
    pub const GROUPING: Self = Self::SV.union(Self::RR).union(Self::CR).union(Self::UF);

    /// Each named flag with its abbreviation, in register order.
    pub const NAMED: [(&'static str, Self); 7] = [
        ("SV", Self::SV),
        ("TB", Self::TB),
        ("RR", Self::RR),
        ("CR", Self::CR),
        ("UF", Self::UF),
        ("EC", Self::EC),
        ("DT", Self::DT),
    ];

    /// The set with these bits. Bits without a name are kept: an entry that does not grant them
    /// does not satisfy a request for them.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The bits of the set, in register layout.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The union of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The intersection of both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether every flag of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Writes the abbreviations of the flags (`SV RR CR UF`), then the bits without a name as one
/// hexadecimal number. The empty set is `none`.
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
