// SPDX-License-Identifier: GPL-2.0-only

//! acs_quirks_candidates.ko: entries without sufficient evidence.
//!
//! A separate module, so that it is never loaded by accident: udev does not load it, and it taints
//! the kernel (trust rule `evidence`).

#[path = "../driver/mod.rs"]
mod driver;
#[path = "../rules/mod.rs"]
// Public as in the main edition.
pub mod rules;
#[path = "../sys/mod.rs"]
mod sys;
mod table;

use kernel::prelude::*;

const EDITION: driver::Edition = driver::Edition {
    name: c"acs_quirks_candidates",
    taint: Some(
        "these entries are candidates: no vendor's statement on record suffices for them. \
         Isolation that they claim may not exist; the kernel is tainted",
    ),
};

module! {
    type: driver::Driver,
    name: "acs_quirks_candidates",
    authors: ["The acs-quirks contributors"],
    description: "ACS quirks without sufficient evidence; taints the kernel",
    license: "GPL v2",
}
