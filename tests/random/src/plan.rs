// SPDX-License-Identifier: GPL-2.0-only

//! A topology before it has addresses: a list of functions, each of which says where it stands by
//! reference to those before it. Whatever is taken out of the list, the rest is a topology again.

use topology::Header;

/// What a topology is laid out from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    /// The kind of the IOMMU, as a topology file names it.
    pub(crate) iommu: Option<&'static str>,
    /// The functions: each bridge before what is behind it.
    pub(crate) parts: Vec<Part>,
}

/// One function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    /// Whether something begins with it.
    pub(crate) start: Start,
    /// How many of the bridges that lead to the function before it, itself among them, are above it.
    /// Where there are fewer: all.
    pub(crate) depth: u8,
    /// Its number on its bus; if that is not a later one than that of the function before it, it gets
    /// the next slot, or the next function of a link.
    pub(crate) devfn: u8,
    /// What it is.
    pub(crate) form: Form,
    /// What it calls itself.
    pub(crate) ids: Ids,
    /// Whether the IOMMU driver leaves it out.
    pub(crate) left_out: bool,
    /// The multi-function bit, unless there is only one way to have it.
    pub(crate) multifunction: bool,
    /// The capability and control registers of ACS, if it has them and they can be reached.
    pub(crate) acs: Option<(u16, u16)>,
}

/// What begins with a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    /// Nothing.
    Here,
    /// Another root bus of the domain.
    RootBus,
    /// A domain.
    Domain,
    /// A domain behind a VMD: one of those before it, counted from the last. Just a domain where
    /// there is none.
    Vmd(u8),
}

/// Header and PCIe type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Form {
    /// The layout of its header.
    pub(crate) header: Header,
    /// The PCIe type that it claims, 0 to 15; `None`: conventional PCI.
    pub(crate) raw: Option<u8>,
}

impl Form {
    pub(crate) const ENDPOINT: Self = Self::endpoint(0x0);
    pub(crate) const LEGACY_ENDPOINT: Self = Self::endpoint(0x1);
    pub(crate) const ROOT_PORT: Self = Self::bridge(0x4);
    pub(crate) const UPSTREAM_PORT: Self = Self::bridge(0x5);
    pub(crate) const DOWNSTREAM_PORT: Self = Self::bridge(0x6);
    pub(crate) const PCI_BRIDGE: Self = Self::bridge(0x7);
    pub(crate) const PCIE_BRIDGE: Self = Self::bridge(0x8);
    pub(crate) const RC_ENDPOINT: Self = Self::endpoint(0x9);
    pub(crate) const RC_EVENT_COLLECTOR: Self = Self::endpoint(0xa);
    pub(crate) const CONVENTIONAL: Self = Self::of(Header::Endpoint, None);
    pub(crate) const CONVENTIONAL_BRIDGE: Self = Self::of(Header::Bridge, None);
    pub(crate) const CARDBUS: Self = Self::of(Header::Cardbus, None);

    const fn of(header: Header, raw: Option<u8>) -> Self {
        Self { header, raw }
    }

    pub(crate) const fn endpoint(raw: u8) -> Self {
        Self::of(Header::Endpoint, Some(raw))
    }

    pub(crate) const fn bridge(raw: u8) -> Self {
        Self::of(Header::Bridge, Some(raw))
    }

    pub(crate) fn is_bridge(self) -> bool {
        self.header == Header::Bridge
    }
}

/// What a function calls itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ids {
    pub(crate) vendor: u16,
    pub(crate) device: u16,
    /// Of an endpoint.
    pub(crate) subsystem: (u16, u16),
    /// Base class, sub-class and programming interface of an endpoint.
    pub(crate) class: u32,
    pub(crate) revision: u8,
    /// What stands 8 bytes into the ACS capability, where the kernel looks there.
    pub(crate) dword8: Option<u32>,
}

impl Ids {
    /// No quirk of the kernel knows it.
    pub(crate) const PLAIN: Self = Self {
        vendor: 0x1234,
        device: 0x0001,
        subsystem: (0, 0),
        class: 0x02_0000,
        revision: 0,
        dword8: None,
    };
}
