// SPDX-License-Identifier: GPL-2.0-only

//! A bus with functions for the tests. Configuration space is a list of dwords.

use core::cell::Cell;

use super::{
    check::{self, Outcome},
    map::Map,
    prelude::ENTRY,
    rules::{
        acs::AcsFlags,
        device::{Function, Record},
        entry::{Kind, Kinds},
        limits::Limits,
        pcie::PcieType,
        whole::{self, Fault},
    },
};

/// Configuration space of one function: dwords by offset; an unset dword is 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space(Map<u16, u32>);

impl Space {
    /// An endpoint with these ids and this Header Type register. Its only capability is PCI Express
    /// at 40h, and its list of extended capabilities is empty.
    pub(crate) fn new(vendor: u16, device: u16, header_type: u8) -> Self {
        Self::default()
            .with(0x00, (u32::from(device) << 16) | u32::from(vendor))
            .with(0x04, 0x0010 << 16)
            .with(0x0c, u32::from(header_type) << 16)
            .with(0x34, 0x40)
            .with_type(0x0)
    }

    #[must_use]
    pub(crate) fn with(mut self, offset: u16, dword: u32) -> Self {
        self.0.insert(offset, dword);
        self
    }

    fn read(&self, offset: u16) -> u32 {
        self.0.get(&offset).copied().unwrap_or(0)
    }

    /// Adds a PCI Express capability with this Device/Port Type at 40h, the last in the list.
    #[must_use]
    pub(crate) fn with_type(self, raw: u8) -> Self {
        self.with_pcie(0x40, raw, 0)
    }

    /// Adds a PCI Express capability of version 2 at `at`, with the next pointer `next`.
    #[must_use]
    pub(crate) fn with_pcie(self, at: u8, raw: u8, next: u8) -> Self {
        let dword = u32::from_le_bytes([0x10, next, (raw << 4) | 2, 0]);
        self.with(u16::from(at), dword)
    }

    /// Adds a capability at `at`, with the next pointer `next` (0 for the last one).
    #[must_use]
    pub(crate) fn with_capability(self, at: u8, id: u8, next: u8) -> Self {
        self.with(u16::from(at), u32::from_le_bytes([id, next, 0, 0]))
    }

    /// Adds this many capabilities from 40h on, one per dword, with PCI Express last.
    #[must_use]
    pub(crate) fn with_capabilities(self, count: u8) -> Self {
        let last = 0x3c + 4 * count;
        (0x40..last)
            .step_by(4)
            .fold(self, |space, at| space.with_capability(at, 0x01, at + 4))
            .with_pcie(last, 0x0, 0)
    }

    /// Adds an extended capability at `at`, with the next pointer `next` (0 for the last one).
    #[must_use]
    pub(crate) fn with_extended(self, at: u16, id: u16, next: u16) -> Self {
        self.with(at, (u32::from(next) << 20) | (1 << 16) | u32::from(id))
    }

    /// Adds this many unrelated extended capabilities from 100h on, one per dword.
    #[must_use]
    pub(crate) fn with_extended_capabilities(self, count: u16) -> Self {
        let last = 0xfc + 4 * count;
        (0x100..last)
            .step_by(4)
            .fold(self, |space, at| space.with_extended(at, 0x0b, at + 4))
            .with_extended(last, 0x0b, 0)
    }

    /// Adds an ARI capability at `at`, the last in the list, which names the next function.
    #[must_use]
    pub(crate) fn with_ari(self, at: u16, next_function: u8) -> Self {
        self.with_extended(at, 0x0e, 0)
            .with(at + 4, u32::from(next_function) << 8)
    }

    /// Adds an ACS capability at `at`, the last in the list.
    #[must_use]
    pub(crate) fn with_acs(self, at: u16) -> Self {
        self.with_extended(at, 0x0d, 0)
    }

    /// Adds an ACS capability at 100h with these flags enabled.
    #[must_use]
    pub(crate) fn with_acs_on(self, control: AcsFlags) -> Self {
        let registers = (u32::from(control.bits()) << 16) | 0x005f;
        self.with_acs(0x100).with(0x104, registers)
    }
}

/// Copies of `member` with a list of extended capabilities that has no end, one for each way, with
/// names.
pub(crate) fn senseless_extended_lists(member: &Space) -> [(&'static str, Space); 4] {
    let with_first = |next| member.clone().with_extended(0x100, 0x01, next);
    [
        ("itself", with_first(0x100)),
        (
            "a loop",
            with_first(0x140).with_extended(0x140, 0x10, 0x100),
        ),
        (
            "all ones at the start",
            member.clone().with(0x100, u32::MAX),
        ),
        ("all ones later", with_first(0x140).with(0x140, u32::MAX)),
    ]
}

/// A function, and the bus that it is on.
#[derive(Clone, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one fact that the decision asks for"
)]
pub(crate) struct Device {
    /// Vendor and device id, as the kernel enumerated them.
    pub(crate) ids: (u16, u16),
    /// Device and function number on the bus.
    pub(crate) devfn: u8,
    /// PCIe type of the function.
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
    /// See [`Function::is_aliased`]: the second number under which a function sends, by function.
    pub(crate) aliases: Map<u8, u8>,
    /// See [`Function::is_recordable`].
    pub(crate) is_recordable: bool,
    /// Every function on the bus.
    pub(crate) bus: Map<u8, Space>,
    /// The record, by device and function number.
    pub(crate) records: Map<u8, Record>,
    /// The index of the read that fails.
    pub(crate) failing_read: Option<usize>,
    /// The index of the read from which on all functions read as absent.
    pub(crate) silent_from: Option<usize>,
    /// The number of reads so far.
    pub(crate) reads: Cell<usize>,
}

impl Device {
    /// A grantable endpoint at `devfn`, which `bus` must contain. The record is empty.
    pub(crate) fn on(bus: Map<u8, Space>, devfn: u8) -> Self {
        let own = bus.get(&devfn).map_or(u32::MAX, |own| own.read(0x00));
        let [a, b, c, d] = own.to_le_bytes();
        Self {
            ids: (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])),
            devfn,
            pcie_type: Some(PcieType::Endpoint),
            is_virtual: false,
            has_acs: false,
            is_exposed: false,
            is_gone: false,
            is_ari: false,
            aliases: Map::default(),
            is_recordable: true,
            bus,
            records: Map::default(),
            failing_read: None,
            silent_from: None,
            reads: Cell::new(0),
        }
    }

    /// The same function with this PCIe type, as the kernel sees it.
    #[must_use]
    pub(crate) fn of_type(self, raw: u8) -> Self {
        Self {
            pcie_type: PcieType::from_raw(raw),
            ..self
        }
    }

    /// The same function below a port with ARI forwarding enabled.
    #[must_use]
    pub(crate) fn under_ari(self) -> Self {
        Self {
            is_ari: true,
            ..self
        }
    }

    /// Another function of the same bus.
    pub(crate) fn seen_from(&self, devfn: u8) -> Self {
        Self {
            is_ari: self.is_ari,
            aliases: self.aliases.clone(),
            records: self.records.clone(),
            ..Self::on(self.bus.clone(), devfn)
        }
    }

    /// The same function with every function of the bus in the record.
    #[must_use]
    pub(crate) fn all_known(mut self) -> Self {
        self.records = self
            .bus
            .keys()
            .map(|&devfn| (devfn, Record::Known))
            .collect();
        self
    }

    /// Repeats the last check and lets each of its reads fail once. The claim must end each time.
    pub(crate) fn fail_each_read(&mut self, check: fn(&Self) -> Result<(), Fault>) -> Outcome {
        self.at_each_read(check, |device, read| device.failing_read = Some(read))
    }

    /// Repeats the last check and lets all functions fall silent before each of its reads. The
    /// claim must end each time, because functions in the record are missing then.
    pub(crate) fn fall_silent_at_each_read(
        &mut self,
        check: fn(&Self) -> Result<(), Fault>,
    ) -> Outcome {
        self.at_each_read(check, |device, read| device.silent_from = Some(read))
    }

    fn at_each_read(
        &mut self,
        check: fn(&Self) -> Result<(), Fault>,
        disturb: fn(&mut Self, usize),
    ) -> Outcome {
        let reads = self.reads.get();
        check::equal("nothing is read", reads == 0, false)?;
        for read in 0..reads {
            disturb(self, read);
            self.reads.set(0);
            let outcome = check(self);
            check::equal(
                format_args!("disturbed at read {read} of {reads}: {outcome:?}"),
                matches!(outcome, Err(Fault::Unreadable { .. })),
                true,
            )?;
        }
        Ok(())
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

    fn is_aliased(&self, first: u8, last: u8) -> bool {
        let inside = |devfn: &u8| (first..=last).contains(devfn);
        let mut senders = self.aliases.keys();
        senders.any(|from| inside(from) || self.aliases.get(from).is_some_and(inside))
    }

    fn is_recordable(&self) -> bool {
        self.is_recordable
    }

    fn record(&self, devfn: u8) -> Record {
        self.records.get(&devfn).copied().unwrap_or(Record::None)
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
        if self.silent_from.is_some_and(|from| read >= from) {
            return Some(u32::MAX);
        }
        Some(match self.bus.get(&devfn) {
            Some(space) => space.read(offset),
            None => u32::MAX,
        })
    }
}

/// The six-function adapter that most tests use: functions 1077:8030-8032 of device 0.
pub(crate) fn adapter() -> Map<u8, Space> {
    let devices = [0x8030, 0x8030, 0x8031, 0x8031, 0x8032, 0x8032];
    let spaces = devices.map(|device| Space::new(0x1077, device, 0x80));
    (0..).zip(spaces).collect()
}

/// A further function for the adapter.
pub(crate) fn member() -> Space {
    Space::new(0x1077, 0x8031, 0x80)
}

/// The ids that an entry for the adapter covers.
pub(crate) fn covered(vendor: u16, device: u16) -> Option<&'static Limits> {
    (vendor == 0x1077 && (0x8030..=0x8032).contains(&device)).then_some(&Limits::NONE)
}

/// Checks the device for an entry that covers the adapter.
pub(crate) fn check_adapter(device: &Device) -> Result<(), Fault> {
    whole::check(device, &ENTRY, AcsFlags::GROUPING, covered)
}

/// The fault for a function at `devfn` that the entry does not cover.
pub(crate) const fn not_covered(devfn: u8, vendor: u16, device: u16) -> Fault {
    Fault::NotCovered {
        devfn,
        vendor,
        device,
    }
}

/// The register value of a PCIe type.
pub(crate) fn raw_type(pcie_type: PcieType) -> u8 {
    (0x0..=0xf)
        .find(|&raw| PcieType::from_raw(raw) == Some(pcie_type))
        .expect("every type has a value")
}

/// Every set of kinds, including the empty one.
pub(crate) fn every_set_of_kinds() -> impl Iterator<Item = Kinds> {
    (0..1 << Kind::ALL.len()).map(|set| {
        let chosen = |(bit, _): &(usize, Kind)| (set >> bit) & 1 == 1;
        let kinds = Kind::ALL.into_iter().enumerate().filter(chosen);
        kinds.fold(Kinds::NONE, |kinds, (_, kind)| kinds.union(Kinds::of(kind)))
    })
}
