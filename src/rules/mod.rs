// SPDX-License-Identifier: GPL-2.0-only

//! The isolation logic: what an entry claims, and when the claim may count.
//!
//! Pure: `core` only, no allocation, no panic, no `unsafe`. The kernel module, its test editions
//! and the host tools compile these same files, so that they cannot disagree.
//!
//! | file | what it holds |
//! |---|---|
//! | `acs.rs` | the ACS flags |
//! | `pcie.rs` | PCIe device types and header facts |
//! | `entry.rs` | an entry of the data table |
//! | `limits.rs` | for which of the functions with its ids an entry speaks |
//! | `condition.rs` | what a register must say for an entry to count |
//! | `table.rs` | the table and its lookup |
//! | `withdraw.rs` | which entries the owner has withdrawn |
//! | `device.rs` | what must be known of a function |
//! | `devfns.rs` | a set of function numbers |
//! | `aliases.rs` | functions that send under the requester ID of another one |
//! | `release.rs` | releases of the kernel |
//! | `config.rs` | reading configuration space |
//! | `package.rs` | which functions make the whole device, and whether the entry speaks for each |
//! | `decision.rs` | the trust rules, in order, and the decision |
//! | `packed.rs` | a decision in one word, for the module's record |

#![allow(unreachable_pub, reason = "for the tools, this is a library")]
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
pub mod package;
pub mod packed;
pub mod pcie;
pub mod release;
pub mod table;
pub mod withdraw;
