// SPDX-License-Identifier: GPL-2.0-only

//! Locks, RCU and values that are set once: `rust/kernel/sync/`.

use core::{
    cell::UnsafeCell,
    mem::MaybeUninit,
    sync::atomic::{AtomicU8, Ordering},
};

pub mod atomic;
pub mod rcu;

pub use super::global_lock;

/// A value that is set once and then only read: `rust/kernel/sync/set_once.rs`.
pub struct SetOnce<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

const EMPTY: u8 = 0;
const BEING_SET: u8 = 1;
const SET: u8 = 2;

// SAFETY: The value is written before `SET` and only read afterwards; see `populate`.
unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}

impl<T> SetOnce<T> {
    /// A place without a value.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: AtomicU8::new(EMPTY),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Sets the value; returns whether this call has set it.
    pub fn populate(&self, value: T) -> bool {
        let claimed =
            self.state
                .compare_exchange(EMPTY, BEING_SET, Ordering::Relaxed, Ordering::Relaxed);
        if claimed.is_err() {
            return false;
        }
        // SAFETY: Only one caller gets here, and nothing reads the value before `SET`.
        unsafe { (*self.value.get()).write(value) };
        self.state.store(SET, Ordering::Release);
        true
    }

    /// The value, if it is set.
    pub fn as_ref(&self) -> Option<&T> {
        let is_set = self.state.load(Ordering::Acquire) == SET;
        // SAFETY: The value was written before the state became `SET`, and never changes.
        is_set.then(|| unsafe { (*self.value.get()).assume_init_ref() })
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A mutex in a static: `rust/kernel/sync/lock/global.rs`. It protects no data. `kernel.c` has one
/// mutex, so a module may have one such static.
pub struct GlobalMutex(());

impl GlobalMutex {
    #[doc(hidden)]
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }

    /// Initialises the mutex. C has done so at compile time.
    ///
    /// # Safety
    ///
    /// None here; the kernel's crate demands one call at most.
    pub unsafe fn init(&'static self) {}

    /// Waits for the mutex. Sleeps.
    pub fn lock(&'static self) -> GlobalGuard {
        // SAFETY: The mutex is initialised, and the callers may sleep.
        unsafe { crate::bindings::acs_quirks_lock() };
        GlobalGuard(())
    }
}

/// Holds the mutex; dropping the guard unlocks it.
#[must_use]
pub struct GlobalGuard(());

impl Drop for GlobalGuard {
    fn drop(&mut self) {
        // SAFETY: The existence of the guard shows that this thread holds the mutex.
        unsafe { crate::bindings::acs_quirks_unlock() }
    }
}

/// Defines a static mutex.
#[macro_export]
macro_rules! global_lock {
    (
        $(#[$meta:meta])*
        $vis:vis unsafe(uninit) static $name:ident: Mutex<()> = ();
    ) => {
        $(#[$meta])*
        $vis static $name: $crate::sync::GlobalMutex = $crate::sync::GlobalMutex::new();
    };
}
