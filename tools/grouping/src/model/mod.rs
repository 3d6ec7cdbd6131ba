// SPDX-License-Identifier: GPL-2.0-only

//! Models the kernel's IOMMU grouping for a whole machine: `pci_device_group()` in
//! `drivers/iommu/iommu.c` and its callees.
//!
//! A function joins the first group that the search finds, and groups never merge, so the result
//! depends on the order. At boot, `bus_iommu_probe()` walks the device list of the PCI bus type
//! with `bus_for_each_dev()`, and `for_each_pci_dev()` searches the same list, which is in the
//! order of `device_add()`. `pci_scan_child_bus_extend()` in `drivers/pci/probe.c` produces this
//! order: all functions of a bus by ascending number, then everything behind each of its bridges,
//! depth first. Virtual functions and the domains of a VMD follow when their drivers create them.
//!
//! The result depends only on the relative order of two functions if one is on the bus of the other
//! or on a bus above it, because the kernel compares no other pairs. The groups are therefore the
//! same if the kernel has sorted the list breadth first (`pci_sort_breadthfirst()`), or sets up one
//! IOMMU after another.
//!
//! The model assumes that all functions exist before the first one is grouped. This holds at boot.
//! On hot-add the kernel groups each function when it appears, without those that appear later.
//!
//! | file | contents |
//! |---|---|
//! | `release.rs` | the differences between kernel releases |
//! | `function.rs` | the input for one function |
//! | `acs_enabled.rs` | `pci_acs_enabled()` |
//! | `layout.rs` | checks the list, prepares the data of each bus |
//! | `upward.rs` | the walk from a bus to the root |
//! | `search.rs` | the search among the functions of one bus |
//! | `aliases.rs`, `devfns.rs` | the requester ID quirks, and sets of function numbers |
//! | `assign.rs` | assigns each function its group |
//! | `reason.rs` | the step by which a function came to its group |

#![allow(
    unreachable_pub,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "the tools use these files as a library, and the kernel's lints do not ask for must_use"
)]
#![deny(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

pub mod acs_enabled;
pub mod aliases;
mod assign;
mod devfns;
mod function;
mod layout;
mod reason;
pub mod release;
mod search;
mod upward;

pub use assign::assign;
pub use devfns::{DevfnSet, Search};
pub use function::{Function, Interface};
pub use layout::{Fault, Scratch};
pub use reason::{Reason, Tie, Way};
