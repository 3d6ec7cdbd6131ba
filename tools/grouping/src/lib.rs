// SPDX-License-Identifier: GPL-2.0-only

//! Computes the IOMMU groups that Linux makes of a machine, with the reason for each, in the
//! kernel's terms.
//!
//! | file | contents |
//! |---|---|
//! | `model/` | `pci_device_group()` for a whole machine: `core` only, also in the test modules |
//! | `scan/` | the order in which the kernel adds functions, and the model's input for each |
//! | `handlers.rs` | the answers of the kernel's own quirks |
//! | `predict.rs` | the groups with the kernel's quirks and with tables of the module |
//! | `range.rs` | the limits of the groups where the input does not show every fact |
//! | `proposed.rs` | the groups under a series that is proposed for mainline |
//! | `compute.rs` | runs the model on a scanned machine |

pub(crate) use ::rules;

mod compute;
pub mod handlers;
pub mod model;
pub mod predict;
pub mod proposed;
mod range;
mod scan;

pub use compute::{Grouping, grouping, partition};
pub use range::Range;
pub use scan::{Assumption, Device, Seen, View, device_of, view, view_with_iommu};
