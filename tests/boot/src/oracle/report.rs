// SPDX-License-Identifier: GPL-2.0-only

//! A survey as JSON.

use anyhow::Result;
use serde::Serialize;
use topology::{Bdf, Partition};

use super::{Record, Survey};

/// Version of the JSON form.
const SCHEMA: &str = "acs-quirks-oracle-1";

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    kernels: &'a [Kernel<'a>],
}

/// The results of one kernel.
#[derive(Clone, Debug, Serialize)]
pub struct Kernel<'a> {
    release: String,
    topologies: Vec<TopologyResult<'a>>,
}

#[derive(Clone, Debug, Serialize)]
struct TopologyResult<'a> {
    file: &'a str,
    /// Whether the kernel's groups equal the model's.
    model: bool,
    /// How the kernel's groups compare with the recorded ones.
    record: &'static str,
    /// Reasons for groups that differ from the recorded ones.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reasons: &'a [String],
    groups: &'a Partition,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_groups: Option<&'a Partition>,
    #[serde(skip_serializing_if = "<[Bdf]>::is_empty")]
    missing: &'a [Bdf],
}

/// The part of the report on one kernel.
#[must_use]
pub fn kernel<'a>(release: &str, survey: &'a Survey) -> Kernel<'a> {
    let topologies = survey.0.iter().map(|outcome| {
        let model = outcome.against_model().is_none();
        let record = outcome.record();
        TopologyResult {
            file: &outcome.file,
            model,
            record: match record {
                Record::None => "none",
                Record::Same => "same",
                Record::SameWithGuess => "same-with-guess",
                Record::Other => "other",
            },
            reasons: if record == Record::Other {
                &outcome.reasons
            } else {
                &[]
            },
            groups: &outcome.seen.kernel.groups,
            model_groups: (!model).then_some(&outcome.seen.model),
            missing: &outcome.seen.kernel.missing,
        }
    });
    Kernel {
        release: release.to_owned(),
        topologies: topologies.collect(),
    }
}

/// The whole report.
///
/// # Errors
///
/// When serialization fails.
pub fn text(kernels: &[Kernel<'_>]) -> Result<String> {
    let report = Report {
        schema: SCHEMA,
        kernels,
    };
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}
