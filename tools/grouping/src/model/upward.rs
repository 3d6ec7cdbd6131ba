// SPDX-License-Identifier: GPL-2.0-only

//! What the way from a bus to the root has to offer a function on that bus.
//!
//! The kernel walks it anew for each function. Every bridge has been grouped before the first
//! function behind it, so what the walk finds is the same for all of them, and is worked out once
//! for each bridge from what the bridge above it has.

use crate::rules::pcie::PcieType;

use super::function::{Function, Interface};

/// What a walk comes upon.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Found {
    /// Nothing: the function itself is what counts.
    #[default]
    Nothing,
    /// The bridge with this index is what counts; neither it nor one below it has a group.
    Bridge(u32),
    /// A group, which this bridge has.
    Group {
        /// The group.
        group: u32,
        /// The index of the bridge.
        bridge: u32,
    },
}

impl Found {
    /// What a walk comes upon that begins at the bridge `index`, whose group is `group`, and goes on
    /// to find `further`.
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

/// What is known of the way up from the secondary bus of a bridge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Upward {
    /// The last one, or the first group, on the way of `pci_for_each_dma_alias()` in
    /// `drivers/pci/search.c` with `get_pci_alias_or_group()` in `drivers/iommu/iommu.c`.
    pub(super) alias: Found,
    /// The last one, or the first group, on the second way of `pci_device_group()`: as far up as
    /// the path from there to the root is not isolated.
    pub(super) shared: Found,
    /// Whether the bridge and all above it are isolated: `pci_acs_path_enabled()` in
    /// `drivers/pci/pci.c`.
    path_isolated: bool,
}

impl Upward {
    /// What a bridge offers, which is `index` in the list and has the group `group`; `above` is what
    /// the bridge above it offers, `None` for a bridge on a root bus.
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

/// Whether requests from below a bridge may carry its requester id, or one of its secondary bus:
/// the cases of `pci_for_each_dma_alias()`.
///
/// Which of the two it is, what `PCI_DEV_FLAG_PCIE_BRIDGE_ALIAS` is about, makes no difference
/// here: `get_pci_alias_or_group()` takes the bridge and not the number.
fn is_alias_of_what_is_below(bridge: &Function) -> bool {
    match bridge.interface {
        Interface::Conventional | Interface::Express(PcieType::PcieBridge) => true,
        Interface::Express(PcieType::PciBridge) => !bridge.keeps_requester_ids,
        Interface::Express(_) | Interface::Reserved => false,
    }
}
