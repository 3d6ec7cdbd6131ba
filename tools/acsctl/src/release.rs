// SPDX-License-Identifier: GPL-2.0-only

//! Releases of the kernel, as the module has them.

pub use isolation::release::{NoRelease, Release};
