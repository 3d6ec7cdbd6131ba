// SPDX-License-Identifier: GPL-2.0-only

//! acs_quirks.ko: device-specific ACS quirks that vendors have vouched for and that the running
//! kernel does not have yet.
//!
//! | place | what it is |
//! |---|---|
//! | `rules/` | the pure logic, shared with the tools |
//! | `driver/` | the module's life |
//! | `sys/` | the border to C |
//! | `table.rs` | the data, generated from `quirks/` |
//! | `candidates/` | another edition of the module, with entries that lack evidence |

mod driver;
// Public, as it is for the table to say which forms of an entry are in use. The test edition has all of them,
// and there what nothing uses is an error.
pub mod rules;
mod sys;
mod table;

use kernel::prelude::*;

/// This edition: entries with a vendor's statement on record, and nothing else (trust rule `evidence`).
const EDITION: driver::Edition = driver::Edition {
    name: c"acs_quirks",
    autoload: true,
    taint: None,
};

module! {
    type: driver::Driver,
    name: "acs_quirks",
    authors: ["The acs-quirks contributors"],
    description: "ACS quirks that vendors have vouched for and this kernel does not have yet",
    license: "GPL v2",
}
