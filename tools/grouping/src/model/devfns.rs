// SPDX-License-Identifier: GPL-2.0-only

//! Searches in sets of function numbers.

pub use crate::rules::devfns::DevfnSet;

/// Bits of one word.
const WORD: u16 = 64;

/// The set operations that the search for a group needs.
pub trait Search: Sized {
    /// The set of all numbers.
    const ALL: Self;

    /// Whether the set is empty.
    fn is_empty(&self) -> bool;

    /// The difference: the numbers of this set that are not in `other`.
    #[must_use]
    fn without(&self, other: &Self) -> Self;

    /// The union: the numbers of both sets.
    #[must_use]
    fn union(&self, other: &Self) -> Self;

    /// The lowest number of the set from `from` up. `from` is at most 256, one above the largest
    /// number.
    fn first_from(&self, from: u16) -> Option<u8>;
}

impl Search for DevfnSet {
    const ALL: Self = Self([u64::MAX; 4]);

    fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    fn without(&self, other: &Self) -> Self {
        let mut left = *self;
        for (word, taken) in left.0.iter_mut().zip(other.0) {
            *word &= !taken;
        }
        left
    }

    fn union(&self, other: &Self) -> Self {
        let mut both = *self;
        for (word, more) in both.0.iter_mut().zip(other.0) {
            *word |= more;
        }
        both
    }

    fn first_from(&self, from: u16) -> Option<u8> {
        let start = from / WORD;
        for (at, word) in (0..).zip(self.0).skip(usize::from(start)) {
            let below = if at == start { from % WORD } else { 0 };
            let rest = word & (u64::MAX << below);
            if rest != 0 {
                let number = u32::from(WORD)
                    .wrapping_mul(at.into())
                    .wrapping_add(rest.trailing_zeros());
                return u8::try_from(number).ok();
            }
        }
        None
    }
}
