// SPDX-License-Identifier: GPL-2.0-only

//! What comes of many topologies: kernel and model, kernel and record.

use std::fmt;

use acsctl::verdict::Verdicts;
use anyhow::{Context, Result};
use topology::{Partition, Topology};

use super::{
    Answer, Described, Oracle,
    compare::{self, Difference},
    describe,
};
use crate::setup::Setup;

/// What came of one topology.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The topology's file.
    pub file: String,
    /// What the kernel says.
    pub kernel: Answer,
    /// The model's groups.
    pub model: Partition,
    /// Those that were recorded; `None` where there are none.
    pub recorded: Option<Partition>,
    /// Why the machine's own kernel may have made other groups than this one.
    pub reasons: Vec<String>,
}

impl Outcome {
    /// Where kernel and model differ.
    #[must_use]
    pub fn against_model(&self) -> Option<Difference<'_>> {
        Difference::between(&self.kernel, "model", &self.model)
    }

    /// Where the kernel's groups are not the recorded ones.
    #[must_use]
    pub fn against_record(&self) -> Option<Difference<'_>> {
        let recorded = self.recorded.as_ref()?;
        Difference::between(&self.kernel, "recorded", recorded)
    }
}

/// What came of all of them, in their order.
#[derive(Clone, Debug)]
pub struct Survey(pub Vec<Outcome>);

impl Survey {
    /// Asks the kernel of `setup` about each machine, in two boots at most: some quirks look whether
    /// the host has an AMD IOMMU.
    ///
    /// # Errors
    ///
    /// When a machine cannot be described or scanned, or the guest fails.
    pub fn of(
        setup: &Setup,
        machines: &[(String, Topology)],
        quirks: &Verdicts<'_>,
    ) -> Result<Self> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; machines.len()];
        for amd in [false, true] {
            let mut asked: Vec<(usize, Described)> = Vec::new();
            for (position, (file, topology)) in machines.iter().enumerate() {
                if is_amd(topology) == amd {
                    let described = describe(topology, quirks, false);
                    asked.push((position, described.with_context(|| file.clone())?));
                }
            }
            if asked.is_empty() {
                continue;
            }
            let (positions, described): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
            let answers = Oracle::new(setup, amd, &[]).ask(&described)?;
            for (position, kernel) in positions.into_iter().zip(answers) {
                let (file, topology) = &machines[position];
                let kernel = kernel.with_context(|| file.clone())?;
                outcomes[position] = Some(outcome(file, topology, kernel, quirks)?);
            }
        }
        Ok(Self(outcomes.into_iter().flatten().collect()))
    }

    /// Whether kernel and model agree on every machine.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.0.iter().all(|one| one.against_model().is_none())
    }

    /// How many machines have a record, and on how many of them the kernel makes those groups.
    #[must_use]
    pub fn recorded(&self) -> (usize, usize) {
        let with_record = self.0.iter().filter(|one| one.recorded.is_some());
        let exact = with_record
            .clone()
            .filter(|one| one.against_record().is_none());
        (with_record.count(), exact.count())
    }
}

/// Whether the host has an AMD IOMMU.
#[must_use]
pub fn is_amd(topology: &Topology) -> bool {
    topology.iommu.as_deref() == Some("AMD-Vi")
}

fn outcome(
    file: &str,
    topology: &Topology,
    kernel: Answer,
    quirks: &Verdicts<'_>,
) -> Result<Outcome> {
    let recorded = topology::recorded(topology);
    Ok(Outcome {
        file: file.to_owned(),
        kernel,
        model: compare::model(topology, quirks)
            .map_err(|fault| anyhow::anyhow!("{file}: {fault}"))?,
        recorded: (!recorded.is_empty()).then_some(recorded),
        reasons: reasons(topology),
    })
}

/// Why the groups of a machine may be others than those that this kernel makes of what was seen.
fn reasons(topology: &Topology) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(value) = &topology.acs_override {
        reasons.push(format!(
            "the check was overridden: pcie_acs_override={value}"
        ));
    }
    if !topology.regrouped.is_empty() {
        reasons.push("functions were removed and found again since the boot".to_owned());
    }
    let view = topology::view(topology);
    let mut assumed = std::collections::BTreeMap::new();
    for (_, assumption) in view.assumptions {
        *assumed.entry(assumption).or_insert(0) += 1;
    }
    for (assumption, count) in assumed {
        reasons.push(format!("functions {count}: {assumption}"));
    }
    match &topology.kernel {
        None => reasons.push("it is not known which kernel made them".to_owned()),
        Some(kernel) => reasons.push(format!("they are those of Linux {kernel}")),
    }
    reasons
}

/// A line for each machine, then the counts.
impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.0 {
            let model = one.against_model();
            let record = one.against_record();
            let (says_model, says_record) = (
                if model.is_none() { "==" } else { "!=" },
                match (&one.recorded, &record) {
                    (None, _) => "has no",
                    (_, None) => "==",
                    (_, Some(_)) => "!=",
                },
            );
            writeln!(
                f,
                "{}: kernel {says_model} model, kernel {says_record} record",
                one.file
            )?;
            if let Some(difference) = model {
                write!(f, "{difference}")?;
            }
            if let Some(difference) = record {
                write!(f, "{difference}")?;
                for reason in &one.reasons {
                    writeln!(f, "  {reason}")?;
                }
            }
        }
        let agreed = self.0.iter().filter(|one| one.against_model().is_none());
        let (with_record, exact) = self.recorded();
        writeln!(
            f,
            "topologies {}, kernel == model {}, recorded {with_record}, kernel == record {exact}",
            self.0.len(),
            agreed.count(),
        )
    }
}
