// SPDX-License-Identifier: GPL-2.0-only

//! Checks that the step by which each function came to its group is one of the kernel's, and leads
//! to a function that already has the group.

use grouping::model::{Function, Interface, Reason, Tie, Way};
use rules::pcie::PcieType::{PciBridge, PcieBridge};

/// The number of kinds of reason.
pub(crate) const KINDS: usize = 5;

/// The kind of reason of each function; the error describes the first reason that is wrong.
pub(crate) fn hold(
    functions: &[Function],
    traced: &[(Option<u32>, Reason)],
) -> Result<Vec<usize>, String> {
    let mut kinds = Vec::new();
    for index in 0..traced.len() {
        let kind = holds(functions, traced, index);
        kinds.push(kind.ok_or_else(|| format!("{index}: {:?} does not hold", traced[index]))?);
    }
    Ok(kinds)
}

fn holds(functions: &[Function], traced: &[(Option<u32>, Reason)], index: usize) -> Option<usize> {
    let at = |index: u32| &functions[index as usize];
    let ancestors = |index: u32| std::iter::successors(at(index).above, |&next| at(next).above);
    let (group, reason) = traced[index];
    let index = u32::try_from(index).ok()?;
    let joins = |other: u32| other < index && traced[other as usize].0 == group;
    let own = at(index).dma_device.unwrap_or(index);
    let (does, kind) = match reason {
        Reason::NoGroup => (!at(index).takes_part && group.is_none(), 0),
        Reason::First => {
            let mut earlier = traced[..index as usize].iter();
            (
                earlier.all(|&(other, _)| other != group) && group.is_some(),
                1,
            )
        }
        Reason::DmaDevice(other) => (at(index).dma_device == Some(other) && joins(other), 2),
        Reason::Bridge { bridge, way } => {
            let found = at(bridge);
            let counts = match way {
                Way::Path => !found.isolated || ancestors(bridge).any(|above| !at(above).isolated),
                Way::Alias => matches!(
                    found.interface,
                    Interface::Conventional | Interface::Express(PciBridge | PcieBridge)
                ),
            };
            let is_above = ancestors(own).any(|above| above == bridge);
            (joins(bridge) && is_above && counts, 3)
        }
        Reason::Neighbour {
            counts,
            from,
            other,
            tie,
        } => {
            let counts_for_it = counts == own || ancestors(own).any(|above| above == counts);
            let (one, two) = (at(from), at(other));
            let on_one_bus = (one.domain, one.bus) == (two.domain, two.bus);
            let is_alias = |one: &Function, two: &Function| {
                one.dma_aliases.contains(two.devfn)
                    || one.dma_device.is_some_and(|it| at(it) == two)
            };
            let tied = match tie {
                Tie::Slot => {
                    let open = one.multifunction && !one.isolated && !two.isolated;
                    one.slot() == two.slot() && open
                }
                Tie::Alias => is_alias(one, two) || is_alias(two, one),
            };
            (joins(other) && counts_for_it && on_one_bus && tied, 4)
        }
    };
    does.then_some(kind)
}
