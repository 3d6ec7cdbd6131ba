// SPDX-License-Identifier: GPL-2.0-only

//! Groups that are finer or coarser than others.

use std::collections::{BTreeMap, BTreeSet};

use topology::{Bdf, Partition};

/// Groups of `allowed` that have a member in `of`, and whose members are in more than one group of
/// `actual`: there, functions pass for isolated from each other that are not.
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

/// Groups of `actual` that have a member in `of`, and that `allowed` has as more than one group.
#[must_use]
pub fn coarser(actual: &Partition, allowed: &Partition, of: &BTreeSet<Bdf>) -> Partition {
    finer(allowed, actual, of)
}
