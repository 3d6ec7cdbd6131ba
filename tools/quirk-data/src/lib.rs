// SPDX-License-Identifier: GPL-2.0-only

//! The entries of acs-quirks, from a data file to the module's table and to mainline's patch.
//!
//! A data file goes through these, from top to bottom:
//!
//! | place | what it does |
//! |---|---|
//! | `source.rs` | finds and reads the data files of a folder |
//! | `format/` | the format of a data file: its keys, and the types of their values |
//! | `check/` | checks it, file by file |
//! | `folder.rs`, `overlap.rs`, `kernels.rs`, `numbers.rs`, `replay.rs` | checks across the files, against what kernels hold, against the numbers ever given out, and against captured machines |
//! | `quirk.rs` | an entry; `limits.rs`, `register.rs`, `name.rs`: parts of it |
//! | `edition.rs` | which entries go into which table |
//! | `built.rs`, `generate.rs` | a table in its built form, and the Rust source of it |
//! | `handlers.rs` | the mainline entries as handlers of a kernel |
//! | `export/` | an entry as a patch for mainline |
//! | `draft/` | the draft of an entry for a captured device |
//! | `page/`, `json_schema.rs`, `entry_json.rs` | the pages of the documentation, the schema and the JSON form |
//! | `rule.rs`, `finding.rs`, `report.rs` | the lints, what they find, and how that reads |
//! | `error.rs` | why a command fails, and the exit status for it |
//! | `supported.rs` | the kernel series that the module is made for |

pub mod built;
mod check;
pub mod draft;
pub mod edition;
pub mod entry_json;
pub mod error;
pub mod export;
pub mod finding;
pub mod folder;
mod format;
pub mod generate;
pub mod handlers;
pub mod json_schema;
pub mod kernels;
pub mod limits;
pub mod name;
pub mod numbers;
mod overlap;
pub mod page;
pub mod quirk;
pub mod register;
mod replay;
pub mod report;
pub mod rule;
pub mod source;
pub mod supported;
