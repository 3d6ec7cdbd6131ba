// SPDX-License-Identifier: GPL-2.0-only

//! The self-test: is the hook reached when the kernel groups a device?
//!
//! A `struct pci_dev` that exists in memory only is put in an empty slot and handed to
//! `pci_device_group()`, which asks `pci_dev_specific_acs_enabled()` for it on the same path as for
//! any device. No register of any device is touched, and the decoy is registered nowhere; for a moment
//! there is an IOMMU group without a member.

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

/// Address of the decoy that is being asked about; 0 when there is none.
static DECOY: Atomic<usize> = Atomic::new(0);
/// Whether the hook has seen the decoy.
static SEEN: Atomic<bool> = Atomic::new(false);

kernel::sync::global_lock! {
    // SAFETY: Initialised in module initialisation, before the first use.
    pub(crate) unsafe(uninit) static TURN: Mutex<()> = ();
}

/// Prepares the self-test. To be called once, in module initialisation.
pub(crate) fn init() {
    // SAFETY: Called once.
    unsafe { TURN.init() }
}

/// Whether the hook was reached, or why that could not be found out.
pub(crate) enum Proof {
    /// The kernel asked, and the hook was there.
    Reached,
    /// The kernel grouped the decoy without the hook being reached.
    NotReached,
    /// There is no PCI device, or its root bus has no empty slot.
    NoSlot,
    /// No memory.
    NoMemory,
}

/// Asks the kernel to group a decoy. Sleeps.
///
/// Devices may come and go meanwhile: no lock of the PCI core is taken, for some hold it until a
/// virtual machine lets go of a device.
pub(crate) fn prove() -> Proof {
    let _turn = TURN.lock();
    let Some(anchor) = Held::first() else {
        return Proof::NoSlot;
    };
    let bus = anchor.root_bus();
    let mut result = Proof::NoSlot;
    // From the top: an empty slot near real devices may be a DMA alias of one of them, and then the
    // kernel takes that device's group without asking.
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

/// Whether the kernel knows no function in a slot.
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

/// Asks for one decoy at `devfn`; whether the hook saw it.
///
/// # Errors
///
/// `ENOMEM`, for the decoy or for the group.
fn ask(bus: *mut bindings::pci_bus, devfn: u8) -> Result<bool> {
    // SAFETY: The caller holds a device below the bus; the decoy takes a reference to the bus.
    let decoy = unsafe { bindings::pci_alloc_dev(bus) };
    if decoy.is_null() {
        return Err(ENOMEM);
    }
    // SAFETY: `pci_alloc_dev()` gave a device that nobody else knows. `pci_device_group()` needs
    // its bus type (`dev_is_pci()`), and asks about functions of multi-function devices only.
    unsafe {
        (*decoy).devfn = u32::from(devfn);
        (*decoy).dev.bus = &raw const bindings::pci_bus_type;
        bindings::pci_dev::set_multifunction_raw(decoy, 1);
    }

    SEEN.store(false, Relaxed);
    // Release: a hook that sees the address sees `SEEN` cleared.
    DECOY.store(decoy.addr(), Release);
    // SAFETY: The decoy is a valid PCI device as far as that function looks at one.
    let group = from_err_ptr(unsafe { bindings::pci_device_group(&raw mut (*decoy).dev) });
    DECOY.store(0, Relaxed);
    if let Ok(group) = group {
        // SAFETY: `pci_device_group()` returned a reference, put once.
        unsafe { bindings::iommu_group_put(group) };
    }

    // SAFETY: As `pci_scan_device()` undoes `pci_alloc_dev()`: the reference to the bus is put
    // (`pci_bus_put()` is not exported; this is its body), then the memory freed. Nothing has
    // registered the device or kept a pointer to it.
    unsafe {
        bindings::put_device(&raw mut (*bus).dev);
        bindings::kfree(decoy.cast());
    }
    group.map(|_| SEEN.load(Acquire))
}

/// Whether `dev` is the decoy.
pub(super) fn is_decoy(dev: *mut bindings::pci_dev) -> bool {
    DECOY.load(Acquire) == dev.addr()
}

/// The hook's answer for the decoy: seen, and the kernel's verdict stands.
pub(super) fn answer(verdict: c_int) -> c_int {
    SEEN.store(true, Release);
    verdict
}
