// SPDX-License-Identifier: GPL-2.0-only

//! acs_quirks_absent.ko: tries to hook a function that no kernel has, to test the failure. It never
//! loads, so the tests also use it to check module aliases.

#[path = "../../../src/driver/mod.rs"]
mod driver;
#[path = "../../../src/rules/mod.rs"]
mod rules;
#[path = "../../../src/sys/mod.rs"]
mod sys;
#[path = "../module/table.rs"]
mod table;

use kernel::prelude::*;

const EDITION: driver::Edition = driver::Edition {
    name: c"acs_quirks_absent",
    taint: Some("this module is for tests; the kernel is tainted"),
};

module! {
    type: driver::Driver,
    name: "acs_quirks_absent",
    authors: ["The acs-quirks contributors"],
    description: "Test of a kernel without the function to hook",
    license: "GPL v2",
}
