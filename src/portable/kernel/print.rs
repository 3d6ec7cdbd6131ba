// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's log: `rust/kernel/print.rs` and the macros of `rust/kernel/device.rs`.
//!
//! The kernel prints Rust's format arguments (`%pA`) only if it is built with `CONFIG_RUST`, so the
//! text is made here.

use core::{
    ffi::CStr,
    fmt::{self, Write},
};

use crate::{bindings, device::Device};

/// Bytes of the longest line. The buffer is on the stack; longer lines are cut.
const LONGEST: usize = 400;

struct Line {
    text: [u8; LONGEST],
    len: usize,
}

impl Line {
    fn new(args: fmt::Arguments<'_>) -> Self {
        let mut line = Self {
            text: [0; LONGEST],
            len: 0,
        };
        // An error means that the line is cut.
        let _ = line.write_fmt(args);
        line
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            let Some(slot) = self.text.get_mut(self.len) else {
                return Err(fmt::Error);
            };
            *slot = byte;
            self.len += 1;
        }
        Ok(())
    }
}

/// Prints a line of the module `module`. `level` is one of the kernel's `KERN_*` strings.
#[doc(hidden)]
#[inline(never)]
pub fn print(level: &CStr, module: &CStr, args: fmt::Arguments<'_>) {
    let line = Line::new(args);
    // SAFETY: Two strings, and a text with this length. CAST: At most `LONGEST`.
    unsafe {
        bindings::acs_quirks_print(
            level.as_ptr(),
            module.as_ptr(),
            line.text.as_ptr(),
            line.len as i32,
        )
    }
}

/// Prints a line about a device.
#[doc(hidden)]
#[inline(never)]
pub fn print_device(level: &CStr, device: &Device, args: fmt::Arguments<'_>) {
    let line = Line::new(args);
    // SAFETY: A string, a valid device, and a text with this length. CAST: At most `LONGEST`.
    unsafe {
        bindings::acs_quirks_print_device(
            level.as_ptr(),
            device.as_raw(),
            line.text.as_ptr(),
            line.len as i32,
        )
    }
}

// The levels are the `KERN_*` strings of `include/linux/kern_levels.h`.

/// Prints an error.
#[macro_export]
macro_rules! pr_err {
    ($($arg:tt)*) => {
        $crate::print::print(c"\x013", crate::__LOG_PREFIX, ::core::format_args!($($arg)*))
    };
}

/// Prints a warning.
#[macro_export]
macro_rules! pr_warn {
    ($($arg:tt)*) => {
        $crate::print::print(c"\x014", crate::__LOG_PREFIX, ::core::format_args!($($arg)*))
    };
}

/// Prints information.
#[macro_export]
macro_rules! pr_info {
    ($($arg:tt)*) => {
        $crate::print::print(c"\x016", crate::__LOG_PREFIX, ::core::format_args!($($arg)*))
    };
}

/// Prints a warning about a device.
#[macro_export]
macro_rules! dev_warn {
    ($device:expr, $($arg:tt)*) => {
        $crate::print::print_device(c"\x014", $device, ::core::format_args!($($arg)*))
    };
}

/// Prints a notice about a device.
#[macro_export]
macro_rules! dev_notice {
    ($device:expr, $($arg:tt)*) => {
        $crate::print::print_device(c"\x015", $device, ::core::format_args!($($arg)*))
    };
}

/// Prints information about a device.
#[macro_export]
macro_rules! dev_info {
    ($device:expr, $($arg:tt)*) => {
        $crate::print::print_device(c"\x016", $device, ::core::format_args!($($arg)*))
    };
}
