// SPDX-License-Identifier: GPL-2.0-only

//! Checks the list of functions and prepares the data of each bus.

use core::fmt;

use super::devfns::{DevfnSet, Search as _};

use super::{
    function::Function,
    reason::Reason,
    search::Caller,
    upward::Upward, //
};

/// The working data of one function. The caller passes one `Scratch::default()` for each function.
/// Afterwards only [`Scratch::reason`] is meaningful.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scratch {
    /// The first position of the function's bus in the order by bus.
    pub(super) bus_start: u32,
    /// The function's position among the functions of its bus.
    pub(super) rank: u8,
    /// Positions of the functions of the bus that are a DMA alias of this one, or that have this
    /// one as an alias.
    pub(super) linked: DevfnSet,
    /// Positions of the functions with the same device number that are not isolated; may include
    /// this function.
    pub(super) mates: DevfnSet,
    /// The caller in the current search.
    pub(super) caller: Caller,
    /// For a bridge: the result of the walk up from its secondary bus.
    pub(super) upward: Upward,
    /// The step by which the function came to its group.
    pub(super) reason: Reason,
}

impl Scratch {
    /// The step by which the function came to its group; valid after [`assign`](super::assign()).
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

/// A fault in the list of functions. Indices refer to the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// There are more functions than `u32` can count, or the slices differ in length.
    Sizes,
    /// The bridge above a function, or its `dma_device`, is not earlier in the list.
    Order {
        /// The function that is too early.
        function: u32,
    },
    /// Two functions have the same address.
    SameAddress {
        /// One of them.
        function: u32,
        /// The other.
        other: u32,
    },
    /// Two functions of one bus have different bridges above.
    SameBus {
        /// One of them.
        function: u32,
        /// The other.
        other: u32,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sizes => f.write_str("too many functions, or slices of different lengths"),
            Self::Order { function } => {
                write!(f, "function {function} comes before one that it is behind")
            }
            Self::SameAddress { function, other } => {
                write!(f, "functions {function} and {other} have the same address")
            }
            Self::SameBus { function, other } => write!(
                f,
                "functions {function} and {other} are on one bus below different bridges"
            ),
        }
    }
}

pub(super) fn at(functions: &[Function], index: u32) -> Option<&Function> {
    functions.get(usize::try_from(index).ok()?)
}

pub(super) fn scratch(work: &[Scratch], index: u32) -> Option<&Scratch> {
    work.get(usize::try_from(index).ok()?)
}

pub(super) fn scratch_mut(work: &mut [Scratch], index: u32) -> Option<&mut Scratch> {
    work.get_mut(usize::try_from(index).ok()?)
}

/// Fills `order` with the indices of all functions, sorted by bus and then by index, and `work`
/// with the data of each bus.
///
/// Costs O(n log n) in the number of functions, and at most 256 further steps for each function
/// with aliases.
///
/// # Errors
///
/// [`Fault`] for a list that no machine can have.
pub(super) fn prepare(
    functions: &[Function],
    work: &mut [Scratch],
    order: &mut [u32],
) -> Result<(), Fault> {
    let len = functions.len();
    if work.len() != len || order.len() != len || u32::try_from(len).is_err() {
        return Err(Fault::Sizes);
    }
    work.fill(Scratch::default());
    for ((index, function), slot) in (0..).zip(functions).zip(order.iter_mut()) {
        let earlier = |other: Option<u32>| other.is_none_or(|other| other < index);
        if !earlier(function.above) || !earlier(function.dma_device) {
            return Err(Fault::Order { function: index });
        }
        *slot = index;
    }
    check_addresses(functions, order)?;
    let bus = |index: u32| at(functions, index).map(|found| (found.domain, found.bus));
    order.sort_unstable_by_key(|&index| (bus(index), index));
    let mut bus_start = 0;
    for members in order.chunk_by(|&one, &other| bus(one) == bus(other)) {
        place(members, bus_start, work);
        find_mates(functions, members, work);
        find_links(functions, members, work);
        let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
        bus_start = count.saturating_add(bus_start);
    }
    Ok(())
}

/// Fails if two functions have the same address, or functions of one bus have different bridges
/// above.
fn check_addresses(functions: &[Function], order: &mut [u32]) -> Result<(), Fault> {
    let address = |index: u32| {
        at(functions, index).map(|found| (found.domain, found.bus, found.devfn, index))
    };
    order.sort_unstable_by_key(|&index| address(index));
    let pairs = order.iter().zip(order.iter().skip(1));
    for (&function, &other) in pairs {
        let (Some(one), Some(two)) = (at(functions, function), at(functions, other)) else {
            continue;
        };
        if (one.domain, one.bus) != (two.domain, two.bus) {
            continue;
        }
        if one.devfn == two.devfn {
            return Err(Fault::SameAddress { function, other });
        }
        if one.above != two.above {
            return Err(Fault::SameBus { function, other });
        }
    }
    Ok(())
}

/// Notes the position of each function on its bus. Addresses are unique, so a bus has at most 256.
fn place(members: &[u32], bus_start: u32, work: &mut [Scratch]) {
    for (rank, &member) in (0..=u8::MAX).zip(members) {
        if let Some(slot) = scratch_mut(work, member) {
            slot.bus_start = bus_start;
            slot.rank = rank;
        }
    }
}

/// Finds, for each function of a bus, the functions of its device number that are not isolated:
/// those that `get_pci_function_alias_group()` visits. The kernel skips the function itself; here
/// the function is already in the set of visited functions.
fn find_mates(functions: &[Function], members: &[u32], work: &mut [Scratch]) {
    let mut slots = [DevfnSet::EMPTY; 32];
    let found = |member: u32| at(functions, member);
    for (rank, &member) in (0..=u8::MAX).zip(members) {
        let Some(function) = found(member).filter(|function| !function.isolated) else {
            continue;
        };
        if let Some(slot) = slots.get_mut(usize::from(function.slot())) {
            slot.insert(rank);
        }
    }
    for &member in members {
        let slot = found(member).and_then(|function| slots.get(usize::from(function.slot())));
        if let (Some(slot), Some(scratch)) = (slot, scratch_mut(work, member)) {
            scratch.mates = *slot;
        }
    }
}

/// Finds the pairs of functions of a bus where one is a DMA alias of the other:
/// `pci_devs_are_dma_aliases()` in `drivers/pci/pci.c`.
fn find_links(functions: &[Function], members: &[u32], work: &mut [Scratch]) {
    for (rank, &member) in (0..=u8::MAX).zip(members) {
        let Some(function) = at(functions, member) else {
            continue;
        };
        if function.dma_aliases.is_empty() && function.dma_device.is_none() {
            continue;
        }
        for (other_rank, &other) in (0..=u8::MAX).zip(members) {
            let is_alias = at(functions, other)
                .is_some_and(|other| function.dma_aliases.contains(other.devfn))
                || function.dma_device == Some(other);
            if other == member || !is_alias {
                continue;
            }
            if let Some(slot) = scratch_mut(work, member) {
                slot.linked.insert(other_rank);
            }
            if let Some(slot) = scratch_mut(work, other) {
                slot.linked.insert(rank);
            }
        }
    }
}
