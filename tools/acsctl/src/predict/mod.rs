// SPDX-License-Identifier: GPL-2.0-only

//! A prediction of groups beside those that the kernel has made.
//!
//! | file | what it does |
//! |---|---|
//! | `difference.rs` | what was assumed, and where groups differ |
//! | `report.rs` | a prediction, as people and programs read it |

pub(crate) mod difference;
pub mod report;
