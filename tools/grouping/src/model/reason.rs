// SPDX-License-Identifier: GPL-2.0-only

//! By which step of the kernel's computation a function came to its group.

/// Which step of `pci_device_group()` found the group of a function. Functions are given by their
/// index in the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reason {
    /// It is in no group.
    #[default]
    NoGroup,
    /// No step found one: it is the first member of its group.
    First,
    /// Its requests reach the IOMMU as those of this function, `pci_real_dma_dev()`.
    DmaDevice(u32),
    /// This bridge, which it is behind, has the group already.
    Bridge {
        /// The bridge.
        bridge: u32,
        /// Why the bridge counts.
        way: Way,
    },
    /// A function on its bus, or on the bus of a bridge above it, has the group already.
    Neighbour {
        /// For whom the kernel searched: the function itself, or the bridge that counts for it.
        counts: u32,
        /// The last step: from this function, mostly `counts` itself ...
        from: u32,
        /// ... to this one, which has the group.
        other: u32,
        /// What ties these two.
        tie: Tie,
    },
}

/// Why a bridge counts for what is behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Requests from behind it carry its requester id, or one of its secondary bus:
    /// `pci_for_each_dma_alias()`.
    Alias,
    /// It, or a bridge above it, is not isolated: `pci_acs_path_enabled()`.
    Path,
}

/// What ties two functions of one bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tie {
    /// One sends requests under the number of the other, `get_pci_alias_group()`.
    Alias,
    /// They are in one slot, and neither is isolated: `get_pci_function_alias_group()`.
    Slot,
}
