// SPDX-License-Identifier: GPL-2.0-only

//! What has come of it: the groups, and the state of each function.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Partition};

use super::plan::write_groups;

/// What has become of a function.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Fate {
    /// The function.
    pub function: Bdf,
    /// Whether it is there.
    pub present: bool,
    /// Its group.
    pub group: Option<u32>,
    /// Its driver.
    pub driver: Option<String>,
    /// What is not as it was, and what to do.
    pub problem: Option<String>,
}

/// What has come of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The function that was requested for.
    pub requested: Bdf,
    /// The groups before.
    pub before: Partition,
    /// The groups that the kernel should have made; `None` where that cannot be told.
    pub predicted: Option<Partition>,
    /// The groups after.
    pub after: Partition,
    /// Whether this put back what had been begun, and did not try to end it.
    pub undone: bool,
    /// Each function, in the order of the addresses.
    pub functions: Vec<Fate>,
    /// What went wrong; nothing, when all is well.
    pub problems: Vec<String>,
    /// What to know beside that.
    pub notes: Vec<String>,
}

impl Outcome {
    /// Whether all is well: every function is there as it was, and the groups are as predicted.
    #[must_use]
    pub fn is_as_planned(&self) -> bool {
        self.problems.is_empty() && self.functions.iter().all(|it| it.problem.is_none())
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
                f.write_str("is not there")?;
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
        match (self.is_as_planned(), self.undone) {
            (false, _) => Ok(()),
            (true, false) => writeln!(f, "{}: regrouped, as predicted", self.requested),
            (true, true) => writeln!(f, "{}: everything is back", self.requested),
        }
    }
}
