// SPDX-License-Identifier: GPL-2.0-only

//! The steps that joined the members of a group.

use std::collections::{BTreeMap, BTreeSet};

use grouping::model::{Reason, Tie, Way};

use super::grouped::GroupedHost;

/// The kind of a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// A bridge on the way to the root is not isolated.
    Path,
    /// A bridge replaces the requester ID of requests from behind it.
    Bridge,
    /// Functions of one slot are not isolated from each other.
    Slot,
    /// A function sends requests with another function's requester ID.
    Alias,
    /// Another function sends the requests (Intel VMD).
    DmaDevice,
}

impl Kind {
    /// The kernel's C function that decides a step of this kind.
    pub(super) const fn kernel(self) -> &'static str {
        match self {
            Self::Path => "pci_acs_path_enabled",
            Self::Bridge => "pci_for_each_dma_alias",
            Self::Slot => "get_pci_function_alias_group",
            Self::Alias => "get_pci_alias_group",
            Self::DmaDevice => "pci_real_dma_dev",
        }
    }

    /// The name in the JSON form.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Path => "path-not-isolated",
            Self::Bridge => "bridge-alias",
            Self::Slot => "same-slot",
            Self::Alias => "dma-alias",
            Self::DmaDevice => "dma-device",
        }
    }
}

/// A step of the kernel's computation, with all functions that it joined.
pub(super) struct JoinStep {
    pub(super) kind: Kind,
    /// The function that the others joined, one after the other. For a path: the topmost bridge on
    /// it that is not isolated.
    pub(super) origin: usize,
    /// The functions that joined.
    pub(super) joined: Vec<usize>,
    /// The functions, joined or not, that cause the step because they share a slot or a requester
    /// ID. For a path: the bridges on it that are not isolated.
    pub(super) tied: BTreeSet<usize>,
    /// The functions of `joined` that joined because of a bridge above them.
    pub(super) through: BTreeSet<usize>,
}

/// The function that a function joined; `None` for the first function of a group and for a function
/// in no group.
pub(super) fn joined(reason: Reason) -> Option<usize> {
    let index = match reason {
        Reason::NoGroup | Reason::First => return None,
        Reason::DmaDevice(other) | Reason::Neighbour { other, .. } => other,
        Reason::Bridge { bridge, .. } => bridge,
    };
    usize::try_from(index).ok()
}

/// A function, the function that it joined, and so on up to the first of the group.
pub(super) fn chain(grouped: &GroupedHost<'_, '_>, index: usize) -> Vec<usize> {
    // A function joins only an earlier one, so the chain ends.
    let next = |&index: &usize| joined(grouped.grouping.reasons[index]);
    std::iter::successors(Some(index), next).collect()
}

/// The functions whose steps joined two functions of one group.
pub(super) fn between(grouped: &GroupedHost<'_, '_>, one: usize, two: usize) -> Vec<usize> {
    let (one, two) = (chain(grouped, one), chain(grouped, two));
    let common = |index: &&usize| !(one.contains(index) && two.contains(index));
    let apart = one.iter().chain(&two).filter(common);
    apart.copied().collect()
}

/// The steps that put these functions into their groups, in the order of `functions`.
pub(super) fn steps(grouped: &GroupedHost<'_, '_>, functions: &[usize]) -> Vec<JoinStep> {
    let mut steps: Vec<JoinStep> = Vec::new();
    let mut paths = BTreeMap::new();
    for &function in functions {
        let reason = grouped.grouping.reasons[function];
        let Some(index) = joined(reason) else {
            continue;
        };
        let mut index = index;
        let (kind, ends, counts) = match reason {
            Reason::Neighbour {
                counts,
                from,
                other,
                tie,
            } => {
                let kind = match tie {
                    Tie::Alias => Kind::Alias,
                    Tie::Slot => Kind::Slot,
                };
                (kind, vec![from as usize, other as usize], counts as usize)
            }
            Reason::Bridge {
                way: Way::Alias, ..
            } => (Kind::Bridge, Vec::new(), function),
            Reason::DmaDevice(_) => (Kind::DmaDevice, Vec::new(), function),
            Reason::Bridge { way: Way::Path, .. } | Reason::First | Reason::NoGroup => {
                let open = open_on_path(grouped, index);
                index = open.last().copied().unwrap_or(index);
                (Kind::Path, open, function)
            }
        };
        let key = match kind {
            Kind::Slot => (kind, None, Some(slot(grouped, index))),
            _ => (kind, Some(index), None),
        };
        let number = *paths.entry(key).or_insert(steps.len());
        if number == steps.len() {
            steps.push(JoinStep {
                kind,
                origin: index,
                joined: Vec::new(),
                tied: BTreeSet::new(),
                through: BTreeSet::new(),
            });
        }
        let place = &mut steps[number];
        place.joined.push(function);
        place.tied.extend(ends);
        if counts != function {
            place.through.insert(function);
        }
    }
    steps
}

/// The bridges that are not isolated, from `bridge` up.
fn open_on_path(grouped: &GroupedHost<'_, '_>, bridge: usize) -> Vec<usize> {
    let path = std::iter::once(bridge).chain(grouped.above(bridge));
    path.filter(|&index| !grouped.facts(index).isolated)
        .collect()
}

fn slot(grouped: &GroupedHost<'_, '_>, index: usize) -> (u32, u8, u8) {
    let facts = grouped.facts(index);
    (facts.domain, facts.bus, facts.slot())
}

impl JoinStep {
    /// The functions that would prevent this step if they were isolated. A path needs all of them.
    /// Empty if isolation cannot prevent the step.
    pub(super) fn blockers(&self, grouped: &GroupedHost<'_, '_>) -> Vec<usize> {
        let open = |index: &usize| !grouped.facts(*index).isolated;
        match self.kind {
            Kind::Path | Kind::Slot => self.tied.iter().copied().filter(open).collect(),
            Kind::Bridge | Kind::Alias | Kind::DmaDevice => Vec::new(),
        }
    }
}
