// SPDX-License-Identifier: GPL-2.0-only

//! The crate `kernel` for kernels whose headers have no Rust metadata: the part of
//! Rust-for-Linux's crate (`rust/kernel/` in the kernel's source) that the module uses, with the
//! same names and the same meaning. The module's source is therefore the same for both.
//!
//! Only C symbols are imported. `kernel.c` has what C headers offer as macros and inline functions.

#![no_std]
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

pub mod bindings;
pub mod device;
pub mod error;
pub mod module;
pub mod print;
pub mod seq_file;
pub mod str;
pub mod sync;

pub use core::fmt;

pub use module::{Module, ThisModule};

/// The names that nearly every file uses: `rust/kernel/prelude.rs`.
pub mod prelude {
    pub use core::ffi::{c_char, c_int, c_ulong, c_void};

    pub use crate::{
        dev_info, dev_notice, dev_warn,
        error::{code::*, Error, Result},
        module, pr_err, pr_info, pr_warn,
        str::{CStr, CStrExt as _},
        Module, ThisModule,
    };
}

/// Stops the thread with an oops, as `BUG()` does. No code of the module is meant to get here
/// (Documentation/architecture.md, "What may panic").
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: An undefined instruction; the kernel's handler does not return to it. objtool
    // knows that nothing follows `ud2`.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!("ud2", options(noreturn))
    }
    // SAFETY: As above: BUG_BRK_IMM of `arch/arm64/include/asm/brk-imm.h`.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!("brk #0x800", options(noreturn))
    }
}
