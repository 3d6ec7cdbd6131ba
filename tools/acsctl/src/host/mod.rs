// SPDX-License-Identifier: GPL-2.0-only

//! The machine that a command is about: the host that this program runs on, a copy of its file systems, or a
//! captured machine in a file.
//!
//! | file | what it does |
//! |---|---|
//! | `paths.rs` | the file systems of a host, and small files read from there |
//! | `snapshot.rs` | what was read of a machine at one moment |
//! | `view.rs` | the machine as its kernel sees it, and the groups that the kernel would make |
//! | `module.rs`, `decisions.rs` | the modules that are loaded: their tables, and what they have decided |
//! | `modules.rs` | the modules that groups are computed with, loaded or not |
//! | `compare.rs` | groups that are finer or coarser than others |

mod compare;
mod decisions;
mod module;
mod modules;
mod paths;
mod snapshot;
mod view;

pub use compare::{coarser, finer};
pub use decisions::{Decided, Decisions, Record};
pub(crate) use module::kprobes;
pub use module::{Hook, Module, parse_table};
pub use modules::Modules;
pub use paths::HostPaths;
pub(crate) use paths::{link, names, text};
pub use snapshot::{Snapshot, Source};
pub(crate) use view::impossible;
pub use view::{HostView, Predicted};
