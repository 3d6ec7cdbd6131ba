// SPDX-License-Identifier: GPL-2.0-only

//! The border to the C side of the kernel: all `unsafe` code of the module, behind safe types.
//!
//! | file | what it holds |
//! |---|---|
//! | `hook.c`, `hook.rs` | the return probe and the module parameter |
//! | `known.c`, `known.rs` | the functions that the kernel has, and what was decided on each |
//! | `status.c`, `status.rs` | the files in debugfs |
//! | `pci.rs` | a safe view of `struct pci_dev` |
//! | `decoy.rs` | the self-test's device, which exists in memory only |
//! | `alias.rs` | what `MODULE_DEVICE_TABLE` would make |
//! | `taint.rs` | marking the kernel |

#![expect(unsafe_code, reason = "this is the one layer that may")]

pub(crate) mod alias;
pub(crate) mod decoy;
pub(crate) mod hook;
pub(crate) mod known;
pub(crate) mod pci;
pub(crate) mod status;
pub(crate) mod taint;
