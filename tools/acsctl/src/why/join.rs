// SPDX-License-Identifier: GPL-2.0-only

//! The steps that joined the members of a group.

use std::collections::{BTreeMap, BTreeSet};

use grouping::model::{Reason, Tie, Way};

use super::look::Look;

/// What joins functions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// A bridge on the way to the root is not isolated.
    Path,
    /// A bridge puts its own requester id, or that of its bus, on what is behind it.
    Bridge,
    /// Functions of one slot are not isolated from each other.
    Slot,
    /// One sends requests under the number of another.
    Alias,
    /// Another function does the requests.
    DmaDevice,
}

impl Kind {
    /// The function of the kernel that decides it.
    pub(super) const fn kernel(self) -> &'static str {
        match self {
            Self::Path => "pci_acs_path_enabled",
            Self::Bridge => "pci_for_each_dma_alias",
            Self::Slot => "get_pci_function_alias_group",
            Self::Alias => "get_pci_alias_group",
            Self::DmaDevice => "pci_real_dma_dev",
        }
    }

    /// The name that the JSON form uses.
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

/// A step of the kernel's computation, for all that it has joined.
pub(super) struct Step {
    pub(super) kind: Kind,
    /// The function that the others have joined, one after the other; for a path, the topmost bridge
    /// on it that is not isolated.
    pub(super) at: usize,
    /// Who has joined.
    pub(super) joined: Vec<usize>,
    /// Those of one slot, or of one number, that tie them, joined or not; for a path, the bridges on
    /// it that are not isolated.
    pub(super) tied: BTreeSet<usize>,
    /// Those of `joined` for which a bridge above them counts.
    pub(super) through: BTreeSet<usize>,
}

/// Whom a function has joined; none where it is the first of its group, or in none.
pub(super) fn joined(reason: Reason) -> Option<usize> {
    let index = match reason {
        Reason::NoGroup | Reason::First => return None,
        Reason::DmaDevice(other) | Reason::Neighbour { other, .. } => other,
        Reason::Bridge { bridge, .. } => bridge,
    };
    usize::try_from(index).ok()
}

/// A function, whom it has joined, whom that one has, and so on.
pub(super) fn chain(look: &Look<'_, '_>, at: usize) -> Vec<usize> {
    // Each has joined an earlier one, so this ends.
    let next = |&at: &usize| joined(look.grouping.reasons[at]);
    std::iter::successors(Some(at), next).collect()
}

/// Those by whose steps two functions of one group are in it together.
pub(super) fn between(look: &Look<'_, '_>, one: usize, two: usize) -> Vec<usize> {
    let (one, two) = (chain(look, one), chain(look, two));
    let common = |at: &&usize| !(one.contains(at) && two.contains(at));
    let apart = one.iter().chain(&two).filter(common);
    apart.copied().collect()
}

/// The steps by which these functions came to their groups, in this order.
pub(super) fn steps(look: &Look<'_, '_>, functions: &[usize]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut paths = BTreeMap::new();
    for &function in functions {
        let reason = look.grouping.reasons[function];
        let Some(at) = joined(reason) else {
            continue;
        };
        let mut at = at;
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
                let open = open_on_path(look, at);
                at = open.last().copied().unwrap_or(at);
                (Kind::Path, open, function)
            }
        };
        let key = match kind {
            Kind::Slot => (kind, None, Some(slot(look, at))),
            _ => (kind, Some(at), None),
        };
        let number = *paths.entry(key).or_insert(steps.len());
        if number == steps.len() {
            steps.push(Step {
                kind,
                at,
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

/// The bridges that are not isolated, from this one up.
fn open_on_path(look: &Look<'_, '_>, bridge: usize) -> Vec<usize> {
    let path = std::iter::once(bridge).chain(look.above(bridge));
    path.filter(|&at| !look.facts(at).isolated).collect()
}

fn slot(look: &Look<'_, '_>, at: usize) -> (u32, u8, u8) {
    let facts = look.facts(at);
    (facts.domain, facts.bus, facts.slot())
}

impl Step {
    /// Who would have to be isolated for this step not to join anybody: for a path, it takes all of
    /// them. None where nothing could change it.
    pub(super) fn blockers(&self, look: &Look<'_, '_>) -> Vec<usize> {
        let open = |at: &usize| !look.facts(*at).isolated;
        match self.kind {
            Kind::Path | Kind::Slot => self.tied.iter().copied().filter(open).collect(),
            Kind::Bridge | Kind::Alias | Kind::DmaDevice => Vec::new(),
        }
    }
}
