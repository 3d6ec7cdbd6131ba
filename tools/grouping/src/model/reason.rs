// SPDX-License-Identifier: GPL-2.0-only

//! The step of the kernel's computation that put a function into its group.

/// The step of `pci_device_group()` that found the group. Functions are indices in the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reason {
    /// The function is in no group.
    #[default]
    NoGroup,
    /// No step found a group: the function is the first member of a new one.
    First,
    /// The requests carry the requester ID of this function (`pci_real_dma_dev()`), which has the
    /// group.
    DmaDevice(u32),
    /// A bridge above the function has the group.
    Bridge {
        /// The bridge.
        bridge: u32,
        /// Why the function shares the bridge's group.
        way: Way,
    },
    /// A function on the same bus, or on the bus of a bridge above, has the group.
    Neighbour {
        /// The function that the kernel searched for: the function itself, or the bridge in its
        /// place.
        counts: u32,
        /// The last step of the search starts at this function, which is often `counts` itself.
        from: u32,
        /// The last step of the search ends at this function, which has the group.
        other: u32,
        /// The relation of `from` and `other`.
        tie: Tie,
    },
}

/// Why a function shares the group of a bridge above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Requests from below carry the bridge's requester ID, or one of its secondary bus:
    /// `pci_for_each_dma_alias()`.
    Alias,
    /// The bridge, or one above it, is not isolated: `pci_acs_path_enabled()`.
    Path,
}

/// The relation of two functions of one bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tie {
    /// One function sends requests under the number of the other: `get_pci_alias_group()`.
    Alias,
    /// The functions have the same device number, and neither is isolated:
    /// `get_pci_function_alias_group()`.
    Slot,
}
