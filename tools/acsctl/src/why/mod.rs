// SPDX-License-Identifier: GPL-2.0-only

//! Why functions share an IOMMU group or do not, and what would change it.
//!
//! The groups are computed with the model of the kernel's own computation, which tells by which step
//! each function came to its group. What would change them is found by computing them anew with what
//! is in the way taken for isolated. What was not seen is said to be not known.
//!
//! | file | what it does |
//! |---|---|
//! | `look.rs` | the machine that is explained, with its groups |
//! | `join.rs` | the steps that joined the members of a group |
//! | `standing.rs` | how each function of a machine stands |
//! | `statement.rs` | what says of a function that it is isolated, or not |
//! | `split.rs` | which devices would have to be isolated |
//! | `remedy.rs` | what would have them counted as isolated |
//! | `hidden.rs` | ports whose ACS capability firmware hides |
//! | `slots.rs` | other slots, and settings of the firmware |
//! | `explain.rs` | finds the answer |
//! | `answer.rs` | the answer, for programs |
//! | `text.rs`, `words.rs` | the answer, for people |

mod answer;
mod explain;
mod hidden;
mod join;
mod look;
mod remedy;
mod slots;
mod split;
mod standing;
mod statement;
mod text;
mod words;

pub use answer::Answer;
pub(crate) use answer::SCHEMA;
pub use explain::explain;
pub(crate) use standing::{Acs, Standing};
