// SPDX-License-Identifier: GPL-2.0-only

//! The host that this program runs on, as the commands see it that act on it or judge it.
//!
//! | file | what it does |
//! |---|---|
//! | `places.rs` | where a host tells of itself, and small files read from there |
//! | `module.rs` | the modules of this project that are loaded, with their tables |
//! | `decisions.rs` | what they have decided |
//! | `grouping.rs` | the groups that there are, those that the kernel would make now, and how they differ |

mod decisions;
mod grouping;
mod module;
mod places;

pub use decisions::{Decided, Decisions, Record};
pub use grouping::{Live, Predicted, built_in, coarser, exposed, finer, spaces};
pub(crate) use module::kprobes;
pub use module::{Hook, Module, parse_table};
pub use places::Places;
pub(crate) use places::{link, names, text};
