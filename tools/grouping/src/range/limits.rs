// SPDX-License-Identifier: GPL-2.0-only

//! Limits of several groupings of the same functions. A grouping has the number of each function's group.

use std::collections::BTreeMap;

type Numbers = Vec<Option<u32>>;

/// Functions share a group if they do so in both groupings.
pub(super) fn meet(one: &[Option<u32>], two: &[Option<u32>]) -> Numbers {
    let mut numbers = BTreeMap::new();
    let pairs = one.iter().zip(two);
    let number = pairs.map(|(one, two)| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        Some(*numbers.entry(((*one)?, (*two)?)).or_insert(next))
    });
    number.collect()
}

/// The finest grouping that is coarser than both: two functions share a group if a chain connects them in
/// which each function shares a group with the next, in one grouping or the other.
pub(super) fn join(one: &[Option<u32>], two: &[Option<u32>]) -> Numbers {
    // A group of the first grouping that is connected with each of its groups; a smaller number.
    let mut leads: BTreeMap<u32, u32> = BTreeMap::new();
    let mut first: BTreeMap<u32, u32> = BTreeMap::new();
    for (&one, &two) in one.iter().zip(two) {
        let (Some(one), Some(two)) = (one, two) else {
            continue;
        };
        let other = *first.entry(two).or_insert(one);
        let (one, other) = (last(&leads, one), last(&leads, other));
        if one != other {
            leads.insert(one.max(other), one.min(other));
        }
    }
    one.iter()
        .map(|one| one.map(|one| last(&leads, one)))
        .collect()
}

fn last(leads: &BTreeMap<u32, u32>, from: u32) -> u32 {
    let mut at = from;
    while let Some(&next) = leads.get(&at) {
        at = next;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_of_two_groupings() {
        let numbers = |all: [u32; 5]| all.map(Some).to_vec();
        let (one, two) = (numbers([0, 0, 1, 1, 2]), numbers([0, 1, 1, 2, 2]));
        assert_eq!(meet(&one, &two), numbers([0, 1, 2, 3, 4]));
        assert_eq!(join(&one, &two), numbers([0; 5]));
        let same = numbers([3, 3, 1, 1, 2]);
        assert_eq!(meet(&one, &same), one);
        assert_eq!(join(&one, &same), one);
        assert_eq!(join(&[None, Some(0)], &[None, Some(4)]), [None, Some(0)]);
    }
}
