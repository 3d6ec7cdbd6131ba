// SPDX-License-Identifier: GPL-2.0-only

//! The files in debugfs: the Rust side of `status.c`.

use kernel::{
    bindings,
    fmt,
    prelude::*,
    seq_file::SeqFile,
    seq_print, //
};

use crate::driver::{
    counters,
    record,
    status, //
};

extern "C" {
    fn acs_quirks_status_create(name: *const c_char);
    fn acs_quirks_status_remove();
}

/// The files, removed when this is dropped.
///
/// # Invariants
///
/// There is one value at most.
pub(crate) struct Files(());

impl Files {
    /// Makes the files in the folder `name` below debugfs. Only the module's initialisation calls
    /// this, once.
    pub(crate) fn create(name: &CStr) -> Self {
        // SAFETY: `name` is a string; debugfs copies it. Called from a context that may sleep.
        unsafe { acs_quirks_status_create(name.as_char_ptr()) }
        // INVARIANT: This is the one caller.
        Self(())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the folder is removed once; that takes an error pointer too.
        unsafe { acs_quirks_status_remove() }
    }
}

/// A function that writes text.
type Show = fn(&mut fmt::Formatter<'_>) -> fmt::Result;

/// Lets the kernel's formatting call such a function.
struct Text(Show);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0(f)
    }
}

/// Writes what `show` writes to `file`.
///
/// # Safety
///
/// `file` must be the argument of a show function that is being called.
unsafe fn print(file: *mut bindings::seq_file, show: Show) {
    // SAFETY: By this function's contract the file is valid for this call.
    let file = unsafe { SeqFile::from_raw(file) };
    seq_print!(file, "{}", Text(show));
}

/// Called by `status.c` for the file `table`.
///
/// # Safety
///
/// As [`print`].
#[no_mangle]
unsafe extern "C" fn acs_quirks_show_table(file: *mut bindings::seq_file) {
    // SAFETY: By this function's contract.
    unsafe { print(file, status::show_table) }
}

/// Called by `status.c` for the file `counts`.
///
/// # Safety
///
/// As [`print`].
#[no_mangle]
unsafe extern "C" fn acs_quirks_show_counts(file: *mut bindings::seq_file) {
    // SAFETY: By this function's contract.
    unsafe { print(file, counters::show) }
}

/// Called by `status.c` for the file `decisions`.
///
/// # Safety
///
/// As [`print`].
#[no_mangle]
unsafe extern "C" fn acs_quirks_show_decisions(file: *mut bindings::seq_file) {
    // SAFETY: By this function's contract.
    unsafe { print(file, record::show) }
}

/// Called by `status.c` for the file `hook`.
///
/// # Safety
///
/// As [`print`].
#[no_mangle]
unsafe extern "C" fn acs_quirks_show_hook(file: *mut bindings::seq_file) {
    // SAFETY: By this function's contract.
    unsafe { print(file, status::show_hook) }
}
