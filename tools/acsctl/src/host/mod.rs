// SPDX-License-Identifier: GPL-2.0-only

//! The machine that a command works on: this host, a copy of a host's file systems, or a capture in
//! a file.
//!
//! | file | what it does |
//! |---|---|
//! | `paths.rs` | paths of a host's file systems, and helpers that read small files |
//! | `device_path.rs` | functions named by the way to them |
//! | `snapshot.rs` | one reading of a machine |
//! | `view.rs` | the machine as its kernel sees it |
//! | `groups.rs` | the groups that the kernel would make, and those that isolation justifies |
//! | `supposed.rs` | the machine with what an answer supposes |
//! | `module.rs`, `hook.rs`, `decisions.rs` | the loaded modules: hook, table and decisions |
//! | `modules.rs` | the modules that a prediction assumes, loaded or not |
//! | `compare.rs` | finds groups that are finer or coarser than predicted |

mod compare;
mod decisions;
mod device_path;
mod groups;
mod hook;
mod module;
mod modules;
mod paths;
mod snapshot;
mod supposed;
mod view;

pub use compare::{coarser, finer};
pub use decisions::{Decided, Decisions, Record};
pub use device_path::DevicePath;
pub use groups::Predicted;
pub(crate) use groups::impossible;
pub use hook::{Hook, Measured, MeasuredEntries};
pub(crate) use module::kprobes;
pub use module::{Module, parse_table};
pub use modules::Modules;
pub use paths::HostPaths;
pub(crate) use paths::{link, mounted_at, names, own_mount, text};
pub use snapshot::{Snapshot, Source};
pub use view::HostView;
pub(crate) use view::{is_of_version, named};
