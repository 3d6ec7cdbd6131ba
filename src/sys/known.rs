// SPDX-License-Identifier: GPL-2.0-only

//! The record of PCI functions that the kernel has: the Rust side of `known.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::isolation::device::Record;

#[allow(
    improper_ctypes,
    reason = "empty structures deep inside, in some configurations; only pointers are passed"
)]
extern "C" {
    fn acs_quirks_known_start() -> c_int;
    fn acs_quirks_known_stop();
    fn acs_quirks_known(bus: *mut bindings::pci_bus, devfn: u8) -> c_int;
    fn acs_quirks_address(dev: *mut bindings::pci_dev) -> u64;
}

/// The record being kept; dropping it ends that.
///
/// # Invariants
///
/// While a value exists, the notifier of `known.c` is registered; there is one value at most.
pub(crate) struct Known(());

impl Known {
    /// Starts the record with the functions that are there.
    ///
    /// Only the module's initialisation calls this, once.
    ///
    /// # Errors
    ///
    /// What `bus_register_notifier()` says.
    pub(crate) fn start() -> Result<Self> {
        // SAFETY: Called from module initialisation, which may sleep, and once.
        to_result(unsafe { acs_quirks_known_start() })?;
        // INVARIANT: Registered just now, and this is the one caller.
        Ok(Self(()))
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the notifier is registered. The hook, which reads the
        // record, is dropped before (`driver/mod.rs`).
        unsafe { acs_quirks_known_stop() }
    }
}

/// What is on record at a function number of `bus`.
///
/// # Safety
///
/// `bus` must be valid.
pub(super) unsafe fn record(bus: *mut bindings::pci_bus, devfn: u8) -> Record {
    // SAFETY: By this function's contract; the C function takes RCU only.
    match unsafe { acs_quirks_known(bus, devfn) } {
        0 => Record::None,
        1 => Record::Known,
        2 => Record::Exposed,
        _ => Record::Incomplete,
    }
}

/// Domain in bits 47:16, bus in 15:8, devfn in 7:0.
///
/// # Safety
///
/// `dev` and the bus that it names must be valid.
pub(super) unsafe fn address(dev: *mut bindings::pci_dev) -> u64 {
    // SAFETY: By this function's contract.
    unsafe { acs_quirks_address(dev) }
}
