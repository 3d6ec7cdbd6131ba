// SPDX-License-Identifier: GPL-2.0-only

//! Short constructors for functions of a synthetic bus.

use crate::synthetic::description::{
    Function,
    Traits, //
};

/// Device/Port Types, `PCI_EXP_TYPE_*` in `include/uapi/linux/pci_regs.h`.
pub(crate) const LEGACY_ENDPOINT: u8 = 0x1;
pub(crate) const ROOT_PORT: u8 = 0x4;
pub(crate) const UPSTREAM_PORT: u8 = 0x5;
pub(crate) const DOWNSTREAM_PORT: u8 = 0x6;
pub(crate) const PCI_BRIDGE: u8 = 0x7;
pub(crate) const PCIE_BRIDGE: u8 = 0x8;
pub(crate) const RC_ENDPOINT: u8 = 0x9;
pub(crate) const EVENT_COLLECTOR: u8 = 0xa;

/// Red Hat's ids for virtual ports. No quirk matches them.
const PORT: (u16, u16) = (0x1b36, 0x000c);
/// The flags that grouping asks for: Source Validation, Request Redirect, Completion Redirect,
/// Upstream Forwarding.
pub(crate) const ISOLATING: u16 = 0x1d;
/// Class codes.
const NETWORK: u32 = 0x02_0000;
const BRIDGE: u32 = 0x06_0400;

impl Function {
    /// An endpoint that is alone in its slot.
    pub(crate) const fn endpoint(bus: u8, slot: u8, number: u8, ids: (u16, u16)) -> Self {
        Self {
            domain: 0,
            bus,
            devfn: slot << 3 | number,
            header_type: 0x00,
            pcie_type: 0x0,
            vendor: ids.0,
            device: ids.1,
            class_revision: NETWORK << 8,
            subsystem_vendor: 0,
            subsystem: 0,
            buses: [0; 3],
            ari_next: 0,
            traits: Traits(Traits::TAKES_PART),
            acs_capability: 0,
            acs_control: 0,
            acs_dword8: 0,
            vmd: Self::NOT_BEHIND,
        }
    }

    /// A function of a multi-function device. Every function has the multi-function bit.
    pub(crate) const fn mate(bus: u8, slot: u8, number: u8, ids: (u16, u16)) -> Self {
        Self::endpoint(bus, slot, number, ids).multi()
    }

    /// A port or bridge of type `kind`, with the buses from `secondary` to `subordinate` below it.
    pub(crate) const fn port(bus: u8, slot: u8, kind: u8, secondary: u8, subordinate: u8) -> Self {
        Self::endpoint(bus, slot, 0, PORT)
            .kind(kind)
            .bridge(secondary, subordinate)
    }

    /// An isolating root port with one bus below it.
    pub(crate) const fn root_port(bus: u8, slot: u8, secondary: u8) -> Self {
        Self::port(bus, slot, ROOT_PORT, secondary, secondary).isolating()
    }

    /// Sets the multi-function bit.
    pub(crate) const fn multi(mut self) -> Self {
        self.header_type |= 0x80;
        self
    }

    /// Sets the function number.
    pub(crate) const fn number(mut self, number: u8) -> Self {
        self.devfn |= number;
        self
    }

    pub(crate) const fn ids(mut self, ids: (u16, u16)) -> Self {
        self.vendor = ids.0;
        self.device = ids.1;
        self
    }

    /// Sets the Device/Port Type.
    pub(crate) const fn kind(mut self, kind: u8) -> Self {
        self.pcie_type = kind;
        self
    }

    /// Removes the PCI Express capability.
    pub(crate) const fn conventional(self) -> Self {
        self.kind(Self::CONVENTIONAL)
    }

    /// Makes the function a bridge to these buses.
    pub(crate) const fn bridge(mut self, secondary: u8, subordinate: u8) -> Self {
        self.header_type |= 0x01;
        self.class_revision = BRIDGE << 8;
        self.buses = [self.bus, secondary, subordinate];
        self
    }

    /// Adds an ACS capability.
    pub(crate) const fn acs(mut self, capability: u16, control: u16) -> Self {
        self.traits.0 |= Traits::ACS;
        self.acs_capability = capability;
        self.acs_control = control;
        self
    }

    /// Adds an ACS capability with all flags enabled that grouping asks for.
    pub(crate) const fn isolating(self) -> Self {
        self.acs(ISOLATING, ISOLATING)
    }

    /// Adds flags.
    pub(crate) const fn with(mut self, which: u16) -> Self {
        self.traits.0 |= which;
        self
    }

    /// The IOMMU driver ignores the function.
    pub(crate) const fn left_out(mut self) -> Self {
        self.traits.0 &= !Traits::TAKES_PART;
        self
    }

    pub(crate) const fn subsystem(mut self, vendor: u16, device: u16) -> Self {
        self.subsystem_vendor = vendor;
        self.subsystem = device;
        self
    }

    /// Sets the class (24 bits) and the revision.
    pub(crate) const fn class(mut self, class: u32, revision: u8) -> Self {
        self.class_revision = class << 8 | revision as u32;
        self
    }

    /// Adds an ARI capability. `next` is the number of the next function, 0 after the last.
    pub(crate) const fn ari(mut self, next: u8) -> Self {
        self.ari_next = next;
        self.with(Traits::ARI)
    }

    /// Puts the function behind the VMD at this index.
    pub(crate) const fn behind(mut self, vmd: u32) -> Self {
        self.vmd = vmd;
        self
    }

    pub(crate) const fn domain(mut self, domain: u32) -> Self {
        self.domain = domain;
        self
    }
}
