// SPDX-License-Identifier: GPL-2.0-only

//! What Linux makes of a machine: the IOMMU groups of its functions, and why, in the kernel's own terms.
//!
//! | place | what it holds |
//! |---|---|
//! | `model/` | `pci_device_group()` and what it calls, for a whole machine: `core` only, and compiled in the test modules too |
//! | `scan/` | the order in which the kernel adds functions, and what it takes each one for |
//! | `handlers.rs` | what the kernel's own quirks say of a function |
//! | `predict.rs` | the groups with these quirks, and with tables of the module |
//! | `compute.rs` | runs the model on a scanned machine |

pub(crate) use ::rules;

mod compute;
pub mod handlers;
pub mod model;
pub mod predict;
mod scan;

pub use compute::{Grouping, grouping, partition};
pub use scan::{Assumption, Device, Seen, View, device_of, view};
