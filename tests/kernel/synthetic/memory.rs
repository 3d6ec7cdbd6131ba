// SPDX-License-Identifier: GPL-2.0-only

//! A growing vector and a box. Every kernel has the C functions behind them, while only some have
//! the `KVVec` and `KBox` of Rust-for-Linux.

#![expect(unsafe_code, reason = "the memory comes from C")]

use core::{
    mem::{
        align_of,
        needs_drop,
        size_of,
        ManuallyDrop, //
    },
    ops::{
        Deref,
        DerefMut, //
    },
    ptr,
    slice, //
};

use kernel::prelude::*;

// In sys.c.
extern "C" {
    fn acs_quirks_synthetic_grow(old: *mut c_void, used: usize, size: usize) -> *mut c_void;
    fn acs_quirks_synthetic_free(memory: *mut c_void);
}

/// A vector in kernel memory.
///
/// # Invariants
///
/// `start` is null and `room` is 0, or `start` is memory for `room` elements. The first `len` of
/// them are initialised.
pub(crate) struct Vec<T> {
    start: *mut T,
    room: usize,
    len: usize,
}

impl<T> Vec<T> {
    /// An empty vector, without memory.
    pub(crate) const fn new() -> Self {
        // INVARIANT: There is no memory.
        Self {
            start: ptr::null_mut(),
            room: 0,
            len: 0,
        }
    }

    /// Appends `value`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn push(&mut self, value: T) -> Result {
        if self.len == self.room {
            self.grow()?;
        }
        // SAFETY: There is room for another element.
        unsafe { self.start.add(self.len).write(value) };
        // INVARIANT: The element has just been written.
        self.len += 1;
        Ok(())
    }

    /// Makes room for another element.
    fn grow(&mut self) -> Result {
        // `kvmalloc()` aligns to 8 bytes at least.
        const { assert!(align_of::<T>() <= 8 && size_of::<T>() != 0) };
        let room = self.room.checked_mul(2).ok_or(ENOMEM)?.max(8);
        let size = room.checked_mul(size_of::<T>()).ok_or(ENOMEM)?;
        let used = self.len * size_of::<T>();
        // SAFETY: By the type invariant. Elements can be moved by copying their bytes.
        let start = unsafe { acs_quirks_synthetic_grow(self.start.cast(), used, size) };
        if start.is_null() {
            return Err(ENOMEM);
        }
        // INVARIANT: The call has moved the elements, and has freed the memory before.
        self.start = start.cast();
        self.room = room;
        Ok(())
    }

    /// Removes and returns the last element.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: The element is initialised, and by the new length no longer the vector's.
        Some(unsafe { self.start.add(self.len).read() })
    }

    /// Removes the elements from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        while self.len > len {
            drop(self.pop());
        }
    }

    /// Gives the memory to C, which must free it with `kvfree()`. Returns its address and the
    /// number of elements.
    pub(crate) fn into_raw(self) -> (*mut T, usize) {
        const { assert!(!needs_drop::<T>()) };
        let vector = ManuallyDrop::new(self);
        (vector.start, vector.len)
    }
}

impl<T: Copy> Vec<T> {
    /// A vector with `count` times `value`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn from_elem(value: T, count: usize) -> Result<Self> {
        let mut vector = Self::new();
        for _ in 0..count {
            vector.push(value)?;
        }
        Ok(vector)
    }

    /// Appends `values`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn extend_from_slice(&mut self, values: &[T]) -> Result {
        values.iter().try_for_each(|&value| self.push(value))
    }
}

impl<T> Deref for Vec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: By the type invariant.
        unsafe { slice::from_raw_parts(self.start, self.len) }
    }
}

impl<T> DerefMut for Vec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        if self.len == 0 {
            return &mut [];
        }
        // SAFETY: By the type invariant.
        unsafe { slice::from_raw_parts_mut(self.start, self.len) }
    }
}

impl<'a, T> IntoIterator for &'a Vec<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> Drop for Vec<T> {
    fn drop(&mut self) {
        self.truncate(0);
        // SAFETY: By the type invariant the memory is from `acs_quirks_synthetic_grow()`, or there
        // is none.
        unsafe { acs_quirks_synthetic_free(self.start.cast()) };
    }
}

/// A value that stays in its place in kernel memory.
///
/// # Invariants
///
/// The vector has one element.
pub(crate) struct Box<T>(Vec<T>);

impl<T> Box<T> {
    /// Moves `value` to newly allocated memory.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(value: T) -> Result<Self> {
        let mut only = Vec::new();
        only.push(value)?;
        // INVARIANT: It has just been pushed.
        Ok(Self(only))
    }
}

impl<T> Deref for Box<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariant.
        unsafe { &*self.0.start }
    }
}
