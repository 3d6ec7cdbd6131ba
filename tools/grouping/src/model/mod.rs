// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's IOMMU groups, computed: `pci_device_group()` in `drivers/iommu/iommu.c` and what it
//! calls, for a whole machine.
//!
//! A function joins the first group that a search comes upon, and groups never merge, so the result
//! depends on the order. At boot, `bus_iommu_probe()` walks the list of the PCI bus type with
//! `bus_for_each_dev()`, and the same list is what `for_each_pci_dev()` searches: the order of
//! `device_add()`. `pci_scan_child_bus_extend()` in `drivers/pci/probe.c` makes it: all functions of
//! a bus by ascending number first, then what is behind each bridge of it, depth first; virtual
//! functions and what hangs off a VMD come when their drivers make them. Of that order the result
//! needs only how two functions stand to each other of which one is on the bus of the other or on a
//! bus above it, for no others are ever compared. So the groups are the same where the kernel has
//! sorted the list breadth first (`pci_sort_breadthfirst()`), or where one IOMMU is set up after
//! another.
//!
//! All functions are there when the first one is grouped. That is so at boot; on hot-add the kernel
//! groups each function as it comes, and does not see those that come later.
//!
//! | file | what it holds |
//! |---|---|
//! | `release.rs` | what may differ between kernel releases |
//! | `function.rs` | what the grouping goes by of one function |
//! | `acs_enabled.rs` | what `pci_acs_enabled()` says of a function |
//! | `layout.rs` | checks the functions, and finds who is on one bus with whom |
//! | `upward.rs` | what the way from a bus to the root has to offer |
//! | `search.rs` | the search for a group among the functions of one bus |
//! | `aliases.rs`, `devfns.rs` | the kernel's quirks on requester IDs, and sets of functions of a bus |
//! | `assign.rs` | gives each function its group |
//! | `reason.rs` | by which step it came to it |

#![allow(unreachable_pub, reason = "for the tools, this is part of a library")]
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
