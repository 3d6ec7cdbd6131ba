// SPDX-License-Identifier: GPL-2.0-only

//! The interface to `sys.c`: root buses with described configuration space, and the functions that the
//! kernel finds there.

#![expect(unsafe_code, reason = "this is the one layer that may")]

use core::{
    mem::MaybeUninit,
    ptr, //
};

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use super::spaces::Spaces;

// In sys.c, where the prototypes of the kernel's own functions are asserted.
#[allow(
    improper_ctypes,
    reason = "empty structures deep inside, in some configurations; only pointers are passed"
)]
extern "C" {
    fn acs_quirks_synthetic_scan(
        spaces: *const c_void,
        domain: c_int,
        first: u8,
        last: u8,
        vmd: *mut bindings::pci_dev,
        root: *mut *mut bindings::pci_bus,
    ) -> c_int;
    fn acs_quirks_synthetic_remove(root: *mut bindings::pci_bus);
    fn acs_quirks_synthetic_at(
        domain: c_int,
        bus: u8,
        devfn: u8,
        dev: *mut *mut bindings::pci_dev,
    ) -> c_int;
    fn acs_quirks_synthetic_next(dev: *mut bindings::pci_dev) -> *mut bindings::pci_dev;
    fn acs_quirks_synthetic_address(dev: *mut bindings::pci_dev) -> u64;
    fn acs_quirks_synthetic_note_set_up(dev: *mut bindings::pci_dev);
    fn acs_quirks_synthetic_note_external_facing(dev: *mut bindings::pci_dev);
    fn acs_quirks_synthetic_group(dev: *mut bindings::pci_dev) -> c_int;
    fn acs_quirks_synthetic_ungroup(dev: *mut bindings::pci_dev);
    fn acs_quirks_synthetic_facts(dev: *mut bindings::pci_dev, facts: *mut Facts);
    fn pci_lock_rescan_remove();
    fn pci_unlock_rescan_remove();
    fn pci_stop_and_remove_bus_device(dev: *mut bindings::pci_dev);
}

/// The first domain of synthetic machines. No host has that many domains. Some IOMMU drivers take
/// the low 16 bits of a domain for its PCI segment (`get_device_segment()` in
/// `drivers/iommu/amd/iommu.c`). If a synthetic function had a segment of the host, the driver
/// would translate its requests like those of the host's function with the same address. So these
/// bits are beyond the segments of hosts, too. AMD's driver before 6.0 ignores the domain.
const FIRST_DOMAIN: u32 = 0x0010_8000;
/// No host has this segment or a higher one.
const NO_HOSTS_SEGMENT: u32 = 0x8000;

/// The kernel's number of a described domain. `EINVAL` if a host could have that segment.
fn kernel_domain(domain: u32) -> Result<c_int> {
    let domain = domain.checked_add(FIRST_DOMAIN).ok_or(EINVAL)?;
    if domain & 0xffff < NO_HOSTS_SEGMENT {
        return Err(EINVAL);
    }
    c_int::try_from(domain).map_err(|_| EINVAL)
}

/// The described number of a domain of the kernel.
fn described_domain(domain: u32) -> u32 {
    domain.wrapping_sub(FIRST_DOMAIN)
}

/// Called by sys.c for a read from a synthetic bus.
///
/// # Safety
///
/// `spaces` must be those of a [`Root`].
#[no_mangle]
unsafe extern "C" fn acs_quirks_synthetic_read(
    spaces: *const c_void,
    domain: u32,
    bus: u8,
    devfn: u32,
    offset: c_int,
) -> u32 {
    // SAFETY: By this function's contract; the spaces outlive the root bus.
    let spaces = unsafe { &*spaces.cast::<Spaces>() };
    let place = u8::try_from(devfn).ok().zip(usize::try_from(offset).ok());
    place.map_or(u32::MAX, |(devfn, offset)| {
        spaces.read(described_domain(domain), bus, devfn, offset)
    })
}

/// Excludes others from adding and removing PCI devices: `pci_lock_rescan_remove()`.
///
/// # Invariants
///
/// The lock is held, once.
pub(super) struct Rescan(());

impl Rescan {
    /// Waits for the lock.
    pub(super) fn lock() -> Self {
        // SAFETY: Called from a context that may sleep, and never while it is held.
        unsafe { pci_lock_rescan_remove() };
        Self(())
    }
}

impl Drop for Rescan {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { pci_unlock_rescan_remove() };
    }
}

/// A root bus that the kernel has scanned. [`Root::remove`] removes it and everything below.
///
/// # Invariants
///
/// The bus is from `acs_quirks_synthetic_scan()` and registered.
pub(super) struct Root(*mut bindings::pci_bus);

impl Root {
    /// Lets the kernel scan a root bus and everything below. If `vmd` is given, the domain is
    /// behind it.
    ///
    /// # Errors
    ///
    /// `ENODEV` when the kernel refuses the bus; `ENOTSUPP` for a VMD that the kernel does not
    /// support; `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `spaces` must stay in place and valid until the bus is removed.
    pub(super) unsafe fn scan(
        _lock: &Rescan,
        spaces: *const Spaces,
        (domain, first, last): (u32, u8, u8),
        vmd: Option<&Device>,
    ) -> Result<Self> {
        let domain = kernel_domain(domain)?;
        let vmd = vmd.map_or(ptr::null_mut(), |vmd| vmd.raw);
        let mut root = ptr::null_mut();
        // SAFETY: By this function's contract. The caller holds the lock.
        to_result(unsafe {
            acs_quirks_synthetic_scan(spaces.cast(), domain, first, last, vmd, &mut root)
        })?;
        // INVARIANT: The call has succeeded.
        Ok(Self(root))
    }

    /// Removes the bus.
    pub(super) fn remove(self, _lock: &Rescan) {
        // SAFETY: By the type invariant. Nothing else has a pointer to the bus that it could
        // remove.
        unsafe { acs_quirks_synthetic_remove(self.0) }
    }
}

/// Described domain, bus, and devfn.
pub(crate) type Address = (u32, u8, u8);

/// The address of a function.
///
/// # Safety
///
/// `dev` must be a valid device on a synthetic bus.
unsafe fn address(dev: *mut bindings::pci_dev) -> Address {
    // SAFETY: By this function's contract.
    let address = unsafe { acs_quirks_synthetic_address(dev) };
    let [devfn, bus, ..] = address.to_le_bytes();
    // CAST: The bits above are the domain.
    (described_domain((address >> 16) as u32), bus, devfn)
}

/// A bit for each devfn of a bus.
type Devfns = [c_ulong; 256 / c_ulong::BITS as usize];

/// `struct facts` of sys.c.
#[repr(C)]
struct Facts {
    above: *mut bindings::pci_dev,
    vmd: *mut bindings::pci_dev,
    aliases: Devfns,
    bits: u32,
    raw_type: c_int,
    acs_capability: u16,
    acs_control: u16,
}

// The bits of `Facts`, as in sys.c.
const IS_MULTIFUNCTION: u32 = 1 << 0;
const IS_TRANSLATION_ROOT: u32 = 1 << 1;
const KEEPS_REQUESTER_IDS: u32 = 1 << 2;
const HAS_ACS: u32 = 1 << 3;

/// The kernel's facts about a function.
pub(crate) struct Known {
    /// Address of the function.
    pub(crate) address: Address,
    /// Address of the bridge above. `None` on a root bus.
    pub(crate) above: Option<Address>,
    /// Address of the VMD that the function is behind.
    pub(crate) vmd: Option<Address>,
    /// The raw Device/Port Type. `None` without a PCI Express capability.
    pub(crate) raw_type: Option<u8>,
    /// `pci_dev.multifunction`.
    pub(crate) multifunction: bool,
    /// `PCI_DEV_FLAGS_BRIDGE_XLATE_ROOT`.
    pub(crate) translation_root: bool,
    /// `PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS`.
    pub(crate) keeps_requester_ids: bool,
    /// `pci_dev.dma_alias_mask`.
    pub(crate) aliases: Devfns,
    /// ACS Capability, as the kernel sees it, and ACS Control.
    pub(crate) acs: Option<(u16, u16)>,
}

/// A function that the kernel has found on a synthetic bus, with a reference.
///
/// # Invariants
///
/// The pointer is to a device below a [`Root`], and `self` owns a reference to the device.
pub(crate) struct Device {
    raw: *mut bindings::pci_dev,
}

impl Device {
    /// The function at a described address.
    ///
    /// # Errors
    ///
    /// `ENODEV` when no function has the address; `EINVAL` when a host could have the address.
    pub(super) fn at(domain: u32, bus: u8, devfn: u8) -> Result<Self> {
        let domain = kernel_domain(domain)?;
        let mut raw = ptr::null_mut();
        // SAFETY: May be called with any numbers, from a context that may sleep.
        to_result(unsafe { acs_quirks_synthetic_at(domain, bus, devfn, &mut raw) })?;
        // INVARIANT: The call has found a device. Only synthetic buses have such a domain.
        Ok(Self { raw })
    }

    /// The function after `previous`, or the first one, on any synthetic bus. The order is that of
    /// `bus_for_each_dev()`, in which the kernel has added the functions and an IOMMU driver groups
    /// them.
    pub(super) fn next(previous: Option<&Self>) -> Option<Self> {
        let previous = previous.map_or(ptr::null_mut(), |device| device.raw);
        // SAFETY: Null or a valid device.
        let raw = unsafe { acs_quirks_synthetic_next(previous) };
        // INVARIANT: The call returns a device on a synthetic bus with a reference, or null.
        (!raw.is_null()).then_some(Self { raw })
    }

    /// The described address.
    pub(super) fn address(&self) -> Address {
        // SAFETY: By the type invariant.
        unsafe { address(self.raw) }
    }

    /// Removes the function and everything below, as a write to `remove` in sysfs does.
    pub(super) fn remove(&self, _lock: &Rescan) {
        // SAFETY: By the type invariant. The caller holds the lock.
        unsafe { pci_stop_and_remove_bus_device(self.raw) }
    }

    /// Records that the kernel has set up the port so that it isolates.
    pub(super) fn note_set_up(&self) {
        // SAFETY: By the type invariant. No driver is bound, so nothing else writes to the flags.
        unsafe { acs_quirks_synthetic_note_set_up(self.raw) }
    }

    /// Marks the port as external-facing.
    pub(super) fn note_external_facing(&self) {
        // SAFETY: As above.
        unsafe { acs_quirks_synthetic_note_external_facing(self.raw) }
    }

    /// Lets the kernel find the group of the function, and adds the function to it. Returns the
    /// number of the group.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn group(&self) -> Result<u32> {
        // SAFETY: By the type invariant. The device is in no group yet.
        let number = unsafe { acs_quirks_synthetic_group(self.raw) };
        to_result(number)?;
        Ok(number.unsigned_abs())
    }

    /// Takes the function out of its group, if it is in one.
    pub(super) fn ungroup(&self) {
        // SAFETY: By the type invariant.
        unsafe { acs_quirks_synthetic_ungroup(self.raw) }
    }

    /// The kernel's facts about the function.
    pub(crate) fn known(&self) -> Known {
        let mut facts = MaybeUninit::uninit();
        // SAFETY: By the type invariant. The call writes all facts.
        let facts: Facts = unsafe {
            acs_quirks_synthetic_facts(self.raw, facts.as_mut_ptr());
            facts.assume_init()
        };
        // SAFETY: The bridge above and the VMD are on synthetic buses and outlive the function.
        let at = |dev: *mut bindings::pci_dev| (!dev.is_null()).then(|| unsafe { address(dev) });
        let has = |bit| facts.bits & bit != 0;
        Known {
            address: self.address(),
            above: at(facts.above),
            vmd: at(facts.vmd),
            raw_type: u8::try_from(facts.raw_type).ok(),
            multifunction: has(IS_MULTIFUNCTION),
            translation_root: has(IS_TRANSLATION_ROOT),
            keeps_requester_ids: has(KEEPS_REQUESTER_IDS),
            aliases: facts.aliases,
            acs: has(HAS_ACS).then_some((facts.acs_capability, facts.acs_control)),
        }
    }

    /// The raw device, for questions to the kernel. Valid as long as `self`.
    pub(crate) fn as_raw(&self) -> *mut bindings::pci_dev {
        self.raw
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: By the type invariant `self` owns a reference.
        unsafe { bindings::pci_dev_put(self.raw) }
    }
}
