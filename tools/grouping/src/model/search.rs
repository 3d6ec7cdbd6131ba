// SPDX-License-Identifier: GPL-2.0-only

//! The search for a group among the functions of one bus: those that are aliases of each other, and
//! those of one slot that are not isolated.
//!
//! Two functions of `drivers/iommu/iommu.c` that call each other, and a bitmap of where they have
//! been. A function joins the first group that they come upon, so the order of their calls is kept
//! to the letter; calls that the bitmap would end at once are left out. What stands on the kernel's
//! stack is noted in [`Scratch::caller`] here: a function is visited once, so it has one caller.

use super::devfns::{DevfnSet, Search as _};

use super::{
    function::Function,
    layout::{self, Scratch},
    reason::{Reason, Tie},
};

/// From where `get_pci_alias_group()` was called for a function. Functions are given by their
/// position on the bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Caller {
    /// By `pci_device_group()`.
    #[default]
    Start,
    /// By `get_pci_alias_group()` for this function, an alias.
    Alias(u8),
    /// By `get_pci_function_alias_group()`, and that from there.
    Mate(Mates),
}

/// A call of `get_pci_function_alias_group()`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mates {
    /// For which function.
    of: u8,
    /// By `get_pci_alias_group()` for this function; `None`: by `pci_device_group()`.
    by: Option<u8>,
}

/// Where in the kernel's code the search is.
enum Step {
    /// `get_pci_alias_group()` is called for the function.
    Enter(u8, Caller),
    /// It looks for aliases of the function, at this position or a later one.
    Aliases(u8, u16),
    /// `get_pci_function_alias_group()` looks at the slot, at this position or a later one.
    Slot(Mates, u16),
    /// `get_pci_alias_group()` has found nothing for the function, and returns.
    Leave(u8),
    /// So has `get_pci_function_alias_group()`.
    LeaveSlot(Mates),
}

/// The functions of one bus, and where the search has been.
struct Search<'a> {
    functions: &'a [Function],
    members: &'a [u32],
    groups: &'a [Option<u32>],
    work: &'a mut [Scratch],
    /// The kernel's bitmap `devfns`.
    visited: DevfnSet,
    /// Functions that are visited and whose slot has been gone through, so that nothing is left there
    /// to visit.
    done: DevfnSet,
}

/// The first group that `pci_device_group()` comes upon from the function `start` on, by way of
/// `get_pci_alias_group()` and then `get_pci_function_alias_group()`, and how. `order` and `work` are as
/// [`prepare`](super::layout::prepare) has left them.
///
/// Costs a few steps for each function of the bus that is visited: 256 at most.
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
    // Nothing to look at, as for most functions.
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
    /// The group, and the last step to it: from whom, to whom, and what ties the two.
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

    /// The next function in the slot of this one that `get_pci_function_alias_group()` goes on to,
    /// at the position `from` or a later one.
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

/// The position after this one.
fn after(rank: u8) -> u16 {
    u16::from(rank).saturating_add(1)
}
