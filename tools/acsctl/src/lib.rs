// SPDX-License-Identifier: GPL-2.0-only

//! What `acsctl` does, as a library, so that tests reach each part.
//!
//! A data file goes through these, from top to bottom:
//!
//! | file | what it does |
//! |---|---|
//! | `cli/` | the command line, what is printed, the exit status |
//! | `source.rs` | finds and reads the data files of a folder |
//! | `format/` | the format of a data file: its keys, and the types of their values |
//! | `check/` | checks it, file by file |
//! | `name.rs` | the names of entries and files |
//! | `quirk.rs` | an entry, as a file states it |
//! | `limits.rs`, `register.rs` | parts of it: limits of ids, registers in configuration space |
//! | `folder.rs` | checks across the files of a folder |
//! | `overlap.rs` | ids that more than one entry speaks of |
//! | `release.rs` | releases of the kernel |
//! | `kernels.rs` | what the tables of kernels hold, and mainline entries against that |
//! | `numbers.rs` | the numbers that were given to entries |
//! | `replay.rs` | what an entry says of captured machines, against the groups computed |
//! | `edition.rs` | which entries go into which table |
//! | `built.rs` | a table in its built form |
//! | `generate.rs` | the Rust source of a table |
//! | `draft/` | the draft of an entry for a captured device |
//! | `export/` | an entry as a patch for mainline |
//! | `output.rs` | writes that file, or compares with it |
//! | `json_schema.rs` | the JSON Schema of a data file |
//! | `predict/` | the groups that a kernel makes of a captured machine |
//! | `why/` | why functions share a group, and what would change it |
//! | `listing/` | the groups of a machine as a list, a tree or a picture |
//! | `names.rs` | what vendors and devices are called |
//! | `system.rs` | what commands for owners look at: a machine and the data |
//! | `page/` | pages of the documentation that are made from the data |
//! | `entry_json.rs` | entries in their JSON form |
//! | `modules.rs` | the modules that groups are made with, and their tables |
//! | `live/` | the host that runs: its groups, and those that its kernel would make now |
//! | `regroup/` | has the kernel group a device anew |
//! | `doctor/` | whether the host can isolate devices, and does |
//! | `supported.rs` | the kernel series that the module is made for |
//! | `verdict.rs` | what the kernel's own quirks say of a function, by the mainline entries |
//! | `rule.rs` | the rules that a data file is checked by |
//! | `finding.rs` | what is wrong with a data file, and where |
//! | `report.rs` | findings, as people and programs read them |
//! | `error.rs` | why a command fails, and the exit status for it |

pub mod cli;
pub mod doctor;
pub mod listing;
pub mod live;
pub mod modules;
pub mod output;
pub mod predict;
pub mod regroup;
pub mod system;
pub mod why;
