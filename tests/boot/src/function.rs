// SPDX-License-Identifier: GPL-2.0-only

//! Short constructors for emulated functions: ids, and registers in configuration space.

use crate::space::Space;

/// Offset of the PCI Express capability.
const PCIE: u8 = 0x40;
/// Offset of the first extended capability.
const EXTENDED: usize = 0x100;
/// Values of Device/Port Type.
const ENDPOINT: u8 = 0x0;
const DOWNSTREAM: u8 = 0x6;

/// A dword of configuration space.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Offset in bytes.
    pub offset: usize,
    /// Initial value.
    pub value: u32,
    /// Mask of the writable bits.
    pub writable: u32,
}

/// An emulated endpoint or downstream port.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Class code with programming interface, 24 bits.
    pub class: u32,
    /// Revision id.
    pub revision: u8,
    /// Subsystem vendor and device id.
    pub subsystem: (u16, u16),
    /// Registers that are added, or that replace others.
    pub registers: &'static [Register],
    /// The ACS Capability register. `None` for a function without the capability.
    pub acs: Option<u16>,
    /// Whether the ACS Control register is read-only, so that ACS stays off.
    pub acs_stuck: bool,
    /// Whether the function is a downstream port of a switch.
    pub downstream: bool,
}

impl Function {
    /// A PCIe endpoint without ACS.
    #[must_use]
    pub const fn new(vendor: u16, device: u16, class: u32) -> Self {
        Self {
            vendor,
            device,
            class,
            revision: 0,
            subsystem: (vendor, 0),
            registers: &[],
            acs: None,
            acs_stuck: false,
            downstream: false,
        }
    }

    /// The same function with another revision.
    #[must_use]
    pub const fn of_revision(mut self, revision: u8) -> Self {
        self.revision = revision;
        self
    }

    /// The same function with another subsystem.
    #[must_use]
    pub const fn of_subsystem(mut self, vendor: u16, device: u16) -> Self {
        self.subsystem = (vendor, device);
        self
    }

    /// The same function with additional registers.
    #[must_use]
    pub const fn with_registers(mut self, registers: &'static [Register]) -> Self {
        self.registers = registers;
        self
    }

    /// The same function with an ACS capability.
    #[must_use]
    pub const fn with_acs(mut self, capability: u16) -> Self {
        self.acs = Some(capability);
        self
    }

    /// The same function with a read-only ACS Control register.
    #[must_use]
    pub const fn stuck(mut self) -> Self {
        self.acs_stuck = true;
        self
    }

    /// The same function as a downstream port of a switch, with nothing below it.
    #[must_use]
    pub const fn downstream(mut self) -> Self {
        self.class = 0x06_0400;
        self.downstream = true;
        self
    }

    /// Builds the configuration space.
    #[must_use]
    pub fn space(&self) -> Space {
        let mut space = Space::new(self.vendor, self.device, self.class, self.revision);
        space.put16(0x2c, self.subsystem.0, 0);
        space.put16(0x2e, self.subsystem.1, 0);
        space.put16(0x34, PCIE.into(), 0);
        if self.downstream {
            space.put_pcie(PCIE.into(), DOWNSTREAM);
            space.disguise(ENDPOINT, PCIE.into());
        } else {
            space.put_pcie(PCIE.into(), ENDPOINT);
        }
        if let Some(capability) = self.acs {
            // ACS Extended Capability, version 1, the last in the list.
            space.put32(EXTENDED, 0x0001_000d, 0);
            space.put16(EXTENDED + 4, capability, 0);
            let writable = if self.acs_stuck { 0 } else { capability & 0x7f };
            space.put16(EXTENDED + 6, 0, writable);
        }
        for register in self.registers {
            space.put32(register.offset, register.value, register.writable);
        }
        space
    }
}
