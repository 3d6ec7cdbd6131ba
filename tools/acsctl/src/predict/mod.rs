// SPDX-License-Identifier: GPL-2.0-only

//! Predicts groups and compares them with the kernel's own groups.
//!
//! | file | what it does |
//! |---|---|
//! | `addresses.rs` | lists of functions in text |
//! | `against.rs` | statements on record against groups |
//! | `difference.rs` | assumptions, differences and their possible causes |
//! | `open.rs` | what the facts that the input lacks leave open |
//! | `supposed.rs` | what an answer supposes that the machine does not have |
//! | `report.rs` | the prediction as text and as JSON |

mod addresses;
pub mod against;
pub(crate) mod difference;
pub mod open;
pub mod report;
pub(crate) mod supposed;

pub(crate) use addresses::address_list;
