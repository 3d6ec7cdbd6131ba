// SPDX-License-Identifier: GPL-2.0-only

//! C strings: `rust/kernel/str.rs`.

pub use core::ffi::CStr;

use core::ffi::c_char;

/// The methods that the kernel's crate adds to [`CStr`].
pub trait CStrExt {
    /// Views a C string.
    ///
    /// # Safety
    ///
    /// `pointer` must point to a string with a terminating zero that stays valid and unchanged for
    /// `'a`.
    unsafe fn from_char_ptr<'a>(pointer: *const c_char) -> &'a Self;

    /// The pointer for C.
    fn as_char_ptr(&self) -> *const c_char;
}

impl CStrExt for CStr {
    unsafe fn from_char_ptr<'a>(pointer: *const c_char) -> &'a Self {
        // SAFETY: By this function's contract.
        unsafe { CStr::from_ptr(pointer) }
    }

    fn as_char_ptr(&self) -> *const c_char {
        self.as_ptr()
    }
}
