// SPDX-License-Identifier: GPL-2.0-only

//! A set of up to 256 numbers: the functions of one bus.

/// Bits of a word.
const WORD: u16 = 64;

/// A set of device and function numbers of one bus, or of positions on it: 0 to 255.
///
/// The kernel's `dma_alias_mask` (`struct pci_dev`) is one of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DevfnSet([u64; 4]);

impl DevfnSet {
    /// No number.
    pub const EMPTY: Self = Self([0; 4]);
    /// Every number.
    pub const ALL: Self = Self([u64::MAX; 4]);

    /// Adds a number.
    pub fn insert(&mut self, number: u8) {
        if let Some(word) = self.0.get_mut(usize::from(number / 64)) {
            *word |= 1 << (number % 64);
        }
    }

    /// Whether the number is in the set.
    pub fn contains(&self, number: u8) -> bool {
        let word = self.0.get(usize::from(number / 64)).copied().unwrap_or(0);
        word & (1 << (number % 64)) != 0
    }

    /// Whether no number is in the set.
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// The numbers that are in this set and not in `other`.
    pub fn without(&self, other: &Self) -> Self {
        let mut left = *self;
        for (word, taken) in left.0.iter_mut().zip(other.0) {
            *word &= !taken;
        }
        left
    }

    /// The lowest number of the set that is `from` or above; `from` may be one more than the
    /// largest number.
    pub fn first_from(&self, from: u16) -> Option<u8> {
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

impl FromIterator<u8> for DevfnSet {
    fn from_iter<I: IntoIterator<Item = u8>>(numbers: I) -> Self {
        let mut set = Self::EMPTY;
        for number in numbers {
            set.insert(number);
        }
        set
    }
}
