// SPDX-License-Identifier: GPL-2.0-only

//! A small map without allocation, in place of `BTreeMap` on the host.

use core::array;

/// The largest number of entries: what the shared tests need. With more, `insert()` panics, on the
/// host too. A bus is a map of maps and lies on the kernel's stack.
const CAPACITY: usize = 8;

/// A map, with its entries in no order.
#[derive(Clone, Debug)]
pub(crate) struct Map<K, V>([Option<(K, V)>; CAPACITY]);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self(array::from_fn(|_| None))
    }
}

impl<K: PartialEq, V> Map<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let mut entries = self.0.iter().flatten();
        entries
            .find(|(found, _)| found == key)
            .map(|(_, value)| value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let old = self.remove(&key);
        let free = self.0.iter_mut().find(|slot| slot.is_none());
        *free.expect("the map has room for another entry") = Some((key, value));
        old
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let mut slots = self.0.iter_mut();
        let slot = slots.find(|slot| slot.as_ref().is_some_and(|(found, _)| found == key));
        slot?.take().map(|(_, value)| value)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().flatten().map(|(key, _)| key)
    }
}

impl<K: PartialEq, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl<K: PartialEq, V, const N: usize> From<[(K, V); N]> for Map<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}
