// SPDX-License-Identifier: GPL-2.0-only

//! The record of the kernel's PCI functions and of the decisions on each: the Rust side of
//! `known.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        rcu, //
    }, //
};

use super::pci::PciFunction;
use crate::{
    driver::{
        effect,
        record, //
    },
    rules::{
        device,
        packed::Verdict, //
    }, //
};

#[allow(
    improper_ctypes,
    reason = "empty structures deep inside, in some configurations; only pointers are passed"
)]
extern "C" {
    fn acs_quirks_known_start() -> c_int;
    fn acs_quirks_known_stop();
    fn acs_quirks_known(bus: *mut bindings::pci_bus, devfn: u8) -> c_int;
    fn acs_quirks_exposed(dev: *mut bindings::pci_dev) -> bool;
    fn acs_quirks_aliased(bus: *mut bindings::pci_bus, first: u8, last: u8) -> bool;
    fn acs_quirks_record(dev: *mut bindings::pci_dev) -> *mut u64;
    fn acs_quirks_each(
        bus: *mut bindings::pci_bus,
        visit: unsafe extern "C" fn(*mut c_void, *mut bindings::pci_dev, *mut u64),
        data: *mut c_void,
    );
    fn acs_quirks_address(dev: *mut bindings::pci_dev) -> u64;
}

/// The running record. Dropping the value ends it.
///
/// # Invariants
///
/// While a value exists, the notifier of `known.c` is registered. At most one value exists.
pub(crate) struct Known(());

impl Known {
    /// Starts the record with the functions that the kernel has.
    ///
    /// Only module initialisation calls this, once.
    ///
    /// # Errors
    ///
    /// The error of `bus_register_notifier()`.
    pub(crate) fn start() -> Result<Self> {
        // SAFETY: Called once, from module initialisation, which may sleep.
        to_result(unsafe { acs_quirks_known_start() })?;
        // INVARIANT: The notifier is registered, and this is the only caller.
        Ok(Self(()))
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the notifier is registered. The hook and the files, which
        // read the record, are dropped first (`driver/mod.rs`).
        unsafe { acs_quirks_known_stop() }
    }
}

/// The decisions on one function since the kernel added it. `first` and `latest` hold decisions on
/// the flags of grouping.
pub(crate) struct Record<'a> {
    first: &'a Atomic<u64>,
    latest: &'a Atomic<u64>,
    logged: &'a Atomic<u64>,
}

impl Record<'_> {
    /// Views the words of a slot.
    ///
    /// # Safety
    ///
    /// `words` must be the record of a slot of `known.c` that stays valid for `'a`.
    unsafe fn from_raw(words: *mut u64) -> Self {
        // SAFETY: A slot has three words, only this type accesses them, and by this function's
        // contract they are valid for `'a`.
        unsafe {
            Self {
                first: Atomic::from_ptr(words),
                latest: Atomic::from_ptr(words.add(1)),
                logged: Atomic::from_ptr(words.add(2)),
            }
        }
    }

    /// Keeps a decision. The first one is the decision on the function's own group, unless the
    /// function was grouped before the module was loaded.
    pub(crate) fn keep(&self, verdict: Verdict) {
        let word = verdict.pack();
        self.latest.store(word, Relaxed);
        // Only the first decision replaces the 0.
        let _ = self.first.cmpxchg(0, word, Full);
    }

    /// The first decision, if any.
    pub(crate) fn first(&self) -> Option<Verdict> {
        Verdict::unpack(self.first.load(Relaxed))
    }

    /// The latest decision, if any.
    pub(crate) fn latest(&self) -> Option<Verdict> {
        Verdict::unpack(self.latest.load(Relaxed))
    }

    /// Whether any decision since the kernel added the function was a grant for the flags of
    /// grouping.
    pub(crate) fn was_granted(&self) -> bool {
        self.logged.load(Relaxed) & u64::from(Verdict::GRANTED) != 0
    }

    /// Marks the kind of a decision as logged; returns whether it was not marked before. Decisions
    /// on the flags of grouping and on other flags have separate marks.
    pub(crate) fn log(&self, verdict: Verdict, is_grouping: bool) -> bool {
        let bit = u64::from(verdict.kind()) << if is_grouping { 0 } else { 32 };
        let mut logged = self.logged.load(Relaxed);
        while logged & bit == 0 {
            match self.logged.cmpxchg(logged, logged | bit, Full) {
                Ok(_) => return true,
                Err(found) => logged = found,
            }
        }
        false
    }
}

/// The record's answer for a device and function number of `bus`.
///
/// # Safety
///
/// `bus` must be valid.
pub(super) unsafe fn at(bus: *mut bindings::pci_bus, devfn: u8) -> device::Record {
    let _reading = rcu::read_lock();
    // SAFETY: By this function's contract, and under RCU.
    match unsafe { acs_quirks_known(bus, devfn) } {
        0 => device::Record::None,
        1 => device::Record::Known,
        2 => device::Record::Exposed,
        _ => device::Record::Incomplete,
    }
}

/// Whether a function, or a bridge above it, is untrusted or external-facing according to the
/// record.
///
/// # Safety
///
/// `dev` and all bridges above it must be valid.
pub(super) unsafe fn is_exposed(dev: *mut bindings::pci_dev) -> bool {
    let _reading = rcu::read_lock();
    // SAFETY: By this function's contract, and under RCU.
    unsafe { acs_quirks_exposed(dev) }
}

/// Whether a function numbered `first` to `last` on `bus` has a DMA alias on the bus, or is one.
///
/// # Safety
///
/// `bus` must be valid.
pub(super) unsafe fn is_aliased(bus: *mut bindings::pci_bus, first: u8, last: u8) -> bool {
    let _reading = rcu::read_lock();
    // SAFETY: By this function's contract, and under RCU.
    unsafe { acs_quirks_aliased(bus, first, last) }
}

/// Calls `read` with the record of a function; `None` if the function has no record.
///
/// # Safety
///
/// `dev` and its bus must be valid.
pub(super) unsafe fn with_record<T>(
    dev: *mut bindings::pci_dev,
    read: impl FnOnce(&Record<'_>) -> T,
) -> Option<T> {
    let _reading = rcu::read_lock();
    // SAFETY: By this function's contract, and under RCU.
    let words = unsafe { acs_quirks_record(dev) };
    if words.is_null() {
        return None;
    }
    // SAFETY: The slot is freed only after all RCU readers have left.
    Some(read(&unsafe { Record::from_raw(words) }))
}

/// The visitor of [`each_of`].
type Visit<'a> = &'a mut dyn FnMut(&PciFunction<'_>, &Record<'_>);

/// Calls `visit` for every function of the record, under RCU: `visit` must not sleep.
pub(crate) fn each(mut visit: impl FnMut(&PciFunction<'_>, &Record<'_>)) {
    // SAFETY: Null means every bus.
    unsafe { each_of(core::ptr::null_mut(), &mut visit) }
}

/// Calls `visit` for the functions of one bus, or of every bus if `bus` is null. Runs under RCU.
///
/// # Safety
///
/// `bus` must be null or valid.
pub(super) unsafe fn each_of(bus: *mut bindings::pci_bus, mut visit: Visit<'_>) {
    // SAFETY: By this function's contract. `show` gets the pointer to `visit`, which is valid for
    // the call.
    unsafe { acs_quirks_each(bus, show, (&raw mut visit).cast()) }
}

/// Called by `known.c` for each function.
///
/// # Safety
///
/// `data` must be the pointer from [`each_of`], `dev` a device of the record, and `words` its
/// record, under RCU.
unsafe extern "C" fn show(data: *mut c_void, dev: *mut bindings::pci_dev, words: *mut u64) {
    // SAFETY: By this function's contract.
    let visit = unsafe { &mut *data.cast::<Visit<'_>>() };
    // SAFETY: The device is set up before it is announced, and neither the device nor the slot is
    // freed while RCU readers exist.
    let (function, record) = unsafe { (PciFunction::from_raw(dev), Record::from_raw(words)) };
    visit(&function, &record);
}

/// The address of a function: domain in bits 47:16, bus in 15:8, devfn in 7:0.
///
/// # Safety
///
/// `dev` and its bus must be valid.
pub(super) unsafe fn address(dev: *mut bindings::pci_dev) -> u64 {
    // SAFETY: By this function's contract.
    unsafe { acs_quirks_address(dev) }
}

/// Called by `known.c` for each function that the kernel adds, before the kernel groups it. May
/// sleep.
///
/// # Safety
///
/// `dev` must be valid and set up by the PCI core.
#[no_mangle]
unsafe extern "C" fn acs_quirks_appeared(dev: *mut bindings::pci_dev) {
    effect::on_new_device();
    // SAFETY: By this function's contract.
    record::appeared(&unsafe { PciFunction::from_raw(dev) });
}
