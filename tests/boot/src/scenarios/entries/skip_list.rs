// SPDX-License-Identifier: GPL-2.0-only

//! Entries of the test edition that split nothing on purpose. Entries of other editions are never
//! skipped.

use quirk_data::entry::{Entry, Status};

/// Name of the entry, and part of the module's reason.
const SKIPPED: &[(&str, &str)] = &[
    // Shows that some of the flags that grouping asks for are not enough.
    ("test/some-flags", "does not grant all of SV RR CR UF"),
    // Shows that the kernel's verdict takes precedence (trust rule `kernel-first`).
    ("test/igb", "the kernel's own quirk has decided"),
];

/// The module's reason why an entry splits nothing, if the entry is on the list.
#[must_use]
pub(super) fn reason(quirk: &Entry) -> Option<&'static str> {
    let listed = SKIPPED.iter().find(|(name, _)| *name == quirk.name);
    let (_, reason) = listed.filter(|_| quirk.status == Status::Test)?;
    Some(reason)
}
