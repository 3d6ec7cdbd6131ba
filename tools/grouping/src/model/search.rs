// SPDX-License-Identifier: GPL-2.0-only

//! Searches for a group among the functions of one bus: DMA aliases of each other, and functions of
//! one device number that are not isolated.
//!
//! In `drivers/iommu/iommu.c` these are two functions that call each other, with a bitmap of
//! visited functions. A function joins the first group that they find, so this code keeps the exact
//! order of their calls, and omits only calls that the bitmap would end at once.
//! [`Scratch::caller`] replaces the kernel's stack: a function is visited once, so it has one
//! caller.

use super::devfns::{DevfnSet, Search as _};

use super::{
    function::Function,
    layout::{self, Scratch},
    reason::{Reason, Tie},
};

/// The caller of `get_pci_alias_group()` for a function. Functions are positions on the bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Caller {
    /// `pci_device_group()`.
    #[default]
    Start,
    /// `get_pci_alias_group()` for this function, which is an alias.
    Alias(u8),
    /// `get_pci_function_alias_group()`, with its own caller.
    Mate(Mates),
}

/// A call of `get_pci_function_alias_group()`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mates {
    /// The function that it was called for.
    of: u8,
    /// Called by `get_pci_alias_group()` for this function; `None` if by `pci_device_group()`.
    by: Option<u8>,
}

/// The current place in the kernel's code.
enum Step {
    /// `get_pci_alias_group()` is called for the function.
    Enter(u8, Caller),
    /// `get_pci_alias_group()` looks for aliases of the function from this position on.
    Aliases(u8, u16),
    /// `get_pci_function_alias_group()` looks at the device number from this position on.
    Slot(Mates, u16),
    /// `get_pci_alias_group()` returns without a group for the function.
    Leave(u8),
    /// `get_pci_function_alias_group()` returns without a group.
    LeaveSlot(Mates),
}

/// The state of a search on one bus.
struct Search<'a> {
    functions: &'a [Function],
    members: &'a [u32],
    groups: &'a [Option<u32>],
    work: &'a mut [Scratch],
    /// The kernel's bitmap `devfns`.
    visited: DevfnSet,
    /// Functions that were visited and whose device number was searched, so that another call finds
    /// nothing.
    done: DevfnSet,
}

/// The first group that `pci_device_group()` finds from the function `start`, through
/// `get_pci_alias_group()` and then `get_pci_function_alias_group()`, with the step that finds it.
/// [`prepare`](super::layout::prepare) must have filled `order` and `work`.
///
/// Costs a few steps for each visited function of the bus, of which there are at most 256.
pub(super) fn find(
    start: u32,
    functions: &[Function],
    order: &[u32],
    groups: &[Option<u32>],
    work: &mut [Scratch],
) -> Option<(u32, Reason)> {
    let Scratch {
        bus_start,
        rank,
        linked,
        ..
    } = *layout::scratch(work, start)?;
    let function = layout::at(functions, start)?;
    // The common case: no alias, and no search at the device number.
    if linked.is_empty() && (!function.multifunction || function.isolated) {
        return None;
    }
    let members = order.get(usize::try_from(bus_start).ok()?..)?;
    let mut search = Search {
        functions,
        members,
        groups,
        work,
        visited: DevfnSet::EMPTY,
        done: DevfnSet::EMPTY,
    };
    let (group, from, other, tie) = search.run(rank)?;
    let reason = Reason::Neighbour {
        counts: start,
        from,
        other,
        tie,
    };
    Some((group, reason))
}

impl Search<'_> {
    /// The group, and the last step: from which function, to which function, and their relation.
    fn run(&mut self, start: u8) -> Option<(u32, u32, u32, Tie)> {
        let mut step = Step::Enter(start, Caller::Start);
        loop {
            step = match step {
                Step::Enter(rank, caller) => {
                    self.visited.insert(rank);
                    let index = self.index(rank)?;
                    let group = self.groups.get(usize::try_from(index).ok()?)?;
                    if let Some(group) = *group {
                        let (from, tie) = match caller {
                            Caller::Start => (rank, Tie::Slot),
                            Caller::Alias(by) => (by, Tie::Alias),
                            Caller::Mate(mates) => (mates.of, Tie::Slot),
                        };
                        return Some((group, self.index(from)?, index, tie));
                    }
                    layout::scratch_mut(self.work, index)?.caller = caller;
                    Step::Aliases(rank, 0)
                }
                Step::Aliases(of, from) => {
                    let left = self.scratch(of)?.linked.without(&self.done);
                    match left.first_from(from) {
                        None => Step::Leave(of),
                        Some(rank) if !self.visited.contains(rank) => {
                            Step::Enter(rank, Caller::Alias(of))
                        }
                        Some(rank) => {
                            let mates = Mates {
                                of: rank,
                                by: Some(of),
                            };
                            Step::Slot(mates, 0)
                        }
                    }
                }
                Step::Slot(mates, from) => match self.next_in_slot(mates.of, from) {
                    Some(rank) => Step::Enter(rank, Caller::Mate(mates)),
                    None => Step::LeaveSlot(mates),
                },
                Step::Leave(rank) => match self.scratch(rank)?.caller {
                    Caller::Start => {
                        let mates = Mates { of: rank, by: None };
                        Step::Slot(mates, 0)
                    }
                    Caller::Alias(by) => {
                        let mates = Mates {
                            of: rank,
                            by: Some(by),
                        };
                        Step::Slot(mates, 0)
                    }
                    Caller::Mate(mates) => Step::Slot(mates, after(rank)),
                },
                Step::LeaveSlot(Mates { of, by }) => {
                    self.done.insert(of);
                    Step::Aliases(by?, after(of))
                }
            };
        }
    }

    /// The next function with the same device number that `get_pci_function_alias_group()` visits,
    /// from position `from` on.
    fn next_in_slot(&self, of: u8, from: u16) -> Option<u8> {
        let function = layout::at(self.functions, self.index(of)?)?;
        if !function.multifunction || function.isolated {
            return None;
        }
        self.scratch(of)?
            .mates
            .without(&self.visited)
            .first_from(from)
    }

    fn index(&self, rank: u8) -> Option<u32> {
        self.members.get(usize::from(rank)).copied()
    }

    fn scratch(&self, rank: u8) -> Option<&Scratch> {
        layout::scratch(self.work, self.index(rank)?)
    }
}

fn after(rank: u8) -> u16 {
    u16::from(rank).saturating_add(1)
}
