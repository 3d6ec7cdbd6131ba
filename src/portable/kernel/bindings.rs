// SPDX-License-Identifier: GPL-2.0-only

//! C types and functions, as bindgen would name them. Types are opaque: C code reads them.
//! `kernel.c` asserts each prototype at compile time.

#![allow(missing_docs, non_camel_case_types, reason = "the names of C")]

use core::ffi::{c_char, c_int, c_uint, c_void};

macro_rules! opaque {
    ($($name:ident),*) => {
        $(
            #[repr(C)]
            pub struct $name {
                _private: [u8; 0],
            }
        )*
    };
}

opaque!(device, pci_bus, pci_dev, seq_file);

extern "C" {
    pub fn pci_bus_read_config_dword(
        bus: *mut pci_bus,
        devfn: c_uint,
        offset: c_int,
        value: *mut u32,
    ) -> c_int;
    pub fn pci_dev_put(dev: *mut pci_dev);
    pub fn pci_get_device(vendor: c_uint, device: c_uint, from: *mut pci_dev) -> *mut pci_dev;
    pub fn pci_get_slot(bus: *mut pci_bus, devfn: c_uint) -> *mut pci_dev;
    pub fn seq_write(file: *mut seq_file, data: *const c_void, len: usize) -> c_int;
}

// Defined in `kernel.c`.
extern "C" {
    pub(crate) fn acs_quirks_print(
        level: *const c_char,
        module: *const c_char,
        text: *const u8,
        len: c_int,
    );
    pub(crate) fn acs_quirks_print_device(
        level: *const c_char,
        dev: *const device,
        text: *const u8,
        len: c_int,
    );
    pub(crate) fn acs_quirks_lock();
    pub(crate) fn acs_quirks_unlock();
    pub(crate) fn acs_quirks_rcu_read_lock();
    pub(crate) fn acs_quirks_rcu_read_unlock();
}

/// `include/linux/pci.h`; asserted in `kernel.c`.
pub const PCIBIOS_SUCCESSFUL: u32 = 0;
/// `include/linux/pci.h`; asserted in `kernel.c`.
pub const PCIBIOS_DEVICE_NOT_FOUND: u32 = 0x86;
