// SPDX-License-Identifier: GPL-2.0-only

//! The configuration space of an emulated function: its bytes, and its writable bits.

use serde::{Deserialize, Serialize};

/// Size of the configuration space of a PCIe function, in bytes.
pub const SIZE: usize = 4096;

/// Configuration space.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Space {
    pub(crate) bytes: Vec<u8>,
    pub(crate) writable: Vec<u8>,
    /// Bytes that QEMU reads instead, until it resets the function for the guest. Offset and value.
    pub(crate) until_reset: Vec<(usize, u8)>,
}

impl Space {
    /// A function with these ids. `class` includes the programming interface: 24 bits. The header
    /// is of type 0, with an empty capability list.
    #[must_use]
    pub fn new(vendor: u16, device: u16, class: u32, revision: u8) -> Self {
        let mut space = Self {
            bytes: vec![0; SIZE],
            writable: vec![0; SIZE],
            until_reset: Vec::new(),
        };
        space.put16(0x00, vendor, 0);
        space.put16(0x02, device, 0);
        // Command: memory, bus master, parity, SERR, INTx disable.
        space.put16(0x04, 0, 0x0546);
        // Status: has a capability list.
        space.put16(0x06, 0x0010, 0);
        space.put32(0x08, (class << 8) | u32::from(revision), 0);
        space
    }

    /// Puts a read-only byte at an offset.
    ///
    /// # Panics
    ///
    /// When the offset is beyond the end.
    pub fn put8(&mut self, offset: usize, value: u8) {
        self.bytes[offset] = value;
        self.writable[offset] = 0;
    }

    /// Puts a word at an offset. `writable` is the mask of its writable bits.
    ///
    /// # Panics
    ///
    /// When the offset is beyond the end.
    pub fn put16(&mut self, offset: usize, value: u16, writable: u16) {
        self.bytes[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
        self.writable[offset..offset + 2].copy_from_slice(&writable.to_le_bytes());
    }

    /// Puts a dword at an offset. `writable` is the mask of its writable bits.
    ///
    /// # Panics
    ///
    /// When the offset is beyond the end.
    pub fn put32(&mut self, offset: usize, value: u32, writable: u32) {
        self.bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        self.writable[offset..offset + 4].copy_from_slice(&writable.to_le_bytes());
    }

    /// Sets the bits of `mask` in the dword at an offset to those of `value`, and makes them
    /// read-only.
    ///
    /// # Panics
    ///
    /// When the offset is beyond the end.
    pub fn fix(&mut self, offset: usize, mask: u32, value: u32) {
        let masks = mask.to_le_bytes().into_iter().zip(value.to_le_bytes());
        for (offset, (mask, value)) in (offset..offset + 4).zip(masks) {
            self.bytes[offset] = (self.bytes[offset] & !mask) | (value & mask);
            self.writable[offset] &= !mask;
        }
    }

    /// The dword at an offset; `None` beyond the end.
    #[must_use]
    pub fn dword(&self, offset: usize) -> Option<u32> {
        let bytes = self.bytes.get(offset..offset.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// Vendor and device id.
    #[must_use]
    pub fn ids(&self) -> Option<(u16, u16)> {
        let [a, b, c, d] = self.dword(0)?.to_le_bytes();
        Some((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])))
    }

    /// Puts a PCI Express capability, version 2, with this Device/Port Type. It takes
    /// [`Space::PCIE_SIZE`] bytes; its header names no next capability.
    pub fn put_pcie(&mut self, offset: usize, port_type: u8) {
        self.put16(offset, 0x0010, 0);
        self.put16(offset + 0x02, 0x0002 | (u16::from(port_type) << 4), 0);
        // Device Capabilities: role-based error reporting, function-level reset.
        self.put32(offset + 0x04, 0x1000_8000, 0);
        self.put16(offset + 0x08, 0x2810, 0x7fff);
        // Link Capabilities and Status: x1, 2.5 GT/s.
        self.put32(offset + 0x0c, 0x0000_0011, 0);
        self.put16(offset + 0x10, 0, 0x0fff);
        self.put16(offset + 0x12, 0x0011, 0);
    }

    /// Makes the function a port that QEMU takes for a function of type `shown`. `pcie` is the
    /// offset of its PCI Express capability.
    ///
    /// QEMU accepts only endpoints from a server. So the port reads as an endpoint while QEMU
    /// creates the device, and as a port after the reset that precedes the guest's start. `shown`
    /// must be a type that QEMU passes on unchanged: it turns endpoints on a root bus into
    /// integrated ones, and integrated endpoints elsewhere into plain ones.
    pub(crate) fn disguise(&mut self, shown: u8, pcie: usize) {
        // Header Type 1.
        self.put8(0x0e, 0x81);
        self.until_reset = vec![(0x0e, 0x80), (pcie + 2, (shown << 4) | 0x2)];
    }

    /// Size of a PCI Express capability of version 2, in bytes.
    pub const PCIE_SIZE: usize = 0x3c;
}
