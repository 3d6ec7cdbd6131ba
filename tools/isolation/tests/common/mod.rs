// SPDX-License-Identifier: GPL-2.0-only

//! A bus with functions on it, for the tests: configuration space as a list of dwords.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod tables;

use std::{cell::Cell, collections::BTreeMap};

use isolation::{device::Function, package::Fault, pcie::PcieType};

/// Configuration space of one function: dwords by offset, zero where nothing is set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space(BTreeMap<u16, u32>);

impl Space {
    /// A function with these ids and this Header Type register.
    pub(crate) fn new(vendor: u16, device: u16, header_type: u8) -> Self {
        Self::default()
            .with(0x00, (u32::from(device) << 16) | u32::from(vendor))
            .with(0x0c, u32::from(header_type) << 16)
    }

    /// With this dword.
    #[must_use]
    pub(crate) fn with(mut self, offset: u16, dword: u32) -> Self {
        self.0.insert(offset, dword);
        self
    }

    /// With an extended capability at `at` that names the next one at `next` (0: the last).
    #[must_use]
    pub(crate) fn with_capability(self, at: u16, id: u16, next: u16) -> Self {
        self.with(at, (u32::from(next) << 20) | (1 << 16) | u32::from(id))
    }

    /// With an ARI capability at `at`, the last in the list, that names the next function.
    #[must_use]
    pub(crate) fn with_ari(self, at: u16, next_function: u8) -> Self {
        self.with_capability(at, 0x0e, 0)
            .with(at + 4, u32::from(next_function) << 8)
    }
}

/// A function, and the bus that it is on.
#[derive(Clone, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one fact that the decision asks for"
)]
pub(crate) struct Device {
    /// Vendor and device id, as the kernel has read them.
    pub(crate) ids: (u16, u16),
    /// Its number on the bus.
    pub(crate) devfn: u8,
    /// Its PCIe type.
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
    /// Every function on the bus.
    pub(crate) bus: BTreeMap<u8, Space>,
    /// Which read fails, counted from 0.
    pub(crate) failing_read: Option<usize>,
    /// Reads made so far.
    pub(crate) reads: Cell<usize>,
}

impl Device {
    /// An endpoint with nothing against it, at `devfn`, which `bus` must have.
    pub(crate) fn on(bus: BTreeMap<u8, Space>, devfn: u8) -> Self {
        let [a, b, c, d] = bus[&devfn].0[&0].to_le_bytes();
        Self {
            ids: (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])),
            devfn,
            pcie_type: Some(PcieType::Endpoint),
            is_virtual: false,
            has_acs: false,
            is_exposed: false,
            is_gone: false,
            is_ari: false,
            bus,
            failing_read: None,
            reads: Cell::new(0),
        }
    }

    /// The same bus, seen from another function of it.
    pub(crate) fn seen_from(&self, devfn: u8) -> Self {
        let is_ari = self.is_ari;
        Self {
            is_ari,
            ..Self::on(self.bus.clone(), devfn)
        }
    }

    /// Has each of the reads that the last check made fail once; every time, the claim must end.
    pub(crate) fn fail_each_read(&mut self, check: impl Fn(&Self) -> Result<(), Fault>) {
        let reads = self.reads.get();
        assert_ne!(reads, 0);
        for failing in 0..reads {
            self.failing_read = Some(failing);
            self.reads.set(0);
            let outcome = check(self);
            assert!(
                matches!(outcome, Err(Fault::Unreadable { .. })),
                "read {failing} of {reads} fails: {outcome:?}"
            );
        }
    }

    /// Changes the configuration space of one function.
    pub(crate) fn change(&mut self, devfn: u8, change: impl FnOnce(Space) -> Space) {
        let space = self.bus.remove(&devfn).unwrap_or_default();
        self.bus.insert(devfn, change(space));
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

    fn read_config(&self, devfn: u8, offset: u16) -> Option<u32> {
        assert!(
            offset < 4096 && offset % 4 == 0,
            "no aligned dword of configuration space is at {offset:#x}"
        );
        let read = self.reads.get();
        self.reads.set(read + 1);
        if self.failing_read == Some(read) {
            return None;
        }
        Some(match self.bus.get(&devfn) {
            Some(space) => space.0.get(&offset).copied().unwrap_or(0),
            None => u32::MAX,
        })
    }
}

/// The adapter that the project began with: six functions 1077:8030-8032 in slot 0.
pub(crate) fn adapter() -> BTreeMap<u8, Space> {
    let devices = [0x8030, 0x8030, 0x8031, 0x8031, 0x8032, 0x8032];
    let spaces = devices.map(|device| Space::new(0x1077, device, 0x80));
    (0..).zip(spaces).collect()
}
