// SPDX-License-Identifier: GPL-2.0-only

//! The self-test: does the kernel reach the hook when it groups a device, and with the arguments
//! and the result that the hook relies on?
//!
//! The test places a `struct pci_dev` that exists in memory only in an empty slot of a root bus,
//! and calls `pci_device_group()`, which asks `pci_dev_specific_acs_enabled()` on the same path as
//! for any device. The test touches no register of a device and registers the decoy nowhere. An
//! IOMMU group without a member exists for a moment.
//!
//! With the ids and the type of an entry, the decoy also shows whether the kernel has a quirk for
//! these ids ([`ask_about`]).
//!
//! Kernel headers have no prototype of the hooked function, so only this test checks the arguments
//! and the result. Before a test has passed, every question gets the kernel's own answer
//! ([`is_proven`]).

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    }, //
};

use super::pci::Held;
use crate::rules::{
    acs::AcsFlags,
    decision::KernelVerdict, //
};

#[allow(
    improper_ctypes,
    reason = "empty structures deep inside, in some configurations; only pointers are passed"
)]
extern "C" {
    fn acs_quirks_decoy(
        bus: *mut bindings::pci_bus,
        devfn: u8,
        ids: u32,
        pcie_type: u8,
    ) -> *mut bindings::pci_dev;
    fn acs_quirks_decoy_group(decoy: *mut bindings::pci_dev) -> c_int;
    fn acs_quirks_decoy_free(decoy: *mut bindings::pci_dev);
    fn acs_quirks_current() -> usize;
}

/// Address of the thread that runs the test, 0 otherwise.
static TESTER: Atomic<usize> = Atomic::new(0);
/// Address of the decoy during the test.
static DECOY: Atomic<usize> = Atomic::new(0);
/// What the hook saw during the test: 0 for nothing, or see [`pack`].
static SEEN: Atomic<u64> = Atomic::new(0);
/// Whether a test has passed since the module was loaded.
static PROVEN: Atomic<bool> = Atomic::new(false);

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
    /// The hook saw the decoy, the flags of grouping, and the answer "no quirk for this device".
    Reached,
    /// The kernel grouped the decoy, and the hook saw nothing.
    NotReached,
    /// The hooked function has other arguments or another result than the hook expects.
    Unknown(Mismatch),
    /// The host has no PCI device, or the root bus has no empty slot.
    NoSlot,
    /// The kernel had no memory for the decoy or its group.
    NoMemory,
}

/// The difference between the hooked function and the function that the hook expects.
#[derive(Clone, Copy)]
pub(crate) enum Mismatch {
    /// The first argument is not the device.
    Device,
    /// The second argument is this value instead of [`AcsFlags::GROUPING`].
    Flags(u16),
    /// The result for a device without a quirk is this value instead of `-ENOTTY`.
    Verdict(c_int),
}

impl core::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Device => write!(f, "the first argument is not the device"),
            Self::Flags(flags) => write!(
                f,
                "the second argument is {flags:#x}, not the flags of grouping ({:#x})",
                AcsFlags::GROUPING.bits()
            ),
            Self::Verdict(verdict) => write!(
                f,
                "the result for a device without a quirk is {verdict}, not -ENOTTY"
            ),
        }
    }
}

/// Runs the self-test. May sleep.
pub(crate) fn prove() -> Proof {
    in_proven_slot(|_, _| ()).map_or_else(|proof| proof, |()| Proof::Reached)
}

/// A question of the kernel about a device: its vendor id, its device id and the value of Device/Port
/// Type. `None` if the kernel does not answer.
pub(crate) type Ask<'a> = &'a dyn Fn(u16, u16, u8) -> Option<KernelVerdict>;

/// Calls `then` with the means to ask the kernel, unless the self-test does not pass. May sleep.
pub(crate) fn ask_about(then: impl FnOnce(Ask<'_>)) {
    let _ = in_proven_slot(|bus, devfn| {
        then(&|vendor, device, pcie_type| {
            let ids = u32::from(vendor) << 16 | u32::from(device);
            let seen = ask(bus, devfn, ids, pcie_type).ok()?;
            // CAST: A field of `pack`.
            (seen & NOTED != 0).then(|| KernelVerdict::from_raw(seen as c_int))
        });
    });
}

/// Finds an empty slot in which the self-test passes, and calls `then` with its bus and devfn.
///
/// Takes no lock of the PCI core, because some callers hold such a lock until a virtual machine
/// releases a device. Devices may therefore appear and disappear during the test.
///
/// # Errors
///
/// The result of the self-test, if it does not pass.
fn in_proven_slot<T>(
    then: impl FnOnce(*mut bindings::pci_bus, u8) -> T,
) -> core::result::Result<T, Proof> {
    let _turn = TURN.lock();
    let anchor = Held::first().ok_or(Proof::NoSlot)?;
    let bus = anchor.root_bus();
    let mut result = Proof::NoSlot;
    // The search starts at the highest slot: an empty slot near real devices may be a DMA alias of
    // one of them, and the kernel then takes that device's group without asking.
    for slot in (0..32_u8).rev() {
        if !is_empty(bus, slot) {
            continue;
        }
        // No vendor has the id 0.
        match ask(bus, slot << 3, 0, 0).map(judge) {
            Ok(None) => result = Proof::NotReached,
            Ok(Some(Ok(()))) => {
                PROVEN.store(true, Release);
                return Ok(then(bus, slot << 3));
            }
            Ok(Some(Err(mismatch))) => return Err(Proof::Unknown(mismatch)),
            Err(_) => return Err(Proof::NoMemory),
        }
    }
    Err(result)
}

/// Whether a self-test has passed, so that the hook may read its arguments and change a result.
pub(crate) fn is_proven() -> bool {
    PROVEN.load(Acquire)
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

/// Asks about a decoy at `devfn` with these ids (vendor in bits 31:16); returns [`SEEN`].
///
/// # Errors
///
/// `ENOMEM` if the decoy or the group could not be allocated.
fn ask(bus: *mut bindings::pci_bus, devfn: u8, ids: u32, pcie_type: u8) -> Result<u64> {
    // SAFETY: The caller holds a device below the bus; the decoy takes a reference to the bus.
    let decoy = unsafe { acs_quirks_decoy(bus, devfn, ids, pcie_type) };
    if decoy.is_null() {
        return Err(ENOMEM);
    }
    SEEN.store(0, Relaxed);
    DECOY.store(decoy.addr(), Relaxed);
    // SAFETY: The function has no precondition.
    let tester = unsafe { acs_quirks_current() };
    TESTER.store(tester, Release);
    // SAFETY: The decoy has every field that `pci_device_group()` reads.
    let result = to_result(unsafe { acs_quirks_decoy_group(decoy) });
    TESTER.store(0, Release);
    // SAFETY: Nothing has registered the decoy or kept a pointer to it, so that it is freed once.
    unsafe { acs_quirks_decoy_free(decoy) };
    result.map(|()| SEEN.load(Acquire))
}

/// Whether the calling thread runs the self-test. Its questions are then about the decoy.
pub(super) fn is_test() -> bool {
    let tester = TESTER.load(Acquire);
    // SAFETY: The function has no precondition.
    tester != 0 && tester == unsafe { acs_quirks_current() }
}

/// Notes what the hook saw during the test. `dev` is only compared.
pub(super) fn note(dev: *mut bindings::pci_dev, acs_flags: u16, verdict: c_int) {
    let is_decoy = dev.addr() == DECOY.load(Relaxed);
    SEEN.store(pack(is_decoy, acs_flags, verdict), Release);
}

const NOTED: u64 = 1 << 63;
const IS_DECOY: u64 = 1 << 62;

/// One word: the flags in bits 47:32, the verdict in 31:0, and two marks.
fn pack(is_decoy: bool, acs_flags: u16, verdict: c_int) -> u64 {
    let decoy = if is_decoy { IS_DECOY } else { 0 };
    // CAST: The same 32 bits.
    NOTED | decoy | u64::from(acs_flags) << 32 | u64::from(verdict as u32)
}

/// Compares [`SEEN`] with what the hook relies on; `None` if the hook saw nothing.
fn judge(seen: u64) -> Option<core::result::Result<(), Mismatch>> {
    if seen & NOTED == 0 {
        return None;
    }
    // CAST: The fields of `pack`.
    let (acs_flags, verdict) = ((seen >> 32) as u16, seen as c_int);
    Some(if seen & IS_DECOY == 0 {
        Err(Mismatch::Device)
    } else if AcsFlags::from_bits(acs_flags) != AcsFlags::GROUPING {
        Err(Mismatch::Flags(acs_flags))
    } else if KernelVerdict::from_raw(verdict) != KernelVerdict::NoOpinion {
        Err(Mismatch::Verdict(verdict))
    } else {
        Ok(())
    })
}
