// SPDX-License-Identifier: GPL-2.0-only

//! The difference between the groups that an entry's file expects and those that a kernel makes.

use std::collections::{BTreeMap, BTreeSet};

use topology::{Bdf, Partition, Topology};

/// The difference between expected and computed groups.
pub(super) struct Difference {
    /// The functions that only the computed groups have.
    pub(super) lacking: Vec<Bdf>,
    /// The functions that only the expected groups have.
    pub(super) beyond: Vec<Bdf>,
    /// Two functions that are together in the computed groups alone.
    pub(super) together: Option<(Bdf, Bdf)>,
    /// Two functions that are together in the expected groups alone.
    pub(super) apart: Option<(Bdf, Bdf)>,
}

impl Difference {
    /// The difference; the first two functions of several.
    pub(super) fn of(expected: &Partition, computed: &Partition) -> Self {
        let members = |groups: &Partition| groups.iter().flatten().copied().collect();
        let (named, made): (BTreeSet<Bdf>, BTreeSet<Bdf>) = (members(expected), members(computed));
        Self {
            lacking: made.difference(&named).copied().collect(),
            beyond: named.difference(&made).copied().collect(),
            together: only_in(computed, expected),
            apart: only_in(expected, computed),
        }
    }

    /// The difference in words, with the reason for the first two functions, if there is one.
    pub(super) fn words(&self, topology: &Topology, reason: Option<&str>) -> String {
        let mut words = Vec::new();
        let is_absent = |bdf: &Bdf| topology.functions.iter().all(|one| one.bdf != *bdf);
        let (absent, beyond): (Vec<Bdf>, Vec<Bdf>) =
            self.beyond.iter().partition(|bdf| is_absent(bdf));
        if !absent.is_empty() {
            words.push(format!("the capture has no {}", list(&absent)));
        }
        if !beyond.is_empty() {
            words.push(format!(
                "no function of the entry shares a group with {}",
                list(&beyond)
            ));
        }
        if !self.lacking.is_empty() {
            words.push(format!("the list lacks {}", list(&self.lacking)));
        }
        let pair = match (self.together, self.apart) {
            (Some((one, other)), _) => Some(format!("{one} and {other} are in one group")),
            (None, Some((one, other))) => Some(format!("{one} and {other} are in two groups")),
            (None, None) => None,
        };
        words.extend(reason.map(str::to_owned).or(pair));
        words.join("; ")
    }
}

fn list(functions: &[Bdf]) -> String {
    let functions: Vec<_> = functions.iter().map(Bdf::to_string).collect();
    functions.join(", ")
}

/// Two functions that are in one group of `groups`, and in two of `others`.
fn only_in(groups: &Partition, others: &Partition) -> Option<(Bdf, Bdf)> {
    let numbered = others.iter().enumerate();
    let numbered = numbered.flat_map(|(at, group)| group.iter().map(move |bdf| (*bdf, at)));
    let numbers: BTreeMap<_, _> = numbered.collect();
    groups.iter().find_map(|group| {
        let mut known = group
            .iter()
            .filter_map(|bdf| Some((*bdf, numbers.get(bdf)?)));
        let (first, of_first) = known.next()?;
        let (other, _) = known.find(|(_, of)| *of != of_first)?;
        Some((first, other))
    })
}
