// SPDX-License-Identifier: GPL-2.0-only

//! Random topologies for tests that compare one computation of groups with another. Everything
//! about them is known, and the kernel would find exactly these topologies in a scan.
//!
//! [`topologies`] is a proptest strategy, and [`topology`] draws a single one from a seed. Both
//! give the same result for the same seed. Both are biased to difficult cases: DMA aliases, in-tree
//! ACS quirks and their neighbours, several of them in a slot, mixed ACS, bridges of all types in
//! wrong places, deep paths, links with hundreds of functions. A topology shrinks function by
//! function, until none can be removed and each is as plain as possible. Every smaller topology is
//! laid out again, so that the kernel would find it too. [`check`] returns why the kernel would not
//! find a topology, and accepts all of these.
//!
//! The IOMMU driver ignores a function of class 0806. No groups are recorded. If a slot lacks
//! function 0, the function was removed after the scan. On a link, numbers above 7 are ARI function
//! numbers. Only functions in reach of extended configuration space have ACS, so none below a
//! bridge that is conventional on one side. Not included: virtual functions, functions for which
//! the quirk database does not record the kernel's verdict, and bridges to which the kernel would
//! assign bus numbers.
//!
//! | file | content |
//! |---|---|
//! | `plan.rs` | a topology without addresses |
//! | `draw.rs`, `ids.rs` | draw a plan |
//! | `layout.rs`, `express.rs` | assign addresses |
//! | `shrink.rs` | the strategy, and how a topology shrinks |
//! | `realizable.rs` | checks whether the kernel would find a topology |
//! | `compare.rs` | runs a comparison, and keeps failing topologies |

mod compare;
mod draw;
mod express;
mod ids;
mod layout;
mod plan;
mod realizable;
mod shrink;

use fastrand::Rng;
use topology::Topology;

pub use compare::{Run, kept};
pub use realizable::check;
pub use shrink::{Topologies, Tree};

/// Bus numbers that the kernel reserves for a CardBus bridge: one, and `CARDBUS_RESERVE_BUSNR`.
const CARDBUS_BUSES: u16 = 4;

/// The most bridges above each other. The kernel's scan calls itself for each (`pci_scan_bridge_extend()` in
/// `drivers/pci/probe.c`): its stack of 16 KiB is full after 58 of them on Linux 6.12, and it panics.
const DEEPEST: usize = 32;

/// A strategy for topologies of up to `most` functions. Most have about a dozen functions, one in
/// ten up to an eighth of `most`, and one in a hundred up to `most`.
#[must_use]
pub const fn topologies(most: usize) -> Topologies {
    Topologies { most }
}

/// The topology of up to `most` functions that belongs to a seed.
#[must_use]
pub fn topology(seed: u64, most: usize) -> Topology {
    layout::lay_out(&draw::plan(&mut Rng::with_seed(seed), most))
}
