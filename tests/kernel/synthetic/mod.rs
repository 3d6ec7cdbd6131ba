// SPDX-License-Identifier: GPL-2.0-only

//! A synthetic PCI bus: the running kernel scans a machine that is only a description, and groups
//! its functions.
//!
//! The machine has domains of its own, far above those that hosts have, and its configuration space
//! is an array. No driver is bound to its functions, and no request leaves them.
//!
//! | file | what it holds |
//! |---|---|
//! | `description.rs` | the description, and its form as bytes; the host compiles it too |
//! | `space.rs` | the configuration space of a described function |
//! | `spaces.rs` | those of a whole machine, by address |
//! | `machine.rs` | a machine's life: scanned, grouped, taken down |
//! | `sys.rs` | the border to C: all `unsafe` code |

pub(crate) mod description;
mod space;
mod spaces;
mod sys;
pub(crate) mod virtual_bus;

pub(crate) use sys::{
    Address,
    Device,
    Known, //
};
