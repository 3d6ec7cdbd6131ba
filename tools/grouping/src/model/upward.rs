// SPDX-License-Identifier: GPL-2.0-only

//! The walk from a bus up to the root.
//!
//! The kernel walks up for each function. Every bridge is grouped before the first function behind
//! it, so the walk has the same result for all functions of a bus. This code computes the result
//! once for each bridge, from the result of the bridge above.

use crate::rules::pcie::PcieType;

use super::function::{Function, Interface};

/// The result of a walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Found {
    /// No bridge counts: the search continues with the function itself.
    #[default]
    Nothing,
    /// The search continues with the bridge of this index; neither this bridge nor one below it has
    /// a group.
    Bridge(u32),
    /// This bridge has a group, which the function joins.
    Group {
        /// The number of the group.
        group: u32,
        /// The index of the bridge.
        bridge: u32,
    },
}

impl Found {
    /// The result of a walk that starts at the bridge `index` with the group `group` and continues
    /// with the result `further`.
    const fn or_further(index: u32, group: Option<u32>, further: Self) -> Self {
        match (group, further) {
            (Some(group), _) => Self::Group {
                group,
                bridge: index,
            },
            (None, Self::Nothing) => Self::Bridge(index),
            (None, found) => found,
        }
    }
}

/// The results of the walks from the secondary bus of a bridge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Upward {
    /// The walk of `pci_for_each_dma_alias()` in `drivers/pci/search.c` with
    /// `get_pci_alias_or_group()` in `drivers/iommu/iommu.c`: the first group, or without one the
    /// last bridge.
    pub(super) alias: Found,
    /// The second walk of `pci_device_group()`, which goes up as long as the path from there to the
    /// root is not isolated: the first group, or without one the last bridge.
    pub(super) shared: Found,
    /// Whether the bridge and every bridge above it are isolated: `pci_acs_path_enabled()` in
    /// `drivers/pci/pci.c`.
    path_isolated: bool,
}

impl Upward {
    /// The results for the bridge at `index` in the list, whose group is `group`. `above` holds the
    /// results for the bridge above; `None` for a bridge on a root bus.
    pub(super) fn of(
        bridge: &Function,
        index: u32,
        group: Option<u32>,
        above: Option<&Self>,
    ) -> Self {
        let higher = above.map_or(Found::Nothing, |above| above.alias);
        let alias = if bridge.translation_root {
            Found::Nothing
        } else if is_alias_of_what_is_below(bridge) {
            Found::or_further(index, group, higher)
        } else {
            higher
        };
        let path_isolated = bridge.isolated && above.is_none_or(|above| above.path_isolated);
        let shared = if path_isolated {
            Found::Nothing
        } else {
            let higher = above.map_or(Found::Nothing, |above| above.shared);
            Found::or_further(index, group, higher)
        };
        Self {
            alias,
            shared,
            path_isolated,
        }
    }
}

/// Whether requests from below a bridge may carry its requester ID or one of its secondary bus: the
/// cases of `pci_for_each_dma_alias()`.
///
/// The difference between the two IDs (`PCI_DEV_FLAG_PCIE_BRIDGE_ALIAS`) does not matter here,
/// because `get_pci_alias_or_group()` uses the bridge and ignores the ID.
fn is_alias_of_what_is_below(bridge: &Function) -> bool {
    match bridge.interface {
        Interface::Conventional | Interface::Express(PcieType::PcieBridge) => true,
        Interface::Express(PcieType::PciBridge) => !bridge.keeps_requester_ids,
        Interface::Express(_) | Interface::Reserved => false,
    }
}
