// SPDX-License-Identifier: GPL-2.0-only

//! Kernel parameters that change groups and isolate nothing, with the groups that they would give.

use std::collections::BTreeSet;

use grouping::Seen;
use quirk_data::error::Error;
use rules::{acs::AcsFlags, decision::KernelVerdict, pcie::PcieType};
use schemars::JsonSchema;
use serde::Serialize;
use topology::Bdf;

use super::{
    changes::{Changes, Possible},
    others,
    trial::Tester,
};
use crate::why::{grouped::GroupedHost, words::address_list};

/// The patch's parameter with all that it can be told for whole classes of functions.
const OVERRIDE: &str = "pcie_acs_override=downstream,multifunction";

/// A kernel parameter that is no way to isolation.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(in crate::why) struct FalseWay {
    /// The parameter.
    pub(super) parameter: &'static str,
    /// The functions that would leave the function's group, although nothing isolates them.
    pub(super) separates: Vec<Bdf>,
    /// The functions that would join the function's group, because ACS is switched off.
    pub(super) joins: Vec<Bdf>,
}

/// The false ways for a function, and the danger of each in words: only where the override patch
/// would change the group.
pub(super) fn false_ways(
    tester: &Tester<'_, '_, '_>,
    target: usize,
) -> Result<(Vec<FalseWay>, Vec<String>), Error> {
    let grouped = tester.base;
    let now = shared(grouped, target);
    let prediction = grouped.machine.prediction();
    let is_open = |seen: &Seen<'_>| prediction.verdict(seen).kernel == KernelVerdict::NoOpinion;
    let overridden = grouped.supposing(|seen| {
        let is_answered = is_overridden(seen.pcie_type(), seen.facts.multifunction);
        let is_split = is_open(seen) && seen.acs.is_none() && is_answered;
        is_split.then_some(KernelVerdict::Isolated)
    })?;
    let patch = FalseWay::of(OVERRIDE, &now, &shared(&overridden, target));
    if patch.separates.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let off = Possible::of(grouped, target).off;
    let enabled = if off.is_empty() {
        now.clone()
    } else {
        let changes = Changes {
            on: off.clone(),
            ..Changes::default()
        };
        tester.after(&changes, |grouped, target| Ok(shared(grouped, target)))?
    };
    // For the function and each bridge above it: `pci_disable_acs_redir()` in `drivers/pci/pci.c`.
    let way = grouped.deciding([target]);
    let way: BTreeSet<_> = way.into_iter().map(|index| grouped.bdf(index)).collect();
    let unredirected = grouped.supposing(|seen| {
        let redirects = seen.acs.is_some_and(|acs| {
            let redirect = AcsFlags::RR.union(AcsFlags::CR);
            acs.capability.intersection(redirect) != AcsFlags::NONE
        });
        let is_joined = way.contains(&seen.function.bdf) && is_open(seen) && redirects;
        is_joined.then_some(KernelVerdict::NotIsolated)
    })?;
    let config = FalseWay::of("pci=config_acs=", &now, &enabled);
    let redirect = FalseWay::of(
        "pci=disable_acs_redir=",
        &now,
        &shared(&unredirected, target),
    );
    let dangers = vec![
        danger_of_override(grouped, target, &patch),
        danger_of_controls(&config, &redirect, &off.into_iter().collect::<Vec<_>>()),
    ];
    Ok((vec![patch, config, redirect], dangers))
}

impl FalseWay {
    /// The parameter that gives the function `then` as others of its group instead of `now`.
    fn of(parameter: &'static str, now: &[Bdf], then: &[Bdf]) -> Self {
        let without = |of: &[Bdf], others: &[Bdf]| {
            let left = of.iter().filter(|bdf| !others.contains(bdf));
            left.copied().collect()
        };
        Self {
            parameter,
            separates: without(now, then),
            joins: without(then, now),
        }
    }
}

/// Whether the patch declares a function isolated that has no ACS capability and no quirk:
/// `pcie_acs_overrides()` of the patch, with `downstream` and `multifunction`.
const fn is_overridden(kind: Option<PcieType>, multifunction: bool) -> bool {
    match kind {
        Some(PcieType::DownstreamPort | PcieType::RootPort) => true,
        Some(
            PcieType::Endpoint
            | PcieType::UpstreamPort
            | PcieType::LegacyEndpoint
            | PcieType::RcEndpoint,
        ) => multifunction,
        _ => false,
    }
}

/// The other functions of a function's group that can be passed through, by address.
fn shared(grouped: &GroupedHost<'_, '_>, target: usize) -> Vec<Bdf> {
    let mut others = others(grouped, target);
    others.sort_unstable();
    others
}

fn danger_of_override(grouped: &GroupedHost<'_, '_>, target: usize, patch: &FalseWay) -> String {
    let function = grouped.bdf(target);
    let set = match &grouped.machine.topology.acs_override {
        Some(value) => format!(
            " It is on the command line of this machine: {}.",
            topology::names::printable(&format!("pcie_acs_override={value}"))
        ),
        None => String::new(),
    };
    let separates = address_list(&patch.separates);
    format!(
        "The patch behind pcie_acs_override= would split this group, and isolates nothing: it makes the \
         kernel believe what nobody vouches for. With {OVERRIDE}, {function} would leave {separates} in the \
         computed groups. A guest that controls {function} may then send requests to {separates} without \
         passing the IOMMU, and so reach the memory of the host or of another guest.{set}"
    )
}

fn danger_of_controls(config: &FalseWay, redirect: &FalseWay, off: &[Bdf]) -> String {
    let splits = if config.separates.is_empty() {
        "pci=config_acs= does not split this group: it only rewrites the controls of ACS capabilities, and \
         no control that it could enable separates these functions"
            .to_owned()
    } else {
        format!(
            "pci=config_acs= is not needed to enable the ACS controls of {}: the kernel enables them at boot, \
             unless its command line says otherwise",
            address_list(off)
        )
    };
    let joins = if redirect.joins.is_empty() {
        String::new()
    } else {
        format!(
            ": with pci=disable_acs_redir= for this function and the ports above it, {} would join the group",
            address_list(&redirect.joins)
        )
    };
    format!(
        "{splits}. pci=config_acs= and pci=disable_acs_redir= can take isolation away, because they switch \
         controls off{joins}."
    )
}
