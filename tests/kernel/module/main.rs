// SPDX-License-Identifier: GPL-2.0-only

//! acs_quirks_test.ko: entries for emulated devices, for the boot tests and the demonstration.
//!
//! No vendor vouches for them, so they build into this module only, and it taints the kernel
//! (trust rule `evidence`).

#[path = "../../../src/driver/mod.rs"]
mod driver;
#[path = "../../../src/rules/mod.rs"]
mod rules;
#[path = "../../../src/sys/mod.rs"]
mod sys;
mod table;

use kernel::prelude::*;

const EDITION: driver::Edition = driver::Edition {
    name: c"acs_quirks_test",
    taint: Some("these entries are for emulated devices; the kernel is tainted"),
};

module! {
    type: driver::Driver,
    name: "acs_quirks_test",
    authors: ["The acs-quirks contributors"],
    description: "ACS quirks for emulated devices; taints the kernel",
    license: "GPL v2",
}
