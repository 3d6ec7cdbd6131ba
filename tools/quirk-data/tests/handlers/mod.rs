// SPDX-License-Identifier: GPL-2.0-only

//! The entries for tests of the kernel's handlers.

use std::path::Path;

use quirk_data::{
    entry::Entry,
    folder::{self, Scope},
};

/// Every entry for real devices.
pub(crate) fn entries() -> Vec<Entry> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../quirks");
    folder::load(&data, Scope::now(None)).expect("the data has no fault")
}
