// SPDX-License-Identifier: GPL-2.0-only

//! The entries that are built into the program.

mod common;

use std::path::Path;

use acsctl::database::Database;
use common::{root, tests};

/// The built-in entries equal those of the folder `quirks/`, with everything that the files state.
#[test]
fn the_stored_entries_are_those_of_the_folder() {
    let stored = Database::default().entries().expect("they are sound");
    let read = |folder: &Path| Database::of(folder).entries().expect("they are sound");
    assert_eq!(stored, read(&root().join("quirks")));
    assert_ne!(stored, read(&tests().join("accepted")), "the control");
}
