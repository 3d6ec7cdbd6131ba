// SPDX-License-Identifier: GPL-2.0-only

//! Lists of functions in text.

use topology::Bdf;

/// The number of functions to name in a sentence.
const NAMED: usize = 8;

/// All functions.
pub(super) fn line(functions: &[Bdf]) -> String {
    let members: Vec<_> = functions.iter().map(ToString::to_string).collect();
    members.join(" ")
}

/// The first few functions, and the number of the others.
pub(crate) fn address_list(functions: &[Bdf]) -> String {
    let first = line(&functions[..functions.len().min(NAMED)]);
    match functions.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
