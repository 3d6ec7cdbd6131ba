// SPDX-License-Identifier: GPL-2.0-only

//! Entries of the test edition that split nothing, because that is what they are there to show. Real
//! entries are never skip_list.

use quirk_data::quirk::{Quirk, Status};

/// The entries, and part of what the module would say.
const SKIPPED: &[(&str, &str)] = &[
    // `some-flags` shows that part of what grouping asks for is not enough.
    ("test/some-flags", "does not grant all of SV RR CR UF"),
    // `in-tree` shows that the kernel's verdict stands.
    ("test/igb", "the kernel's own quirk has decided"),
    // `catch-all` shows the same for a handler that says no.
];

/// Why an entry splits nothing, as the module says it, if it is skip_list.
#[must_use]
pub(super) fn reason(quirk: &Quirk) -> Option<&'static str> {
    let listed = SKIPPED.iter().find(|(name, _)| *name == quirk.name);
    let (_, reason) = listed.filter(|_| quirk.status == Status::Test)?;
    Some(reason)
}
