// SPDX-License-Identifier: GPL-2.0-only

//! The interface to C: root buses with described configuration space, and the functions that the
//! kernel finds there.

#![expect(unsafe_code, reason = "this is the one layer that may")]

use core::ptr;

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*, //
};

use super::spaces::Spaces;

/// The first domain of synthetic machines. No host has that many domains. Some IOMMU drivers take
/// the low 16 bits of a domain for its PCI segment (`get_device_segment()` in
/// `drivers/iommu/amd/iommu.c`). If a synthetic function had a segment of the host, the driver
/// would translate its requests like those of the host's function with the same address. So these
/// bits are beyond the segments of hosts, too.
const FIRST_DOMAIN: u32 = 0x0010_8000;
/// No host has this segment or a higher one.
const NO_HOSTS_SEGMENT: u32 = 0x8000;

/// `NUMA_NO_NODE`.
const NO_NODE: c_int = -1;

/// The kernel's number of a described domain. `EINVAL` if a host could have that segment.
fn kernel_domain(domain: u32) -> Result<c_int> {
    let domain = domain.checked_add(FIRST_DOMAIN).ok_or(EINVAL)?;
    if domain & 0xffff < NO_HOSTS_SEGMENT {
        return Err(EINVAL);
    }
    Ok(c_int::try_from(domain)?)
}

/// The `sysdata` of a root bus, for the functions that read configuration space.
#[repr(C)]
struct HostBridge {
    /// The first field, because the architecture takes `pci_bus.sysdata` for this type:
    /// `arch/x86/include/asm/pci.h`.
    sysdata: bindings::pci_sysdata,
    /// Range of bus numbers.
    buses: bindings::resource,
    /// Number of the domain in the description.
    domain: u32,
    spaces: *const Spaces,
}

/// `write` has no effect: configuration space stays as described.
static mut OPS: bindings::pci_ops = bindings::pci_ops {
    read: Some(read),
    write: Some(write),
    // SAFETY: This is a structure of optional function pointers, so that zero is valid.
    ..unsafe { core::mem::zeroed() }
};

/// `pci_ops.read`.
///
/// # Safety
///
/// `bus` must be a bus below a [`Root`], and `value` must be valid for a write.
unsafe extern "C" fn read(
    bus: *mut bindings::pci_bus,
    devfn: c_uint,
    offset: c_int,
    size: c_int,
    value: *mut u32,
) -> c_int {
    // SAFETY: By this function's contract; the kernel gives each bus the sysdata of its root bus.
    let (number, bridge) = unsafe { ((*bus).number, (*bus).sysdata.cast::<HostBridge>()) };
    // SAFETY: `Root` keeps the host bridge as long as there are buses, and the spaces outlive it.
    let (domain, spaces) = unsafe { ((*bridge).domain, &*(*bridge).spaces) };
    let place = u8::try_from(devfn).ok().zip(usize::try_from(offset).ok());
    let found = place.map_or(u32::MAX, |(devfn, offset)| {
        let dword = spaces.read(domain, number, devfn, offset & !3);
        dword >> ((offset & 3) * 8)
    });
    let found = match size {
        1 => found & 0xff,
        2 => found & 0xffff,
        _ => found,
    };
    // SAFETY: By this function's contract.
    unsafe { *value = found };
    bindings::PCIBIOS_SUCCESSFUL as c_int
}

/// `pci_ops.write`: has no effect.
extern "C" fn write(
    _bus: *mut bindings::pci_bus,
    _devfn: c_uint,
    _offset: c_int,
    _size: c_int,
    _value: u32,
) -> c_int {
    bindings::PCIBIOS_SUCCESSFUL as c_int
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
        unsafe { bindings::pci_lock_rescan_remove() };
        Self(())
    }
}

impl Drop for Rescan {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::pci_unlock_rescan_remove() };
    }
}

/// A root bus that the kernel has scanned. [`Root::remove`] removes it and everything below.
///
/// # Invariants
///
/// The bus is registered, and the host bridge is its sysdata.
pub(super) struct Root {
    bus: *mut bindings::pci_bus,
    // Boxed, because the kernel has pointers to it.
    _bridge: KBox<HostBridge>,
}

// SAFETY: A root bus may be removed from any thread.
unsafe impl Send for Root {}
// SAFETY: No method takes a shared reference.
unsafe impl Sync for Root {}

impl Root {
    /// Lets the kernel scan a root bus and everything below. If `vmd` is given, the domain is
    /// behind it.
    ///
    /// # Errors
    ///
    /// `ENODEV` when the kernel refuses the bus; `ENOMEM`.
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
        let mut bridge = KBox::new(
            HostBridge {
                sysdata: bindings::pci_sysdata {
                    domain: kernel_domain(domain)?,
                    node: NO_NODE,
                    ..Default::default()
                },
                buses: bindings::resource {
                    name: c"synthetic".as_char_ptr(),
                    start: first.into(),
                    end: last.into(),
                    flags: bindings::IORESOURCE_BUS as c_ulong,
                    ..Default::default()
                },
                domain,
                spaces,
            },
            GFP_KERNEL,
        )?;
        if let Some(vmd) = vmd {
            behind_vmd(&mut bridge.sysdata, vmd)?;
        }
        let mut windows = bindings::list_head::default();
        let list = &raw mut windows;
        // SAFETY: An empty list points to itself, as after `INIT_LIST_HEAD()`. The resource stays
        // in its box until the bus is removed. The kernel takes over the members of the list, or
        // they are freed. The operations are never written to.
        let bus = unsafe {
            (*list).next = list;
            (*list).prev = list;
            bindings::pci_add_resource(list, &raw mut bridge.buses);
            let sysdata: *mut HostBridge = &raw mut *bridge;
            let bus = bindings::pci_scan_root_bus(
                ptr::null_mut(),
                first.into(),
                &raw mut OPS,
                sysdata.cast(),
                list,
            );
            bindings::pci_free_resource_list(list);
            bus
        };
        if bus.is_null() {
            return Err(ENODEV);
        }
        // INVARIANT: The kernel has registered the bus, with that sysdata.
        Ok(Self {
            bus,
            _bridge: bridge,
        })
    }

    /// Removes the bus.
    ///
    /// `pci_create_root_bus()` leaves a reference to the host bridge that `pci_remove_root_bus()`
    /// does not put. The kernel itself never removes such a bus.
    pub(super) fn remove(self, _lock: &Rescan) {
        // SAFETY: By the type invariant. Nothing else has a pointer to the bus that it could
        // remove. The reference to the host bridge is the one that its creation left.
        unsafe {
            let bridge = (*self.bus).bridge;
            bindings::pci_stop_root_bus(self.bus);
            bindings::pci_remove_root_bus(self.bus);
            bindings::put_device(bridge);
        }
    }
}

/// Makes the kernel treat requests from a domain as those of `vmd`: `pci_real_dma_dev()` in
/// `arch/x86/pci/common.c`.
#[cfg(CONFIG_VMD)]
fn behind_vmd(sysdata: &mut bindings::pci_sysdata, vmd: &Device) -> Result {
    sysdata.vmd_dev = vmd.raw;
    Ok(())
}

/// This kernel is built without support for VMD.
#[cfg(not(CONFIG_VMD))]
fn behind_vmd(_sysdata: &mut bindings::pci_sysdata, _vmd: &Device) -> Result {
    Err(ENOTSUPP)
}

/// Described domain, bus, and devfn.
pub(crate) type Address = (u32, u8, u8);

/// The address of a function.
///
/// # Safety
///
/// `dev` must be a valid device on a synthetic bus.
unsafe fn address(dev: *mut bindings::pci_dev) -> Address {
    // SAFETY: By this function's contract; buses below a `Root` have such sysdata.
    unsafe {
        let bus = (*dev).bus;
        let domain = (*(*bus).sysdata.cast::<HostBridge>()).domain;
        // CAST: `pci_dev::devfn` is an encoded byte in a wider field.
        (domain, (*bus).number, (*dev).devfn as u8)
    }
}

/// The VMD that a bus is behind.
///
/// # Safety
///
/// `bus` must be a valid bus below a [`Root`].
#[cfg(CONFIG_VMD)]
unsafe fn vmd(bus: *mut bindings::pci_bus) -> Option<Address> {
    // SAFETY: By this function's contract. A VMD is on a synthetic bus, and outlives the buses
    // behind it.
    unsafe {
        let vmd = (*(*bus).sysdata.cast::<HostBridge>()).sysdata.vmd_dev;
        (!vmd.is_null()).then(|| address(vmd))
    }
}

#[cfg(not(CONFIG_VMD))]
unsafe fn vmd(_bus: *mut bindings::pci_bus) -> Option<Address> {
    None
}

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
    /// `pci_dev.dma_alias_mask`: a bit for each devfn of the bus.
    pub(crate) aliases: [c_ulong; 256 / c_ulong::BITS as usize],
    /// ACS Capability, as corrected by the kernel, and ACS Control.
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

// SAFETY: References to devices may be put by any thread.
unsafe impl Send for Device {}
// SAFETY: The functions that are called with a shared reference may be called by any thread.
unsafe impl Sync for Device {}

impl Device {
    /// The function at a described address.
    pub(super) fn at(domain: u32, bus: u8, devfn: u8) -> Option<Self> {
        let domain = kernel_domain(domain).ok()?;
        // SAFETY: May be called with any numbers, from a context that may sleep.
        let raw =
            unsafe { bindings::pci_get_domain_bus_and_slot(domain, bus.into(), devfn.into()) };
        // INVARIANT: The call returns a device with a reference, or null. Only synthetic buses have
        // such a domain.
        (!raw.is_null()).then_some(Self { raw })
    }

    /// Calls `each` with the described address of every function on a synthetic bus, until it
    /// fails. The order is that of `bus_for_each_dev()`, in which the kernel has added the
    /// functions and an IOMMU driver groups them.
    ///
    /// # Errors
    ///
    /// That of `each`.
    pub(super) fn for_each(mut each: impl FnMut(u32, u8, u8, Self) -> Result) -> Result {
        let mut at: *mut bindings::pci_dev = ptr::null_mut();
        loop {
            // SAFETY: The argument is null, or a device whose reference the call takes over.
            at = unsafe { bindings::pci_get_device(u32::MAX, u32::MAX, at) };
            if at.is_null() {
                return Ok(());
            }
            // SAFETY: The device is held, and holds its bus.
            let (bus, number, devfn) = unsafe { ((*at).bus, (*(*at).bus).number, (*at).devfn) };
            // SAFETY: As above. The pointer to the operations is only compared.
            if unsafe { (*bus).ops } != &raw mut OPS {
                continue;
            }
            // SAFETY: Only buses below a `Root` have these operations.
            let domain = unsafe { (*(*bus).sysdata.cast::<HostBridge>()).domain };
            // SAFETY: The device is held. `Self` owns the new reference.
            let raw = unsafe { bindings::pci_dev_get(at) };
            // CAST: `pci_dev::devfn` is an encoded byte in a wider field.
            if let Err(error) = each(domain, number, devfn as u8, Self { raw }) {
                // SAFETY: The next call would have taken over this reference.
                unsafe { bindings::pci_dev_put(at) };
                return Err(error);
            }
        }
    }

    /// Removes the function and everything below, as a write to `remove` in sysfs does.
    pub(super) fn remove(&self, _lock: &Rescan) {
        // SAFETY: By the type invariant.
        unsafe { bindings::pci_stop_and_remove_bus_device(self.raw) };
    }

    /// Records that the kernel has set up the port so that it isolates.
    pub(super) fn note_set_up(&self) {
        // SAFETY: By the type invariant. No driver is bound, so nothing else writes to the flags.
        unsafe {
            (*self.raw).dev_flags |= bindings::pci_dev_flags_PCI_DEV_FLAGS_ACS_ENABLED_QUIRK as u16;
        }
    }

    /// Marks the port as external-facing.
    pub(super) fn note_external_facing(&self) {
        // SAFETY: As above.
        unsafe { bindings::pci_dev::set_external_facing_raw(self.raw, 1) };
    }

    /// Lets the kernel find the group of the function, and adds the function to it. Returns the
    /// number of the group.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn group(&self) -> Result<u32> {
        // SAFETY: By the type invariant it is a registered PCI device.
        let device = unsafe { &raw mut (*self.raw).dev };
        // SAFETY: As above. The device is in no group yet.
        let group = from_err_ptr(unsafe { bindings::pci_device_group(device) })?;
        // SAFETY: The group is held by the reference that was returned.
        let number = unsafe { bindings::iommu_group_id(group) };
        // SAFETY: As above.
        let added = to_result(unsafe { bindings::iommu_group_add_device(group, device) });
        // SAFETY: The reference is put once. The member has its own.
        unsafe { bindings::iommu_group_put(group) };
        added?;
        Ok(u32::try_from(number)?)
    }

    /// Takes the function out of its group.
    pub(super) fn ungroup(&self) {
        // SAFETY: By the type invariant. The call ignores a device without a group.
        unsafe { bindings::iommu_group_remove_device(&raw mut (*self.raw).dev) };
    }

    /// The kernel's facts about the function.
    pub(crate) fn known(&self) -> Known {
        let dev = self.raw;
        // SAFETY: By the type invariant the device is valid, and so are its bus and the bridge
        // above. A mask of aliases has a bit for each devfn of a bus.
        unsafe {
            let bus = (*dev).bus;
            let bridge = (*bus).self_;
            let mut aliases = [0; 256 / c_ulong::BITS as usize];
            if !(*dev).dma_alias_mask.is_null() {
                ptr::copy_nonoverlapping(
                    (*dev).dma_alias_mask.cast_const(),
                    aliases.as_mut_ptr(),
                    aliases.len(),
                );
            }
            let has = |flag: u32| u32::from((*dev).dev_flags) & flag != 0;
            let acs_at = (*dev).acs_cap;
            let mut control = 0;
            if acs_at != 0 {
                // PCI_ACS_CTRL
                bindings::pci_read_config_word(dev, i32::from(acs_at) + 6, &mut control);
            }
            let [flags, _] = (*dev).pcie_flags_reg.to_le_bytes();
            Known {
                address: address(dev),
                above: (!bridge.is_null()).then(|| address(bridge)),
                vmd: vmd(bus),
                raw_type: ((*dev).pcie_cap != 0).then_some(flags >> 4),
                multifunction: bindings::pci_dev::multifunction_raw(dev) != 0,
                translation_root: has(bindings::pci_dev_flags_PCI_DEV_FLAGS_BRIDGE_XLATE_ROOT),
                keeps_requester_ids: has(bindings::pci_dev_flags_PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS),
                aliases,
                acs: (acs_at != 0).then_some(((*dev).acs_capabilities, control)),
            }
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
        unsafe { bindings::pci_dev_put(self.raw) };
    }
}
