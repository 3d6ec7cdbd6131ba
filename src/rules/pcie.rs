// SPDX-License-Identifier: GPL-2.0-only

//! PCIe types, and the layouts of a configuration header.

/// The Device/Port Type field of the PCI Express Capabilities register.
///
/// PCI Express Base Specification 6.0, section 7.5.3.2; `PCI_EXP_TYPE_*` in
/// `include/uapi/linux/pci_regs.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PcieType {
    /// PCI Express Endpoint.
    Endpoint,
    /// Legacy PCI Express Endpoint.
    LegacyEndpoint,
    /// Root Port of a Root Complex.
    RootPort,
    /// Upstream Port of a switch.
    UpstreamPort,
    /// Downstream Port of a switch.
    DownstreamPort,
    /// PCI Express to PCI/PCI-X bridge.
    PciBridge,
    /// PCI/PCI-X to PCI Express bridge.
    PcieBridge,
    /// Root Complex Integrated Endpoint.
    RcEndpoint,
    /// Root Complex Event Collector.
    RcEventCollector,
}

impl PcieType {
    /// The register values of the types.
    pub const RAW: [u8; 9] = [0x0, 0x1, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa];

    /// Whether entries for ports may apply to this type: a root port, or a downstream port of a
    /// switch.
    pub const fn is_claimable_port(self) -> bool {
        matches!(self, Self::RootPort | Self::DownstreamPort)
    }

    /// The type with the register value `raw` (0 to 15); `None` for a reserved value.
    pub const fn from_raw(raw: u8) -> Option<Self> {
        Some(match raw {
            0x0 => Self::Endpoint,
            0x1 => Self::LegacyEndpoint,
            0x4 => Self::RootPort,
            0x5 => Self::UpstreamPort,
            0x6 => Self::DownstreamPort,
            0x7 => Self::PciBridge,
            0x8 => Self::PcieBridge,
            0x9 => Self::RcEndpoint,
            0xa => Self::RcEventCollector,
            _ => return None,
        })
    }
}

/// The layout of a configuration header: the Header Type register without its multi-function bit.
///
/// PCI Express Base Specification 6.0, section 7.5.1.1.9.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderLayout {
    /// Type 0: an endpoint.
    Endpoint,
    /// Type 1: a bridge or port.
    Bridge,
}

impl HeaderLayout {
    /// The layout for the Header Type register value `raw`; `None` for any other layout, including
    /// CardBus bridges.
    pub const fn from_raw(raw: u8) -> Option<Self> {
        match raw & 0x7f {
            0 => Some(Self::Endpoint),
            1 => Some(Self::Bridge),
            _ => None,
        }
    }
}
