// SPDX-License-Identifier: GPL-2.0-only

//! Explains why functions share an IOMMU group or do not, and what would change that.
//!
//! A model of the kernel's computation yields the groups and the step that put each function into
//! its group. To find changes, `split.rs` recomputes the groups as if the blocking functions were
//! isolated. The answer marks everything that could not be read as unknown.
//!
//! | file | what it does |
//! |---|---|
//! | `grouped.rs` | the machine to explain, with its computed groups |
//! | `join.rs` | the steps that joined the members of a group |
//! | `states.rs` | the group and the ACS state of each function, for `listing/` |
//! | `reason.rs` | why the kernel counts a function as isolated or not |
//! | `split.rs` | the devices that must be isolated to separate a function |
//! | `remedy.rs` | remedies: what would make functions count as isolated |
//! | `hidden.rs` | ports whose ACS capability the firmware hides |
//! | `slots.rs` | remedies: other slots, and firmware settings |
//! | `explain.rs` | computes the answer |
//! | `change.rs` | what would separate a function |
//! | `answer.rs` | the answer as data and JSON |
//! | `text.rs`, `words.rs` | the answer in words |
//! | `page.rs` | the parts of an answer in words, and their form as text |
//! | `html.rs` | their form as HTML |
//! | `plan/` | what gives a function a group of its own |

mod answer;
mod change;
mod explain;
mod grouped;
mod hidden;
mod html;
mod join;
mod page;
mod plan;
mod reason;
mod remedy;
mod slots;
mod split;
mod states;
mod text;
mod words;

pub use answer::Answer;
pub(crate) use answer::SCHEMA;
pub(crate) use explain::Explainer;
pub use explain::explain;
pub(crate) use plan::SCHEMA as PLAN_SCHEMA;
pub use plan::{Outcome, Plan, plan};
pub(crate) use states::{Acs, FunctionStates};
pub(crate) use words::address_list;
