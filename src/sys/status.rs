// SPDX-License-Identifier: GPL-2.0-only

//! The debugfs files: the Rust side of `status.c`.

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

/// The debugfs files. Dropping the value removes them.
///
/// # Invariants
///
/// At most one value exists.
pub(crate) struct Files(());

impl Files {
    /// Creates the files in the folder `name` of debugfs. Only module initialisation calls this,
    /// once.
    pub(crate) fn create(name: &CStr) -> Self {
        // SAFETY: `name` is a string, which debugfs copies. The context may sleep.
        unsafe { acs_quirks_status_create(name.as_char_ptr()) }
        // INVARIANT: This is the only caller.
        Self(())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the folder is removed once. The C function accepts an error
        // pointer.
        unsafe { acs_quirks_status_remove() }
    }
}

type Show = fn(&mut fmt::Formatter<'_>) -> fmt::Result;

/// Formats by calling the function.
struct Text(Show);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0(f)
    }
}

/// Writes the output of `show` to `file`.
///
/// # Safety
///
/// `file` must be the argument of a show function that is running.
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
