// SPDX-License-Identifier: GPL-2.0-only

//! IOMMU groups as a partition of functions. Group numbers carry no meaning.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The group of each function. The key is an address without domain: `82:00.0`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Groups(BTreeMap<String, u32>);

impl Groups {
    /// Reads paths like `/sys/kernel/iommu_groups/5/devices/0000:82:00.0`, separated by white
    /// space.
    #[must_use]
    pub fn from_paths(text: &str) -> Self {
        let one = |path: &str| {
            let mut parts = path.rsplit('/');
            let address = parts.next()?.strip_prefix("0000:")?.to_owned();
            let group = parts.nth(1)?.parse().ok()?;
            Some((address, group))
        };
        Self(text.split_whitespace().filter_map(one).collect())
    }

    /// The group of a function.
    #[must_use]
    pub fn of(&self, address: &str) -> Option<u32> {
        self.0.get(address).copied()
    }

    /// The functions whose address begins with `prefix`, in order of address.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, u32)> {
        self.0
            .iter()
            .filter(move |(address, _)| address.starts_with(prefix))
            .map(|(address, group)| (address.as_str(), *group))
    }

    /// The number of groups that contain a function whose address begins with `prefix`.
    #[must_use]
    pub fn count(&self, prefix: &str) -> usize {
        let groups: BTreeSet<u32> = self.below(prefix).map(|(_, group)| group).collect();
        groups.len()
    }

    /// Only the functions whose address begins with `prefix`. Groups are renumbered from 0 in the
    /// order of their first function, so that equal partitions compare equal.
    #[must_use]
    pub fn within(&self, prefix: &str) -> Self {
        let mut numbers = BTreeMap::new();
        let functions = self.below(prefix).map(|(address, group)| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            (address.to_owned(), *numbers.entry(group).or_insert(next))
        });
        Self(functions.collect())
    }

    /// The groups that contain a function whose address begins with `prefix`, with all their
    /// members.
    #[must_use]
    pub fn around(&self, prefix: &str) -> Self {
        let wanted: BTreeSet<u32> = self.below(prefix).map(|(_, group)| group).collect();
        let members = self.0.iter().filter(|(_, group)| wanted.contains(group));
        Self(
            members
                .map(|(address, group)| (address.clone(), *group))
                .collect(),
        )
    }

    /// Describes the difference from the expected groups. `None` if there is none. An expected
    /// group must have exactly the members that it lists. Functions that no expected group lists
    /// are ignored.
    #[must_use]
    pub fn differ<'a>(&self, expected: &[impl AsRef<[&'a str]>]) -> Option<String> {
        let mut by_group: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
        for (address, group) in &self.0 {
            by_group.entry(*group).or_default().insert(address);
        }
        let wrong = expected.iter().any(|members| {
            let wanted: BTreeSet<&str> = members.as_ref().iter().copied().collect();
            !by_group.values().any(|found| *found == wanted)
        });
        wrong.then(|| {
            let wanted = expected.iter().map(|group| group.as_ref().join(" "));
            let wanted: Vec<String> = wanted.collect();
            format!(
                "groups are\n{self}expected were\n    {}",
                wanted.join("\n    ")
            )
        })
    }
}

impl FromIterator<(String, u32)> for Groups {
    fn from_iter<I: IntoIterator<Item = (String, u32)>>(functions: I) -> Self {
        Self(functions.into_iter().collect())
    }
}

/// One line per group, with the addresses of its functions.
impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut by_group: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
        for (address, group) in &self.0 {
            by_group.entry(*group).or_default().push(address);
        }
        for members in by_group.values() {
            writeln!(f, "    {}", members.join(" "))?;
        }
        Ok(())
    }
}
