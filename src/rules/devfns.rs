// SPDX-License-Identifier: GPL-2.0-only

//! A set of device and function numbers on one bus.

/// A set of numbers from 0 to 255, such as the device and function numbers of one bus. Number `n`
/// is bit `n % 64` of word `n / 64`.
///
/// The layout is that of the kernel's `dma_alias_mask` (`struct pci_dev`) on a 64-bit kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DevfnSet(pub [u64; 4]);

impl DevfnSet {
    /// The empty set.
    pub const EMPTY: Self = Self([0; 4]);

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
