// SPDX-License-Identifier: GPL-2.0-only

//! A synthetic PCI bus: the running kernel scans a described machine, and groups its functions.
//!
//! The machine has its own domains, far above those of hosts, and its configuration space is an
//! array. No driver binds to its functions, and they send no requests.
//!
//! | file | content |
//! |---|---|
//! | `description.rs` | the description, and its form as bytes; the host compiles it too |
//! | `space.rs` | the configuration space of a described function |
//! | `spaces.rs` | the configuration spaces of a machine, by address |
//! | `virtual_bus.rs` | scans, groups and removes a machine |
//! | `memory.rs` | a vector and a box; in C: `sys.c` |
//! | `sys.rs`, `sys.c` | the interface to the kernel's C code |

pub(crate) mod description;
pub(crate) mod memory;
mod space;
mod spaces;
mod sys;
pub(crate) mod virtual_bus;

pub(crate) use sys::{
    Address,
    Device,
    Known, //
};
