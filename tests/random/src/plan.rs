// SPDX-License-Identifier: GPL-2.0-only

//! A topology without addresses: a list of functions. The place of each function is relative to the
//! functions before it. So the list remains a valid topology after any removal.

use topology::Header;

/// A topology without addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    /// The IOMMU, as a topology file names it.
    pub(crate) iommu: Option<&'static str>,
    /// The functions. Each bridge comes before the functions behind it.
    pub(crate) parts: Vec<Part>,
}

/// A function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    /// Whether the function begins a new bus or domain.
    pub(crate) start: Start,
    /// The number of bridges above the function, out of those that lead to the function before it,
    /// including that function. If there are fewer, all of them.
    pub(crate) depth: u8,
    /// The number on the bus. If the function before it has the same or a higher number, the
    /// function gets the next slot, or the next number on a link.
    pub(crate) devfn: u8,
    /// Header and type.
    pub(crate) form: Form,
    /// The ids in its header.
    pub(crate) ids: Ids,
    /// Whether the IOMMU driver ignores the function.
    pub(crate) left_out: bool,
    /// The multi-function bit, unless the layout dictates it.
    pub(crate) multifunction: bool,
    /// ACS Capability and ACS Control, if the function can have them.
    pub(crate) acs: Option<(u16, u16)>,
}

/// The bus or domain that begins with a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    /// Nothing.
    Here,
    /// Another root bus of the domain.
    RootBus,
    /// A domain.
    Domain,
    /// A domain behind an earlier VMD, counted from the last. Without a VMD, a plain domain.
    Vmd(u8),
}

/// Header and PCIe type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Form {
    /// The header layout.
    pub(crate) header: Header,
    /// The raw Device/Port Type, 0 to 15. `None` for conventional PCI.
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

/// The ids in the header of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ids {
    pub(crate) vendor: u16,
    pub(crate) device: u16,
    /// Subsystem of an endpoint.
    pub(crate) subsystem: (u16, u16),
    /// Base class, sub-class and programming interface of an endpoint.
    pub(crate) class: u32,
    pub(crate) revision: u8,
    /// The dword at offset 8 of the ACS capability, if the kernel reads it.
    pub(crate) dword8: Option<u32>,
}

impl Ids {
    /// Ids that no quirk of the kernel matches.
    pub(crate) const PLAIN: Self = Self {
        vendor: 0x1234,
        device: 0x0001,
        subsystem: (0, 0),
        class: 0x02_0000,
        revision: 0,
        dword8: None,
    };
}
