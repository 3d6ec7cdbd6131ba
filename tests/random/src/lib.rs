// SPDX-License-Identifier: GPL-2.0-only

//! Topologies at random, of which all is known, and which the kernel would find just so if it scanned
//! them: for tests that compare one computation of groups with another.
//!
//! [`topologies`] is a proptest strategy, and [`topology`] draws a single one from a seed. Both are
//! the same for the same seed, and biased to what grouping stumbles over: DMA aliases, in-tree ACS
//! quirks and their neighbours, several of them in a slot, mixed ACS, bridges of all kinds in places
//! where they do not belong, deep paths, links with hundreds of functions. A topology gets smaller
//! from function to function, until none can be spared and each is as plain as it can be; every
//! smaller one is laid out anew, so the kernel would find that one too. [`check`] says why the kernel
//! would not find a topology as it is, and finds nothing wrong with these.
//!
//! A function of class 0806 is one that the IOMMU driver leaves out; no group is recorded. A function
//! above 0 in a slot without a function 0 stands for a device whose function 0 was removed after the
//! scan. On a link, numbers above 7 are there by ARI. There is ACS only where the kernel reaches
//! extended configuration space, so not below a bridge that is conventional on one side. Not among
//! them: virtual functions, what `acsctl` cannot tell the kernel's verdict on, bridges that the kernel
//! would give numbers to.
//!
//! | file | what it does |
//! |---|---|
//! | `plan.rs` | a topology before it has addresses |
//! | `draw.rs`, `ids.rs` | draws one |
//! | `layout.rs`, `express.rs` | gives it addresses |
//! | `shrink.rs` | the strategy, and how a topology gets smaller |
//! | `realizable.rs` | whether the kernel would find a topology |
//! | `compare.rs` | runs a comparison, and keeps what it fails on |

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

/// How many bus numbers the kernel takes for a CardBus bridge: one, and `CARDBUS_RESERVE_BUSNR`.
const CARDBUS_BUSES: u16 = 4;

/// Topologies of up to `most` functions. Most have a dozen or fewer, one in ten up to an eighth of
/// `most`, and one in a hundred up to `most`.
#[must_use]
pub const fn topologies(most: usize) -> Topologies {
    Topologies { most }
}

/// The topology of up to `most` functions that a seed stands for.
#[must_use]
pub fn topology(seed: u64, most: usize) -> Topology {
    layout::lay_out(&draw::plan(&mut Rng::with_seed(seed), most))
}
