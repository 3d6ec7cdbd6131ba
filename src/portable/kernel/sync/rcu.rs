// SPDX-License-Identifier: GPL-2.0-only

//! RCU: `rust/kernel/sync/rcu.rs`.

use core::marker::PhantomData;

use crate::bindings;

/// An RCU read-side critical section; dropping the guard ends it. The guard stays in its thread.
#[must_use]
pub struct Guard(PhantomData<*mut ()>);

/// Begins a read-side critical section, in which nothing may sleep.
pub fn read_lock() -> Guard {
    // SAFETY: May be called in any context.
    unsafe { bindings::acs_quirks_rcu_read_lock() };
    Guard(PhantomData)
}

impl Drop for Guard {
    fn drop(&mut self) {
        // SAFETY: The guard's section is open, and it was opened by this thread.
        unsafe { bindings::acs_quirks_rcu_read_unlock() }
    }
}
