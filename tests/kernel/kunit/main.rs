// SPDX-License-Identifier: GPL-2.0-only

//! acs_quirks_kunit.ko: the KUnit suite, for a kernel with `CONFIG_KUNIT=y`.
//!
//! The suite runs when the module is loaded. Loading succeeds even if tests fail. The results are
//! in `/sys/kernel/debug/kunit/`.
//!
//! | file | content |
//! |---|---|
//! | `check.rs` | failures of a test |
//! | `decision.rs` | the tests of the decision that the host runs too, and the tables of the editions |
//! | `map.rs` | a map for these tests |
//! | `groups.rs` | the groups of a described machine, by the running kernel and by the model |
//! | `hardware.rs` | short constructors for functions of a synthetic bus |
//! | `in_tree.rs` | the kernel's own handlers |
//! | `topologies.rs` | machines made by hand |
//! | `entries.rs` | every entry of every edition |
//! | `hostile.rs` | unsound configuration space |
//! | `cycles.rs` | machines that come and go |
//!
//! The kernel groups functions either without a hook, or with the hook of the edition that is
//! loaded beside this module. The parameter `edition` says which.

#[macro_use]
mod check;
#[macro_use]
#[path = "../../../src/rules/tests/shared/mod.rs"]
mod shared;

#[path = "../../../src/candidates/table.rs"]
mod candidates;
mod cycles;
mod decision;
mod entries;
#[allow(dead_code, unused_imports, reason = "the tools take more of it")]
#[path = "../../../tools/grouping/src/model/mod.rs"]
mod grouping;
mod groups;
mod hardware;
mod hostile;
mod in_tree;
mod map;
#[allow(dead_code, unused_imports, reason = "the driver takes more of it")]
#[path = "../../../src/rules/mod.rs"]
mod rules;
#[allow(dead_code, reason = "the module for users takes more of it")]
#[path = "../../../src/sys/running.rs"]
mod running;
#[allow(dead_code, unused_imports, reason = "the oracle takes more of it")]
#[path = "../synthetic/mod.rs"]
mod synthetic;
#[path = "../module/table.rs"]
mod table;
#[path = "../../../src/sys/taint.rs"]
mod taint;
mod topologies;
#[path = "../../../src/table.rs"]
mod validated;
#[allow(dead_code, reason = "the oracle asks for every set of flags")]
#[path = "../oracle/verdict.rs"]
mod verdict;

use kernel::prelude::*;

use rules::table::Table;

/// The table of each edition, and its name.
static TABLES: [(&str, &Table); 3] = [
    ("validated", &validated::TABLE),
    ("candidates", &candidates::TABLE),
    ("test", &table::TABLE),
];

module! {
    type: Suite,
    name: "acs_quirks_kunit",
    authors: ["The acs-quirks contributors"],
    description: "KUnit suite of acs_quirks",
    license: "GPL v2",
    params: {
        edition: u8 {
            default: 0,
            description: "Which edition is loaded: 1 validated, 2 candidates, 3 test, 0 none",
        },
    },
}

/// The loaded edition: the position of its table in [`TABLES`], from 1. 0 for none.
fn edition() -> usize {
    usize::from(module_parameters::edition.value())
}

/// The edition with entries for emulated devices.
const TEST_EDITION: usize = 3;

/// The loaded module. KUnit finds and runs its suites by itself.
struct Suite;

impl kernel::Module for Suite {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        taint::kernel_under_test();
        verdict::find()?;
        Ok(Self)
    }
}
