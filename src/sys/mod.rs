// SPDX-License-Identifier: GPL-2.0-only

//! The border to the kernel's C code: all `unsafe` code of the module, behind safe types.
//!
//! | file | contents |
//! |---|---|
//! | `hook.c`, `hook.rs` | the return probe and the module parameter |
//! | `known.c`, `known.rs` | the record of the kernel's functions and of the decisions on each |
//! | `status.c`, `status.rs` | the debugfs files |
//! | `pci.c`, `pci.rs` | a safe view of `struct pci_dev` |
//! | `pci.c`, `decoy.rs` | the self-test and its device, which exists in memory only |
//! | `running.c`, `running.rs` | the running kernel and the build that the module is for |
//! | `taint.c`, `taint.rs` | tainting the kernel |

#![expect(unsafe_code, reason = "this is the one layer that may")]

pub(crate) mod decoy;
pub(crate) mod hook;
pub(crate) mod known;
pub(crate) mod pci;
pub(crate) mod running;
pub(crate) mod status;
pub(crate) mod taint;
