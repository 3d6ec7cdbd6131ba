// SPDX-License-Identifier: GPL-2.0-only

//! Compares two partitions: which groups are finer or coarser than they should be.

use std::collections::{BTreeMap, BTreeSet};

use topology::{Bdf, Partition};

/// Groups of `allowed` with a member in `of` whose members are split over several groups of
/// `actual`. `actual` then treats functions as isolated from each other that are not.
///
/// O(n log n) in the number of functions.
#[must_use]
pub fn finer(actual: &Partition, allowed: &Partition, of: &BTreeSet<Bdf>) -> Partition {
    let mut number = BTreeMap::new();
    for (group, members) in actual.iter().enumerate() {
        number.extend(members.iter().map(|&bdf| (bdf, group)));
    }
    let is_torn = |members: &&Vec<Bdf>| {
        let mut numbers = members.iter().filter_map(|bdf| number.get(bdf));
        let first = numbers.next();
        members.iter().any(|bdf| of.contains(bdf)) && numbers.any(|other| Some(other) != first)
    };
    allowed.iter().filter(is_torn).cloned().collect()
}

/// Groups of `actual` with a member in `of` that `allowed` splits into several groups.
#[must_use]
pub fn coarser(actual: &Partition, allowed: &Partition, of: &BTreeSet<Bdf>) -> Partition {
    finer(allowed, actual, of)
}
