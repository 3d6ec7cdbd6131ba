// SPDX-License-Identifier: GPL-2.0-only

//! acs_quirks.ko: device-specific ACS quirks that a vendor has vouched for and that the running
//! kernel does not have yet.
//!
//! | place | contents |
//! |---|---|
//! | `rules/` | the decision, pure code shared with the host tools |
//! | `driver/` | load, answer the kernel's questions, record and report, unload |
//! | `sys/` | the module's `unsafe` code, and the C files; the crate `kernel` in `portable/` has its own |
//! | `table.rs` | the table, generated from `quirks/` |
//! | `candidates/` | a second edition of the module, with entries that lack evidence |

mod driver;
// Public, because then the compiler does not report forms of an entry that this edition's table
// does not use. The test edition uses every form, and unused code is an error there.
pub mod rules;
mod sys;
mod table;

use kernel::prelude::*;

/// This edition holds only entries with a vendor's statement on record (trust rule `evidence`).
const EDITION: driver::Edition = driver::Edition {
    name: c"acs_quirks",
    taint: None,
};

module! {
    type: driver::Driver,
    name: "acs_quirks",
    authors: ["The acs-quirks contributors"],
    description: "ACS quirks that vendors have vouched for and this kernel does not have yet",
    license: "GPL v2",
}
