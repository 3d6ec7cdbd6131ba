// SPDX-License-Identifier: GPL-2.0-only

//! The results for many topologies: kernel against model, kernel against record.

use std::{collections::BTreeMap, fmt};

use anyhow::{Context, Result, anyhow};
use grouping::handlers::Handlers;
use topology::{Partition, Topology};

use super::{
    Answer, Oracle, Questions,
    compare::{self, Difference},
    complete, describe,
};
use crate::setup::Setup;

/// The model also runs in the kernel, to distinguish a wrong model from wrong facts about the
/// functions.
const QUESTIONS: Questions = Questions {
    verdicts: false,
    model: true,
};

/// The groups of one machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Groups {
    /// The kernel's answer.
    pub kernel: Answer,
    /// The model's groups.
    pub model: Partition,
}

impl Groups {
    /// The difference between kernel and model.
    #[must_use]
    pub fn difference(&self) -> Option<Difference<'_>> {
        Difference::between(&self.kernel, "model", &self.model)
    }
}

/// The result for one topology.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Name of the topology file.
    pub file: String,
    /// The groups of the topology as recorded.
    pub seen: Groups,
    /// The recorded groups. `None` if the topology has none.
    pub recorded: Option<Partition>,
    /// The groups with guessed ACS capabilities, by [`complete()`]. `None` if no guess is needed.
    pub completed: Option<Groups>,
    /// Why the machine's own kernel may have made other groups than this kernel.
    pub reasons: Vec<String>,
}

/// How the kernel's groups compare with the recorded ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Record {
    /// There are no recorded groups.
    None,
    /// The groups are the same.
    Same,
    /// The groups are the same with guessed ACS capabilities.
    SameWithGuess,
    /// The groups differ.
    Other,
}

impl Outcome {
    /// The difference between kernel and model.
    #[must_use]
    pub fn against_model(&self) -> Option<Difference<'_>> {
        let completed = || self.completed.as_ref().and_then(Groups::difference);
        self.seen.difference().or_else(completed)
    }

    /// The difference between the kernel's groups and the recorded ones.
    #[must_use]
    pub fn against_record(&self) -> Option<Difference<'_>> {
        let recorded = self.recorded.as_ref()?;
        Difference::between(&self.seen.kernel, "recorded", recorded)
    }

    /// How the kernel's groups compare with the recorded ones.
    #[must_use]
    pub fn record(&self) -> Record {
        let Some(recorded) = &self.recorded else {
            return Record::None;
        };
        let is_it =
            |groups: &Groups| Difference::between(&groups.kernel, "recorded", recorded).is_none();
        if is_it(&self.seen) {
            Record::Same
        } else if self.completed.as_ref().is_some_and(is_it) {
            Record::SameWithGuess
        } else {
            Record::Other
        }
    }
}

/// The results, in the order of the machines.
#[derive(Clone, Debug)]
pub struct Survey(pub Vec<Outcome>);

impl Survey {
    /// Asks the kernel of `setup` about each machine.
    ///
    /// # Errors
    ///
    /// When a machine cannot be described or scanned, or the guest fails.
    pub fn of(setup: &Setup, machines: &[(String, Topology)], quirks: &Handlers) -> Result<Self> {
        let mut questions: Vec<(&str, Topology)> = Vec::new();
        // For each machine, the index of the question, and of the question with guessed
        // capabilities.
        let mut asked: Vec<(usize, Option<usize>)> = Vec::new();
        for (file, topology) in machines {
            let seen = questions.len();
            questions.push((file, topology.clone()));
            let completed = complete(topology);
            let differs = completed != *topology;
            asked.push((seen, differs.then_some(questions.len())));
            if differs {
                questions.push((file, completed));
            }
        }
        let mut groups = ask(setup, &questions, quirks)?;
        let mut take = |index: usize| groups.remove(&index).context("a question has no answer");
        let mut outcomes = Vec::new();
        for ((file, topology), (seen, completed)) in machines.iter().zip(asked) {
            let recorded = topology::recorded(topology);
            outcomes.push(Outcome {
                file: file.clone(),
                seen: take(seen)?,
                recorded: (!recorded.is_empty()).then_some(recorded),
                completed: completed.map(&mut take).transpose()?,
                reasons: reasons(topology),
            });
        }
        Ok(Self(outcomes))
    }

    /// Whether kernel and model agree on every machine.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.0
            .iter()
            .all(|outcome| outcome.against_model().is_none())
    }

    /// The number of machines whose record compares so.
    #[must_use]
    pub fn count(&self, record: Record) -> usize {
        self.0
            .iter()
            .filter(|outcome| outcome.record() == record)
            .count()
    }
}

/// Whether the host has an AMD IOMMU.
#[must_use]
pub fn is_amd(topology: &Topology) -> bool {
    topology.iommu.as_deref() == Some("AMD-Vi")
}

/// Asks about machines, in at most two boots: some quirks of the kernel check for an AMD IOMMU. The
/// answers are in the order of the machines.
///
/// # Errors
///
/// When a machine cannot be described or scanned, or the guest fails.
pub fn ask(
    setup: &Setup,
    machines: &[(&str, Topology)],
    quirks: &Handlers,
) -> Result<BTreeMap<usize, Groups>> {
    let mut groups = BTreeMap::new();
    let here: Vec<_> = machines
        .iter()
        .map(|(_, topology)| compare::with_kernel(topology, &setup.kernel))
        .collect();
    for amd in [false, true] {
        let mut positions = Vec::new();
        let mut described = Vec::new();
        for (position, (file, topology)) in machines.iter().enumerate() {
            if is_amd(&here[position]) == amd {
                positions.push(position);
                let machine = describe(topology, quirks, QUESTIONS);
                described.push(machine.with_context(|| (*file).to_owned())?);
            }
        }
        if positions.is_empty() {
            continue;
        }
        let answers = Oracle::new(setup, amd, &[]).ask(&described)?;
        for (position, kernel) in positions.into_iter().zip(answers) {
            let (file, _) = &machines[position];
            let model = compare::model(&here[position], quirks);
            let pair = Groups {
                kernel: kernel.with_context(|| (*file).to_owned())?,
                model: model.map_err(|fault| anyhow!("{file}: {fault}"))?,
            };
            groups.insert(position, pair);
        }
    }
    Ok(groups)
}

/// Why the machine's own kernel may have made other groups than this kernel.
fn reasons(topology: &Topology) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(value) = &topology.acs_override {
        reasons.push(format!(
            "the check was overridden: pcie_acs_override={value}"
        ));
    }
    if !topology.regrouped.is_empty() {
        reasons.push("functions were removed and rescanned after boot".to_owned());
    }
    let mut assumed = BTreeMap::new();
    for (_, assumption) in grouping::view(topology).assumptions {
        *assumed.entry(assumption).or_insert(0) += 1;
    }
    for (assumption, count) in assumed {
        reasons.push(format!("functions {count}: {assumption}"));
    }
    reasons.push(match &topology.kernel {
        None => "it is not known which kernel made the groups".to_owned(),
        Some(kernel) => format!("they are those of Linux {kernel}"),
    });
    reasons
}

/// One line per machine, then the counts.
impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.0 {
            let model = outcome.against_model();
            let record = match outcome.record() {
                Record::None => "no record",
                Record::Same => "kernel == record",
                Record::SameWithGuess => "kernel == record with a guess at who has ACS",
                Record::Other => "kernel != record",
            };
            let says = if model.is_none() { "==" } else { "!=" };
            writeln!(f, "{}: kernel {says} model, {record}", outcome.file)?;
            if let Some(difference) = model {
                write!(f, "{difference}")?;
            }
            if let (Record::Other, Some(difference)) = (outcome.record(), outcome.against_record())
            {
                write!(f, "{difference}")?;
                for reason in &outcome.reasons {
                    writeln!(f, "  {reason}")?;
                }
            }
        }
        let agreed = self
            .0
            .iter()
            .filter(|outcome| outcome.against_model().is_none());
        let [none, same, guess, other] = [
            Record::None,
            Record::Same,
            Record::SameWithGuess,
            Record::Other,
        ]
        .map(|record| self.count(record));
        writeln!(
            f,
            "topologies {}: kernel == model {}; kernel == record {same}, with a guess at who has ACS \
             {guess}, other {other}, no record {none}",
            self.0.len(),
            agreed.count(),
        )
    }
}
