// SPDX-License-Identifier: GPL-2.0-only

//! The module itself: `rust/kernel/lib.rs` and `rust/macros/module.rs`.

use crate::error::Result;

/// The `struct module` of a loaded module.
pub struct ThisModule(());

/// A module.
pub trait Module: Sized + Sync + Send {
    /// Called when the module is loaded. The value is dropped when it is unloaded.
    ///
    /// # Errors
    ///
    /// An error keeps the module from loading.
    fn init(module: &'static ThisModule) -> Result<Self>;
}

#[doc(hidden)]
pub static THIS_MODULE: ThisModule = ThisModule(());

/// The bytes of a `modinfo` string, without the length of a `str`.
#[doc(hidden)]
#[must_use]
pub const fn bytes<const LEN: usize>(text: &str) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    let mut index = 0;
    while index < LEN {
        bytes[index] = text.as_bytes()[index];
        index += 1;
    }
    bytes
}

/// A string of the section `.modinfo`, as `MODULE_INFO()` in `include/linux/moduleparam.h`.
#[doc(hidden)]
#[macro_export]
macro_rules! __modinfo {
    ($name:ident, $text:expr) => {
        #[used(compiler)]
        #[link_section = ".modinfo"]
        static $name: [u8; $text.len()] = $crate::module::bytes($text);
    };
}

/// Declares the module. `type` must implement [`Module`].
#[macro_export]
macro_rules! module {
    (
        type: $type:ty,
        name: $name:literal,
        authors: [$author:literal],
        description: $description:literal,
        license: $license:literal $(,)?
    ) => {
        /// The name that log lines begin with.
        const __LOG_PREFIX: &::core::ffi::CStr =
            match ::core::ffi::CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!(),
            };

        type __Module = $type;

        #[doc(hidden)]
        mod __module {
            use core::{cell::UnsafeCell, ffi::c_int, mem::MaybeUninit};

            use super::__Module;

            $crate::__modinfo!(AUTHOR, concat!("author=", $author, "\0"));
            $crate::__modinfo!(DESCRIPTION, concat!("description=", $description, "\0"));
            $crate::__modinfo!(LICENSE, concat!("license=", $license, "\0"));

            struct Loaded(UnsafeCell<MaybeUninit<__Module>>);

            // SAFETY: Only `init_module` and `cleanup_module` access the value, and the kernel
            // calls them one after the other.
            unsafe impl Sync for Loaded {}

            static LOADED: Loaded = Loaded(UnsafeCell::new(MaybeUninit::uninit()));

            // `module_init()` in C also refers to its function from data. Without a reference,
            // objtool assumes that the function is never called indirectly and removes its ENDBR,
            // and the kernel's indirect call then faults on a processor with IBT.
            #[used(compiler)]
            #[link_section = ".init.data"]
            static INIT: extern "C" fn() -> c_int = init_module;
            #[used(compiler)]
            #[link_section = ".exit.data"]
            static EXIT: extern "C" fn() = cleanup_module;

            #[no_mangle]
            #[link_section = ".init.text"]
            extern "C" fn init_module() -> c_int {
                match <__Module as $crate::Module>::init(&$crate::module::THIS_MODULE) {
                    Ok(module) => {
                        // SAFETY: As above.
                        unsafe { (*LOADED.0.get()).write(module) };
                        0
                    }
                    Err(error) => error.to_errno(),
                }
            }

            #[no_mangle]
            #[link_section = ".exit.text"]
            extern "C" fn cleanup_module() {
                // SAFETY: The kernel calls this once, after `init_module` has returned 0.
                unsafe { (*LOADED.0.get()).assume_init_drop() }
            }
        }
    };
}
