// SPDX-License-Identifier: GPL-2.0-only

//! Assigns each function its group.

use super::{
    function::Function,
    layout::{self, Fault, Scratch},
    reason::{Reason, Way},
    release::{Procedure, Release},
    search,
    upward::{Found, Upward},
};

/// Writes the group of each function to `groups` (`None` for a function in no group) and returns
/// the number of groups. Groups are numbered from 0 in the order of their creation.
///
/// `functions` must be in the order in which the kernel adds them, which [the module](super)
/// describes. `work`, `order` and `groups` must have the length of that list; their contents do not
/// matter. Afterwards `work` holds the step that put each function into its group.
///
/// Costs O(n log n) in the number of functions. [`layout::prepare`] and [`search::find`] state the
/// additional cost of aliases.
///
/// # Errors
///
/// [`Fault`] for a list that no machine can have.
pub fn assign(
    release: &Release,
    functions: &[Function],
    work: &mut [Scratch],
    order: &mut [u32],
    groups: &mut [Option<u32>],
) -> Result<u32, Fault> {
    if groups.len() != functions.len() {
        return Err(Fault::Sizes);
    }
    layout::prepare(functions, work, order)?;
    groups.fill(None);
    match release.procedure {
        Procedure::FirstFound => Ok(first_found(functions, work, order, groups)),
    }
}

fn first_found(
    functions: &[Function],
    work: &mut [Scratch],
    order: &[u32],
    groups: &mut [Option<u32>],
) -> u32 {
    let mut count = 0_u32;
    for (index, function) in (0..).zip(functions) {
        let mut group = None;
        let mut reason = Reason::NoGroup;
        if function.takes_part {
            let own = (count, Reason::First);
            let (number, step) = device_group(index, functions, order, groups, work).unwrap_or(own);
            if step == Reason::First {
                count = count.saturating_add(1);
            }
            (group, reason) = (Some(number), step);
        }
        let above = function
            .above
            .and_then(|above| layout::scratch(work, above));
        let upward = Upward::of(function, index, group, above.map(|above| &above.upward));
        if let Some(slot) = layout::scratch_mut(work, index) {
            slot.upward = upward;
            slot.reason = reason;
        }
        if let Some(slot) = usize::try_from(index)
            .ok()
            .and_then(|at| groups.get_mut(at))
        {
            *slot = group;
        }
    }
    count
}

/// The group that an existing member shares with the function, and the step that finds it; `None`
/// if the function gets a new group. Models `pci_device_group()`.
fn device_group(
    index: u32,
    functions: &[Function],
    order: &[u32],
    groups: &[Option<u32>],
    work: &mut [Scratch],
) -> Option<(u32, Reason)> {
    // Start from the function whose requester ID the requests carry at the IOMMU.
    let mut counts = index;
    if let Some(other) = layout::at(functions, index)?.dma_device {
        counts = other;
        if let Some(group) = groups.get(usize::try_from(other).ok()?)? {
            return Some((*group, Reason::DmaDevice(other)));
        }
    }
    // Then go up: first for aliases, then as long as the path to the root is not isolated.
    for way in [Way::Alias, Way::Path] {
        let above = layout::at(functions, counts)?.above;
        let upward = above.and_then(|above| layout::scratch(work, above));
        let found = upward.map_or(Found::Nothing, |above| match way {
            Way::Alias => above.upward.alias,
            Way::Path => above.upward.shared,
        });
        match found {
            Found::Nothing => {}
            Found::Bridge(bridge) => counts = bridge,
            Found::Group { group, bridge } => {
                return Some((group, Reason::Bridge { bridge, way }));
            }
        }
    }
    // Then search among the functions of that bus.
    search::find(counts, functions, order, groups, work)
}
