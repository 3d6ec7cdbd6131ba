// SPDX-License-Identifier: GPL-2.0-only

//! Errors: `rust/kernel/error.rs`.

use core::{ffi::c_int, fmt};

/// A negative error number of the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(c_int);

/// A result with an [`Error`].
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

impl Error {
    /// The error number, negative.
    #[must_use]
    pub const fn to_errno(self) -> c_int {
        self.0
    }
}

/// The error numbers that the module names: `include/uapi/asm-generic/errno-base.h`.
pub mod code {
    use super::Error;

    /// No such file or directory.
    pub const ENOENT: Error = Error(-2);
    /// Out of memory.
    pub const ENOMEM: Error = Error(-12);
    /// Invalid argument.
    pub const EINVAL: Error = Error(-22);
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            code::ENOENT => f.write_str("ENOENT"),
            code::ENOMEM => f.write_str("ENOMEM"),
            code::EINVAL => f.write_str("EINVAL"),
            Self(number) => write!(f, "Error({number})"),
        }
    }
}

/// Turns the return value of a C function into a result: negative values are errors.
///
/// # Errors
///
/// The error number.
pub const fn to_result(value: c_int) -> Result {
    if value < 0 {
        Err(Error(value))
    } else {
        Ok(())
    }
}
