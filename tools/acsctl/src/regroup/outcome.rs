// SPDX-License-Identifier: GPL-2.0-only

//! The result of a regroup: the groups, and the state of each function.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Partition};

use super::{
    State,
    plan::{touching, write_groups},
};

/// The state of a function after a regroup.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Fate {
    /// The function.
    pub function: Bdf,
    /// Whether the function is present.
    pub present: bool,
    /// The function's group.
    pub group: Option<u32>,
    /// The function's driver.
    pub driver: Option<String>,
    /// What differs from before, and what to do; `None` if nothing does.
    pub problem: Option<String>,
}

/// The result of a regroup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The function that the command named.
    pub requested: Bdf,
    /// The groups before the regroup.
    pub before: Partition,
    /// The groups that the kernel should have made; `None` if unknown.
    pub predicted: Option<Partition>,
    /// The groups after the regroup.
    pub after: Partition,
    /// Whether an interrupted regroup was undone, not completed.
    pub undone: bool,
    /// Whether groups are finer than predicted, with justification.
    pub finer: bool,
    /// The state of each function, ordered by address.
    pub functions: Vec<Fate>,
    /// What went wrong; empty on success.
    pub problems: Vec<String>,
    /// Notes that are not problems.
    pub notes: Vec<String>,
}

impl Outcome {
    /// The result of a regroup before its first comparison.
    pub(super) fn new(state: &State) -> Self {
        Self {
            requested: state.requested,
            before: touching(&state.before, &state.function_set()),
            predicted: None,
            after: Vec::new(),
            undone: false,
            finer: false,
            functions: Vec::new(),
            problems: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Whether every function is present as before and nothing went wrong.
    #[must_use]
    pub fn is_as_planned(&self) -> bool {
        self.problems.is_empty() && self.functions.iter().all(|fate| fate.problem.is_none())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.functions {
            write!(f, "  {}  ", one.function)?;
            if one.present {
                let driver = one.driver.as_deref().unwrap_or("-");
                match one.group {
                    Some(group) => write!(f, "group {group}  driver {driver}")?,
                    None => write!(f, "in no group  driver {driver}")?,
                }
            } else {
                f.write_str("is missing")?;
            }
            match &one.problem {
                Some(problem) => writeln!(f, ": {problem}")?,
                None => writeln!(f)?,
            }
        }
        writeln!(f, "groups after:")?;
        write_groups(f, &self.after)?;
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        for problem in &self.problems {
            writeln!(f, "{}: {problem}", self.requested)?;
        }
        if !self.is_as_planned() {
            return Ok(());
        }
        let result = match (self.undone, self.finer) {
            (true, _) => "everything is restored",
            (false, false) => "regrouped, as predicted",
            (false, true) => "regrouped; its groups are finer than predicted, which is justified",
        };
        writeln!(f, "{}: {result}", self.requested)
    }
}
