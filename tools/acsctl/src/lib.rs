// SPDX-License-Identifier: GPL-2.0-only

//! What `acsctl` does, as a library, so that tests reach each part.
//!
//! A data file goes through these, from top to bottom:
//!
//! | file | what it does |
//! |---|---|
//! | `cli.rs` | the command line, what is printed, the exit status |
//! | `source.rs` | finds and reads the data files of a folder |
//! | `format.rs` | the format of a data file, as far as TOML itself can tell |
//! | `words.rs` | a value that is one word or a list of words |
//! | `check/` | checks it, file by file |
//! | `quirk.rs` | an entry, as a file states it |
//! | `folder.rs` | checks across the files of a folder |
//! | `overlap.rs` | ids that more than one entry speaks of |
//! | `edition.rs` | which entries go into which table |
//! | `generate.rs` | the Rust source of a table |
//! | `output.rs` | writes that file, or compares with it |
//! | `finding.rs` | what is wrong with a data file, and where |
//! | `error.rs` | why a command fails, and the exit status for it |

mod check;
pub mod cli;
pub mod edition;
pub mod error;
pub mod export;
pub mod finding;
pub mod folder;
mod format;
pub mod generate;
pub mod output;
mod overlap;
pub mod quirk;
pub mod source;
mod words;
