// SPDX-License-Identifier: GPL-2.0-only

//! Files whose content is printed in one go: `rust/kernel/seq_file.rs`.

use core::{cell::UnsafeCell, fmt};

use crate::bindings;

/// A `struct seq_file`.
#[repr(transparent)]
pub struct SeqFile(UnsafeCell<bindings::seq_file>);

impl SeqFile {
    /// Views a file.
    ///
    /// # Safety
    ///
    /// `pointer` must point to a file that stays valid for `'a`.
    pub unsafe fn from_raw<'a>(pointer: *mut bindings::seq_file) -> &'a Self {
        // SAFETY: By this function's contract; the type is transparent.
        unsafe { &*pointer.cast() }
    }

    /// Prints to the file: [`seq_print!`](crate::seq_print).
    pub fn call_printf(&self, args: fmt::Arguments<'_>) {
        // When the text does not fit, the C code prints again into a larger buffer.
        let _ = fmt::write(&mut Writer(self), args);
    }
}

struct Writer<'a>(&'a SeqFile);

impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: The file is valid, and `text` has this many bytes.
        let result =
            unsafe { bindings::seq_write(self.0 .0.get(), text.as_ptr().cast(), text.len()) };
        if result == 0 {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

/// Formats text into a [`SeqFile`].
#[macro_export]
macro_rules! seq_print {
    ($file:expr, $($arg:tt)*) => {
        $file.call_printf(::core::format_args!($($arg)*))
    };
}
