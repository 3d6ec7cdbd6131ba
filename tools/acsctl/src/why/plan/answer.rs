// SPDX-License-Identifier: GPL-2.0-only

//! A plan as data, and its JSON form.

use std::cmp::Reverse;

use quirk_data::{error::Error, json::pretty};
use schemars::JsonSchema;
use serde::Serialize;
use topology::Bdf;

use super::false_ways::FalseWay;
use crate::why::{
    answer::Answer,
    remedy::{Remedy, What},
};

pub(crate) const SCHEMA: &str = "acsctl-plan-1";

/// Whether something gives the function a group of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The function has a group of its own. Bridges in it do not count: they stay with the host.
    OwnGroup,
    /// At least one alternative needs no new statement by a vendor.
    Possible,
    /// Each alternative needs a statement by a vendor that is not on record.
    NeedsStatement,
    /// Nothing that can be computed gives it one; `reasons` says why.
    Nothing,
    /// Too little is known; `reasons` says what. There is no alternative then.
    NotKnown,
    /// The function is a bridge, a host bridge or an IOMMU, which cannot be passed through.
    StaysWithHost,
}

/// One step of an alternative.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(in crate::why) struct Step {
    pub(super) what: What,
    /// The functions that the step isolates or moves; empty if it concerns the whole machine.
    pub(super) functions: Vec<Bdf>,
    /// The entries of the quirk database that the step relies on.
    pub(super) entries: Vec<String>,
    pub(super) text: String,
}

impl Step {
    pub(super) fn new(remedy: Remedy, functions: Vec<Bdf>) -> Self {
        Self {
            what: remedy.what,
            functions,
            entries: remedy.entry.into_iter().collect(),
            text: remedy.text,
        }
    }
}

/// Steps that together give the function a group of its own, in the order in which to take them.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(in crate::why) struct Alternative {
    pub(super) steps: Vec<Step>,
}

impl Alternative {
    pub(super) fn needs_statement(&self) -> bool {
        self.steps.iter().any(|step| step.what == What::Statement)
    }

    /// The cost, to sort by. The most expensive step decides, then the next one, and so on:
    ///
    /// 1. a regroup, while the host runs;
    /// 2. loading the module, while the host runs;
    /// 3. a kernel parameter, or switching the IOMMU on: a reboot;
    /// 4. another kernel: a reboot, and an upgrade;
    /// 5. a firmware setting, which this firmware may lack;
    /// 6. another slot: the host is opened;
    /// 7. a vendor's statement, which the vendor may refuse.
    pub(super) fn cost(&self) -> Vec<u8> {
        let mut costs: Vec<u8> = self.steps.iter().map(|step| cost(step.what)).collect();
        costs.sort_unstable_by_key(|&cost| Reverse(cost));
        costs
    }
}

/// The cost of a step: see [`Alternative::cost`].
const fn cost(what: What) -> u8 {
    match what {
        What::Regroup => 1,
        What::Module => 2,
        What::KernelSetting => 3,
        What::Kernel => 4,
        What::FirmwareSetting => 5,
        What::Slot => 6,
        What::Statement => 7,
        // No plan has a step of these kinds.
        What::Root | What::Candidate | What::Refused | What::Hardware => u8::MAX,
    }
}

/// What would give a function a group of its own.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Plan {
    pub(super) schema: &'static str,
    pub(super) function: Bdf,
    pub(super) outcome: Outcome,
    /// The ways to a group of its own, cheapest first. After each of them the function has one in the
    /// computed groups.
    pub(super) alternatives: Vec<Alternative>,
    /// Why there is no alternative.
    pub(super) reasons: Vec<String>,
    /// What may help, although the groups after it cannot be computed.
    pub(super) unchecked: Vec<Remedy>,
    /// What splits the group without isolating anything.
    pub(super) dangers: Vec<String>,
    /// The kernel parameters among `dangers`, with what each would do to the function's computed group.
    pub(super) false_ways: Vec<FalseWay>,
    /// The answer of `acsctl why` that the plan starts from, with the assumptions.
    pub(super) why: Answer,
}

impl Plan {
    /// The plan for the function of this answer, before anything is known about its group.
    pub(super) const fn new(why: Answer) -> Self {
        Self {
            schema: SCHEMA,
            function: why.function.function,
            outcome: Outcome::NotKnown,
            alternatives: Vec::new(),
            reasons: Vec::new(),
            unchecked: Vec::new(),
            dangers: Vec::new(),
            false_ways: Vec::new(),
            why,
        }
    }

    /// Whether something gives the function a group of its own.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The JSON form.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when memory runs out.
    pub fn json(&self) -> Result<String, Error> {
        pretty(self)
    }
}
