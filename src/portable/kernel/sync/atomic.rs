// SPDX-License-Identifier: GPL-2.0-only

//! Atomics: `rust/kernel/sync/atomic.rs`. They are those of `core`. Its orderings are at least as
//! strong as the kernel's of the same name, except that [`Full`] operations of the kernel also order
//! the accesses before and after them, which the module does not rely on.

use core::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

/// A memory ordering.
pub trait Order {
    #[doc(hidden)]
    const ORDERING: Ordering;
}

macro_rules! orders {
    ($($(#[$doc:meta])* $name:ident = $core:ident;)*) => {
        $(
            $(#[$doc])*
            pub struct $name;

            impl Order for $name {
                const ORDERING: Ordering = Ordering::$core;
            }
        )*
    };
}

orders! {
    /// No order with other accesses.
    Relaxed = Relaxed;
    /// A load that later accesses follow.
    Acquire = Acquire;
    /// A store that earlier accesses precede.
    Release = Release;
    /// An operation between earlier and later accesses.
    Full = SeqCst;
}

/// A value that is accessed atomically.
#[repr(transparent)]
pub struct Atomic<T>(UnsafeCell<T>);

// SAFETY: Every access is atomic.
unsafe impl<T: Send> Sync for Atomic<T> {}

impl<T> Atomic<T> {
    /// An atomic with this value.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Views a value as an atomic.
    ///
    /// # Safety
    ///
    /// `pointer` must be aligned and valid for `'a`, and during `'a` every access to the value must
    /// be atomic.
    pub const unsafe fn from_ptr<'a>(pointer: *mut T) -> &'a Self {
        // SAFETY: By this function's contract; the type is transparent.
        unsafe { &*pointer.cast() }
    }
}

macro_rules! atomics {
    ($($value:ty: $core:ty;)*) => {
        $(
            impl Atomic<$value> {
                fn core(&self) -> &$core {
                    // SAFETY: The value is valid and aligned, and every access is atomic.
                    unsafe { <$core>::from_ptr(self.0.get()) }
                }

                /// Loads the value.
                pub fn load<O: Order>(&self, _: O) -> $value {
                    self.core().load(O::ORDERING)
                }

                /// Stores a value.
                pub fn store<O: Order>(&self, value: $value, _: O) {
                    self.core().store(value, O::ORDERING)
                }

                /// Stores `new` if the value is `old`.
                ///
                /// # Errors
                ///
                /// The value, if it is another one.
                pub fn cmpxchg<O: Order>(&self, old: $value, new: $value, _: O) -> Result<$value, $value> {
                    self.core().compare_exchange(old, new, O::ORDERING, Ordering::Relaxed)
                }
            }
        )*
    };
}

atomics! {
    bool: AtomicBool;
    u64: AtomicU64;
    usize: AtomicUsize;
}

impl Atomic<u64> {
    /// Adds to the value, wrapping; returns the value before.
    pub fn fetch_add<O: Order>(&self, value: u64, _: O) -> u64 {
        self.core().fetch_add(value, O::ORDERING)
    }
}
