// SPDX-License-Identifier: GPL-2.0-only

//! The quirk database: reads and checks entries, and turns them into the module's table, the
//! documentation and patches for mainline.
//!
//! The steps for an entry, in order:
//!
//! | place | contents |
//! |---|---|
//! | `source.rs` | finds and reads the files of a folder |
//! | `format/` | the format of a file: its keys and the types of their values |
//! | `check/` | checks each file by itself |
//! | `folder.rs`, `overlap.rs` | checks files against each other |
//! | `supposed.rs` | reads one entry as a hypothesis, whatever its evidence |
//! | `kernels.rs`, `numbers.rs`, `replay.rs` | compares with kernels, numbers and captures; `replay/`: what a capture must show |
//! | `narrow.rs` | narrows a capture to what decides on the groups |
//! | `cause.rs` | says why an entry splits nothing on a captured machine |
//! | `entry.rs` | an entry; `limits.rs`, `register.rs`, `name.rs`: its parts |
//! | `notation.rs`, `json_form.rs` | the texts for its values in the file and in JSON |
//! | `edition.rs` | selects the entries of a table |
//! | `built.rs`, `generate.rs` | builds a table, and writes its Rust source |
//! | `handlers.rs` | turns mainline entries into the handlers of a kernel |
//! | `export/` | turns an entry into a patch for mainline |
//! | `draft/` | drafts an entry for a captured device |
//! | `page/`, `json_schema.rs`, `json.rs` | generated pages, schema, output as JSON |
//! | `rule.rs`, `finding.rs`, `report.rs` | lints, findings and their output |
//! | `error.rs` | the errors of a command, and its exit status |
//! | `supported.rs` | the kernel series that the module supports |

mod against_kernels;
pub mod built;
mod cause;
mod check;
mod data_file;
pub mod draft;
pub mod edition;
pub mod entry;
pub mod error;
pub mod export;
pub mod finding;
pub mod folder;
mod format;
pub mod generate;
pub mod handlers;
pub mod json;
mod json_form;
pub mod json_schema;
pub mod kernels;
pub mod limits;
pub mod module_aliases;
pub mod name;
mod narrow;
mod notation;
pub mod numbers;
mod overlap;
pub mod page;
pub mod register;
mod replay;
pub mod report;
pub mod rule;
mod scope;
pub mod source;
pub mod supported;
pub mod supposed;
