// SPDX-License-Identifier: GPL-2.0-only

//! A safe view of `struct pci_dev`.

use core::marker::PhantomData;

use kernel::{
    bindings,
    device,
    prelude::*, //
};

use super::known;
use crate::rules::{
    device::{Function, Record},
    pcie::PcieType,
};

#[allow(
    improper_ctypes,
    reason = "empty structures deep inside, in some configurations; only pointers are passed"
)]
extern "C" {
    fn acs_quirks_ids(dev: *const bindings::pci_dev) -> u32;
    fn acs_quirks_devfn(dev: *const bindings::pci_dev) -> u8;
    fn acs_quirks_pcie_type(dev: *mut bindings::pci_dev) -> c_int;
    fn acs_quirks_facts(dev: *const bindings::pci_dev) -> u32;
    fn acs_quirks_bus(dev: *const bindings::pci_dev) -> *mut bindings::pci_bus;
    fn acs_quirks_bridge(bus: *const bindings::pci_bus) -> *mut bindings::pci_dev;
    fn acs_quirks_parent(bus: *const bindings::pci_bus) -> *mut bindings::pci_bus;
    fn acs_quirks_device(dev: *mut bindings::pci_dev) -> *mut bindings::device;
}

// The bits of `acs_quirks_facts()`, as in pci.c.
const IS_VIRTUAL: u32 = 1 << 0;
const HAS_ACS: u32 = 1 << 1;
const IS_GONE: u32 = 1 << 2;
const FORWARDS_ARI: u32 = 1 << 3;
const IS_GROUPED: u32 = 1 << 4;

/// An upper bound of the number of buses from a function up to its root bus: bus numbers have 8
/// bits.
const MAX_DEPTH: usize = 256;

/// A PCI function that the PCI core has set up.
///
/// # Invariants
///
/// The pointer refers to a `struct pci_dev` after `pci_setup_device()`, which is valid for `'a`, as
/// are its bus and all bridges above it.
pub(crate) struct PciFunction<'a> {
    raw: *mut bindings::pci_dev,
    _lifetime: PhantomData<&'a bindings::pci_dev>,
}

impl<'a> PciFunction<'a> {
    /// Views `raw`.
    ///
    /// # Safety
    ///
    /// `raw` must point to a device that the PCI core has set up and that stays valid for `'a`.
    pub(crate) unsafe fn from_raw(raw: *mut bindings::pci_dev) -> Self {
        // INVARIANT: By this function's contract. A device holds a reference to its bus, and a bus
        // to its bridge.
        Self {
            raw,
            _lifetime: PhantomData,
        }
    }

    /// The embedded `struct device`, for log lines.
    pub(crate) fn as_device(&self) -> &device::Device {
        // SAFETY: By the type invariant the device is valid for `'a`, and a member of it is too.
        unsafe { device::Device::from_raw(acs_quirks_device(self.raw)) }
    }

    /// The address: domain (PCI segment) in bits 47:16, bus in 15:8, devfn in 7:0.
    pub(crate) fn address(&self) -> u64 {
        // SAFETY: By the type invariant the device and its bus are valid.
        unsafe { known::address(self.raw) }
    }

    /// Calls `read` with the function's record; `None` if the function has no record.
    pub(crate) fn with_record<T>(&self, read: impl FnOnce(&known::Record<'_>) -> T) -> Option<T> {
        // SAFETY: By the type invariant the device and its bus are valid.
        unsafe { known::with_record(self.raw, read) }
    }

    /// Calls `visit` for each function that the record has on this function's bus. `visit` must not
    /// sleep.
    pub(crate) fn each_on_bus(&self, mut visit: impl FnMut(&PciFunction<'_>, &known::Record<'_>)) {
        // SAFETY: By the type invariant the bus is valid.
        unsafe { known::each_of(self.bus(), &mut visit) }
    }

    fn bus(&self) -> *mut bindings::pci_bus {
        // SAFETY: By the type invariant.
        unsafe { acs_quirks_bus(self.raw) }
    }

    /// The bridge above the function's bus; null for a root bus.
    fn bridge(&self) -> *mut bindings::pci_dev {
        // SAFETY: By the type invariant the bus is valid.
        unsafe { acs_quirks_bridge(self.bus()) }
    }

    /// Whether the kernel has noted the fact with this bit.
    fn is(&self, fact: u32) -> bool {
        // SAFETY: By the type invariant.
        unsafe { acs_quirks_facts(self.raw) & fact != 0 }
    }

    /// Vendor id in bits 31:16, device id in 15:0.
    fn ids(&self) -> u32 {
        // SAFETY: By the type invariant.
        unsafe { acs_quirks_ids(self.raw) }
    }
}

impl Function for PciFunction<'_> {
    fn vendor(&self) -> u16 {
        // CAST: The upper half.
        (self.ids() >> 16) as u16
    }

    fn device(&self) -> u16 {
        // CAST: The lower half.
        self.ids() as u16
    }

    fn devfn(&self) -> u8 {
        // SAFETY: By the type invariant.
        unsafe { acs_quirks_devfn(self.raw) }
    }

    fn pcie_type(&self) -> Option<PcieType> {
        // SAFETY: By the type invariant.
        let raw = unsafe { acs_quirks_pcie_type(self.raw) };
        u8::try_from(raw).ok().and_then(PcieType::from_raw)
    }

    fn is_virtual(&self) -> bool {
        self.is(IS_VIRTUAL)
    }

    fn has_acs(&self) -> bool {
        self.is(HAS_ACS)
    }

    fn is_exposed(&self) -> bool {
        // SAFETY: By the type invariant the device and all bridges above it are valid.
        unsafe { known::is_exposed(self.raw) }
    }

    fn is_gone(&self) -> bool {
        self.is(IS_GONE)
    }

    fn is_ari(&self) -> bool {
        let bridge = self.bridge();
        // SAFETY: By the type invariant a bridge that is not null is valid.
        !bridge.is_null() && unsafe { acs_quirks_facts(bridge) & FORWARDS_ARI != 0 }
    }

    fn is_aliased(&self, first: u8, last: u8) -> bool {
        // SAFETY: By the type invariant the bus is valid.
        unsafe { known::is_aliased(self.bus(), first, last) }
    }

    fn is_recordable(&self) -> bool {
        self.with_record(|_| ()).is_some()
    }

    fn record(&self, devfn: u8) -> Record {
        // SAFETY: By the type invariant the bus is valid.
        unsafe { known::at(self.bus(), devfn) }
    }

    fn read_config(&self, devfn: u8, offset: u16) -> Option<u32> {
        let mut value = 0;
        // SAFETY: By the type invariant the bus is valid. The accessor does not sleep, so it may be
        // called with preemption off: it takes RCU and raw spin locks, and in some host bridges
        // spin locks, which sleep on PREEMPT_RT only. hook.c refuses to build there.
        let status = unsafe {
            bindings::pci_bus_read_config_dword(
                self.bus(),
                u32::from(devfn),
                i32::from(offset),
                &mut value,
            )
        };
        match u32::try_from(status) {
            Ok(bindings::PCIBIOS_SUCCESSFUL) => Some(value),
            // Some host bridges return this status for an absent device instead of all ones.
            Ok(bindings::PCIBIOS_DEVICE_NOT_FOUND) => Some(u32::MAX),
            _ => None,
        }
    }
}

/// A reference to a PCI function.
///
/// # Invariants
///
/// The pointer refers to a registered device, and this value owns a reference to it.
pub(super) struct Held(*mut bindings::pci_dev);

impl Held {
    /// The function after `previous` in the kernel's list, or the first one.
    fn next(previous: Option<Self>) -> Option<Self> {
        let from = previous.map_or(core::ptr::null_mut(), |held| {
            // `pci_get_device()` puts this reference.
            core::mem::ManuallyDrop::new(held).0
        });
        // SAFETY: `from` is null, or a device whose reference the call takes over.
        let found = unsafe { bindings::pci_get_device(ANY_ID, ANY_ID, from) };
        // INVARIANT: The call returns a device with a reference, or null.
        (!found.is_null()).then_some(Self(found))
    }

    /// The first function in the kernel's list, if the host has any.
    pub(super) fn first() -> Option<Self> {
        Self::next(None)
    }

    /// The root bus above the function. The bus is valid as long as `self`: a device holds its bus,
    /// a bus its bridge, and the bridge its own bus.
    pub(super) fn root_bus(&self) -> *mut bindings::pci_bus {
        // SAFETY: By the type invariant the device is valid, and so is its bus.
        let mut bus = unsafe { acs_quirks_bus(self.0) };
        for _ in 0..MAX_DEPTH {
            // SAFETY: `bus` is valid, and so is every bus above it.
            let parent = unsafe { acs_quirks_parent(bus) };
            if parent.is_null() {
                break;
            }
            bus = parent;
        }
        bus
    }

    /// Whether the function is in an IOMMU group.
    fn is_grouped(&self) -> bool {
        // SAFETY: By the type invariant the device is valid.
        unsafe { acs_quirks_facts(self.0) & IS_GROUPED != 0 }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this owns a reference.
        unsafe { bindings::pci_dev_put(self.0) }
    }
}

/// Whether any PCI function is in an IOMMU group, which shows that the host has groups.
pub(crate) fn any_in_iommu_group() -> bool {
    let mut at = Held::first();
    while let Some(held) = at {
        if held.is_grouped() {
            return true;
        }
        at = Held::next(Some(held));
    }
    false
}

/// `PCI_ANY_ID`, -1 in C.
pub(crate) const ANY_ID: u32 = u32::MAX;
