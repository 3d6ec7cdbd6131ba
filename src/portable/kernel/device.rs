// SPDX-License-Identifier: GPL-2.0-only

//! `struct device`: `rust/kernel/device.rs`.

use core::cell::UnsafeCell;

use crate::bindings;

/// A device.
#[repr(transparent)]
pub struct Device(UnsafeCell<bindings::device>);

impl Device {
    /// Views a device.
    ///
    /// # Safety
    ///
    /// `pointer` must point to a device that stays valid for `'a`.
    pub unsafe fn from_raw<'a>(pointer: *mut bindings::device) -> &'a Self {
        // SAFETY: By this function's contract; the type is transparent.
        unsafe { &*pointer.cast() }
    }

    pub(crate) fn as_raw(&self) -> *mut bindings::device {
        self.0.get()
    }
}
