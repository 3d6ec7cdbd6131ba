// SPDX-License-Identifier: GPL-2.0-only

//! The decision that the module makes: what an entry claims, and when the claim counts.
//!
//! This code uses `core` only and has no allocation, no panic and no `unsafe`. The kernel module,
//! its test editions and the host tools compile these same files, so they cannot disagree.
//!
//! | file | contents |
//! |---|---|
//! | `acs.rs` | the ACS flags |
//! | `pcie.rs` | PCIe types and header layouts |
//! | `entry.rs` | an entry in the table |
//! | `limits.rs` | limits of an entry within its ids |
//! | `condition.rs` | register values that an entry requires |
//! | `table.rs` | the table, its invariants and its lookup |
//! | `withdraw.rs` | the set of withdrawn entries |
//! | `device.rs` | the interface to a function |
//! | `devfns.rs` | a set of function numbers |
//! | `aliases.rs` | ids of functions that send under another requester ID |
//! | `release.rs` | kernel releases |
//! | `config.rs` | bounded reads of configuration space |
//! | `whole.rs` | trust rule `whole`: the functions of the whole device, all covered |
//! | `decision.rs` | the checks in order, and the decision |
//! | `packed.rs` | a decision in one word, for the module's record |

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

pub mod acs;
pub mod aliases;
pub mod condition;
pub mod config;
pub mod decision;
pub mod devfns;
pub mod device;
pub mod entry;
pub mod limits;
pub mod packed;
pub mod pcie;
pub mod release;
pub mod table;
pub mod whole;
pub mod withdraw;
