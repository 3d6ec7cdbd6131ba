// SPDX-License-Identifier: GPL-2.0-only

//! A bus with functions in memory, to test the trust rules.

use core::cell::Cell;

use crate::rules::{
    device::{Function, Record},
    pcie::PcieType,
};

/// Configuration space of a function, as far as the rules read it: a PCI Express capability at 40h,
/// a power management capability before it, and up to one extended capability at 100h.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Space {
    /// Vendor and device id.
    pub(crate) ids: (u16, u16),
    /// Header Type register.
    pub(crate) header: u8,
    /// Class code and revision in one dword.
    pub(crate) class: u32,
    /// Device/Port Type. `None` for a function without a PCI Express capability.
    pub(crate) pcie_type: Option<u8>,
    /// Dwords that override the others.
    pub(crate) dwords: &'static [(u16, u32)],
}

/// Offset of the PCI Express capability.
const EXPRESS: u8 = 0x40;

/// An ACS capability at 100h, as the only extended capability.
pub(crate) const ACS: (u16, u32) = (0x100, 0x0001_000d);

impl Space {
    /// A function of a multi-function endpoint.
    pub(crate) const fn endpoint(vendor: u16, device: u16) -> Self {
        Self {
            ids: (vendor, device),
            header: 0x80,
            class: 0x0200_0001,
            pcie_type: Some(0x0),
            dwords: &[],
        }
    }

    fn read(&self, offset: u16) -> u32 {
        if let Some((_, dword)) = self.dwords.iter().find(|(at, _)| *at == offset) {
            return *dword;
        }
        match (offset, self.pcie_type) {
            (0x00, _) => u32::from(self.ids.1) << 16 | u32::from(self.ids.0),
            // The capability list is present.
            (0x04, _) => 0x0010_0000,
            (0x08, _) => self.class,
            (0x0c, _) => u32::from(self.header) << 16,
            (0x34, _) => 0x50,
            (0x50, Some(_)) => u32::from_le_bytes([0x01, EXPRESS, 0x03, 0x00]),
            (0x50, None) => u32::from_le_bytes([0x01, 0x00, 0x03, 0x00]),
            (0x40, Some(raw)) => u32::from_le_bytes([0x10, 0x00, raw << 4 | 0x02, 0x00]),
            _ => 0,
        }
    }
}

/// Maximum number of functions of a bus.
const FUNCTIONS: usize = 16;

/// A function, and the bus that it is on.
#[derive(Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one fact that the decision asks for"
)]
pub(crate) struct Device {
    /// Vendor and device id, as the kernel has read them.
    pub(crate) ids: (u16, u16),
    pub(crate) devfn: u8,
    pub(crate) pcie_type: Option<PcieType>,
    /// See [`Function::is_virtual`].
    pub(crate) is_virtual: bool,
    /// See [`Function::has_acs`].
    pub(crate) has_acs: bool,
    /// See [`Function::is_exposed`].
    pub(crate) is_exposed: bool,
    /// See [`Function::is_gone`].
    pub(crate) is_gone: bool,
    /// See [`Function::is_ari`].
    pub(crate) is_ari: bool,
    /// See [`Function::is_recordable`].
    pub(crate) is_recordable: bool,
    /// The functions on the bus, by devfn.
    pub(crate) bus: [Option<Space>; FUNCTIONS],
    /// The kernel's record, by devfn.
    pub(crate) records: [Record; FUNCTIONS],
    /// Index of the read that fails, counted from 0.
    pub(crate) failing_read: Option<usize>,
    /// Number of reads so far.
    pub(crate) reads: Cell<usize>,
}

impl Device {
    /// The function `devfn` of a slot with these functions. The kernel has no record of them.
    pub(crate) fn of(functions: &[Space], devfn: u8) -> Self {
        let mut bus = [None; FUNCTIONS];
        for (place, space) in bus.iter_mut().zip(functions) {
            *place = Some(*space);
        }
        let own = functions.get(usize::from(devfn));
        Self {
            ids: own.map_or((0, 0), |own| own.ids),
            devfn,
            pcie_type: own
                .and_then(|own| own.pcie_type)
                .and_then(PcieType::from_raw),
            is_virtual: false,
            has_acs: false,
            is_exposed: false,
            is_gone: false,
            is_ari: false,
            is_recordable: true,
            bus,
            records: [Record::None; FUNCTIONS],
            failing_read: None,
            reads: Cell::new(0),
        }
    }

    pub(crate) fn put(&mut self, devfn: u8, space: Space) {
        if let Some(place) = self.bus.get_mut(usize::from(devfn)) {
            *place = Some(space);
        }
    }

    pub(crate) fn change(&mut self, devfn: u8, change: impl FnOnce(&mut Space)) {
        if let Some(Some(space)) = self.bus.get_mut(usize::from(devfn)) {
            change(space);
        }
    }

    pub(crate) fn record_as(&mut self, devfn: u8, record: Record) {
        if let Some(place) = self.records.get_mut(usize::from(devfn)) {
            *place = record;
        }
    }
}

impl Function for Device {
    fn vendor(&self) -> u16 {
        self.ids.0
    }

    fn device(&self) -> u16 {
        self.ids.1
    }

    fn devfn(&self) -> u8 {
        self.devfn
    }

    fn pcie_type(&self) -> Option<PcieType> {
        self.pcie_type
    }

    fn is_virtual(&self) -> bool {
        self.is_virtual
    }

    fn has_acs(&self) -> bool {
        self.has_acs
    }

    fn is_exposed(&self) -> bool {
        self.is_exposed
    }

    fn is_gone(&self) -> bool {
        self.is_gone
    }

    fn is_ari(&self) -> bool {
        self.is_ari
    }

    fn is_aliased(&self, _first: u8, _last: u8) -> bool {
        false
    }

    fn is_recordable(&self) -> bool {
        self.is_recordable
    }

    fn record(&self, devfn: u8) -> Record {
        let record = self.records.get(usize::from(devfn));
        record.copied().unwrap_or(Record::None)
    }

    fn read_config(&self, devfn: u8, offset: u16) -> Option<u32> {
        let read = self.reads.get();
        self.reads.set(read.wrapping_add(1));
        if self.failing_read == Some(read) {
            return None;
        }
        let space = self.bus.get(usize::from(devfn)).copied().flatten();
        Some(space.map_or(u32::MAX, |space| space.read(offset)))
    }
}
