// SPDX-License-Identifier: GPL-2.0-only

//! The self-test: does the kernel reach the hook when it groups a device?
//!
//! The test places a `struct pci_dev` that exists in memory only in an empty slot of a root bus,
//! and calls `pci_device_group()`, which asks `pci_dev_specific_acs_enabled()` on the same path as
//! for any device. The test touches no register of a device and registers the decoy nowhere. An
//! IOMMU group without a member exists for a moment.

use super::pci::Held;
use kernel::{
    bindings,
    error::from_err_ptr,
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    }, //
};

/// Address of the decoy during the test, 0 otherwise.
static DECOY: Atomic<usize> = Atomic::new(0);
/// Whether the hook has seen the decoy.
static SEEN: Atomic<bool> = Atomic::new(false);

kernel::sync::global_lock! {
    // SAFETY: Initialised in module initialisation, before the first use.
    pub(crate) unsafe(uninit) static TURN: Mutex<()> = ();
}

/// Initialises the lock. Module initialisation calls this once, before anything else here.
pub(crate) fn init() {
    // SAFETY: Called once.
    unsafe { TURN.init() }
}

/// The result of the self-test.
pub(crate) enum Proof {
    /// The hook saw the decoy.
    Reached,
    /// The kernel grouped the decoy, and the hook did not see it.
    NotReached,
    /// The host has no PCI device, or the root bus has no empty slot.
    NoSlot,
    /// The kernel had no memory for the decoy or its group.
    NoMemory,
}

/// Runs the self-test. May sleep.
///
/// Takes no lock of the PCI core, because some callers hold such a lock until a virtual machine
/// releases a device. Devices may therefore appear and disappear during the test.
pub(crate) fn prove() -> Proof {
    let _turn = TURN.lock();
    let Some(anchor) = Held::first() else {
        return Proof::NoSlot;
    };
    let bus = anchor.root_bus();
    let mut result = Proof::NoSlot;
    // From the highest slot down: an empty slot near real devices may be a DMA alias of one of
    // them, and the kernel then takes that device's group without asking.
    for slot in (0..32_u8).rev() {
        if !is_empty(bus, slot) {
            continue;
        }
        match ask(bus, slot << 3) {
            Ok(true) => return Proof::Reached,
            Ok(false) => result = Proof::NotReached,
            Err(_) => return Proof::NoMemory,
        }
    }
    result
}

/// Whether the kernel has no function in a slot.
fn is_empty(bus: *mut bindings::pci_bus, slot: u8) -> bool {
    (0..8_u8).all(|function| {
        // SAFETY: The caller holds a device below the bus.
        let found = unsafe { bindings::pci_get_slot(bus, u32::from(slot << 3 | function)) };
        if found.is_null() {
            return true;
        }
        // SAFETY: `pci_get_slot()` gave a reference, put once.
        unsafe { bindings::pci_dev_put(found) };
        false
    })
}

/// Tests with one decoy at `devfn`; returns whether the hook saw it.
///
/// # Errors
///
/// `ENOMEM` if the decoy or the group could not be allocated.
fn ask(bus: *mut bindings::pci_bus, devfn: u8) -> Result<bool> {
    // SAFETY: The caller holds a device below the bus; the decoy takes a reference to the bus.
    let decoy = unsafe { bindings::pci_alloc_dev(bus) };
    if decoy.is_null() {
        return Err(ENOMEM);
    }
    // SAFETY: `pci_alloc_dev()` returned a device without another user. `pci_device_group()` needs
    // its bus type (`dev_is_pci()`), and asks about functions of multi-function devices only.
    unsafe {
        (*decoy).devfn = u32::from(devfn);
        (*decoy).dev.bus = &raw const bindings::pci_bus_type;
        bindings::pci_dev::set_multifunction_raw(decoy, 1);
    }

    SEEN.store(false, Relaxed);
    // Release ordering: a hook that sees the address also sees `SEEN` cleared.
    DECOY.store(decoy.addr(), Release);
    // SAFETY: The decoy has every field that `pci_device_group()` reads.
    let group = from_err_ptr(unsafe { bindings::pci_device_group(&raw mut (*decoy).dev) });
    DECOY.store(0, Relaxed);
    if let Ok(group) = group {
        // SAFETY: `pci_device_group()` returned a reference, which is put once.
        unsafe { bindings::iommu_group_put(group) };
    }

    // SAFETY: This undoes `pci_alloc_dev()` as `pci_scan_device()` does: it puts the reference to
    // the bus (`pci_bus_put()` is not exported; this is its body), then frees the memory. Nothing
    // has registered the device or kept a pointer to it.
    unsafe {
        bindings::put_device(&raw mut (*bus).dev);
        bindings::kfree(decoy.cast());
    }
    group.map(|_| SEEN.load(Acquire))
}

pub(super) fn is_decoy(dev: *mut bindings::pci_dev) -> bool {
    DECOY.load(Acquire) == dev.addr()
}

/// The hook's answer for the decoy: notes that it was seen, and leaves the kernel's answer.
pub(super) fn answer(verdict: c_int) -> c_int {
    SEEN.store(true, Release);
    verdict
}
