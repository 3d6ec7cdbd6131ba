// SPDX-License-Identifier: GPL-2.0-only

//! The limits of the groups where the input does not show every fact.
//!
//! A missing fact has a few possible values. For each function, this code finds the values that isolate
//! it most and those that isolate it least, and computes the groups of both extremes. More isolation,
//! fewer aliases and fewer conventional bridges never join groups, so the groups lie between the
//! extremes for every combination of values. `tests/random/tests/range.rs` compares this with random
//! combinations.
//!
//! Not covered: the multi-function bit, which no text shows and which follows from the functions that
//! exist, the kernel's release, functions that the input omits, and bridges that are in no group although
//! something is behind them: there, less isolation can give more groups.

use std::collections::{BTreeMap, BTreeSet};

use rules::{
    acs::AcsFlags,
    decision::{Decision, KernelVerdict},
    pcie::PcieType,
    table::Table,
};
use topology::{Bdf, Header, Partition, UNKNOWN_VENDOR};

use crate::{
    compute::grouping_of,
    model::{
        self, Fault, Interface, Search as _,
        acs_enabled::{AcsRegisters, acs_enabled},
        aliases::{Bridge, bridge_does, bridge_may, possible_dma_aliases},
        release::Release,
    },
    predict::Prediction,
    scan::{Assumption, Seen, Siblings},
};

/// The limits between which the groups lie, whatever the missing facts are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Range {
    /// Functions of one set share a group.
    pub together: Partition,
    /// Functions of different sets are in different groups.
    pub apart: Partition,
    /// The functions that lack a fact that can matter.
    pub unknown: BTreeSet<Bdf>,
}

impl Range {
    /// The limits of the groups that the kernel makes with modules that have these tables; `None` if no
    /// missing fact matters. Costs two computations of the groups.
    ///
    /// # Errors
    ///
    /// [`Fault`] for a topology that was not checked.
    pub fn of(prediction: &Prediction<'_>, tables: &[Table]) -> Result<Option<Self>, Fault> {
        let view = prediction.view();
        let mut assumed: BTreeMap<Bdf, Vec<Assumption>> = BTreeMap::new();
        for (bdf, assumption) in &view.assumptions {
            assumed.entry(*bdf).or_default().push(*assumption);
        }
        let siblings = Siblings::of(view.functions.iter().map(|seen| seen.function));
        let mut limits: Vec<Limits> = Vec::with_capacity(view.functions.len());
        for seen in &view.functions {
            let above = seen.facts.above.and_then(|at| usize::try_from(at).ok());
            let function = Unsure {
                seen,
                release: &view.release,
                assumed: assumed.get(&seen.function.bdf).map_or(&[], Vec::as_slice),
                is_below_missing: above
                    .and_then(|at| limits.get(at))
                    .is_some_and(|above| above.interface),
            };
            limits.push(function.limits(prediction, &siblings));
        }
        let unknown = view.functions.iter().zip(&limits);
        let unknown = unknown.filter(|(_, limits)| limits.most != limits.least);
        let unknown: BTreeSet<Bdf> = unknown.map(|(seen, _)| seen.function.bdf).collect();
        if unknown.is_empty() {
            return Ok(None);
        }
        // An entry counts only for a whole device, so a missing fact can make it refuse other functions.
        for table in tables {
            for (decision, limits) in prediction.in_grouping(table).iter().zip(&mut limits) {
                match decision {
                    Decision::Granted(_) => {
                        (limits.most.isolated, limits.least.isolated) = (true, true);
                    }
                    Decision::Refused(..) => limits.most.isolated = true,
                    Decision::NotListed => {}
                }
            }
        }
        let groups = |facts: fn(&Limits) -> model::Function| {
            let functions = limits.iter().map(facts).collect();
            Ok(grouping_of(&view.release, functions)?.partition(view))
        };
        Ok(Some(Self {
            together: groups(|limits| limits.most)?,
            apart: groups(|limits| limits.least)?,
            unknown,
        }))
    }
}

/// The extremes of the facts about one function.
struct Limits {
    /// The values that isolate it most.
    most: model::Function,
    /// The values that isolate it least.
    least: model::Function,
    /// Whether its interface is missing, or depends on that of a bridge above.
    interface: bool,
}

/// A function with what is missing about it.
struct Unsure<'a> {
    seen: &'a Seen<'a>,
    release: &'a Release,
    assumed: &'a [Assumption],
    /// Whether the interface of the bridge above is missing.
    is_below_missing: bool,
}

impl Unsure<'_> {
    fn limits(&self, prediction: &Prediction<'_>, siblings: &Siblings) -> Limits {
        let Self { seen, release, .. } = *self;
        let function = seen.function;
        let interfaces = self.interfaces();
        let multifunction = self.multifunction(siblings);
        let mut isolated = BTreeSet::new();
        for &interface in &interfaces {
            for acs in self.registers() {
                for multifunction in multifunction {
                    let facts = model::Function {
                        interface,
                        multifunction,
                        ..seen.facts
                    };
                    let verdicts = prediction.possible_verdicts(&Seen {
                        facts,
                        acs,
                        ..*seen
                    });
                    isolated.extend(verdicts.into_iter().map(|verdict: KernelVerdict| {
                        acs_enabled(release.required, verdict, interface, multifunction, acs)
                    }));
                }
            }
        }
        let vendor = self.vendor();
        let has_ids = function.devices().next().is_some();
        let surely = |what| {
            let mut devices = function.devices();
            has_ids
                && devices.all(|device| bridge_does(function.vendor.value(), device, what, release))
        };
        let may = |known: bool, what| known || !has_ids && bridge_may(vendor, what);
        let mut aliases = seen.facts.dma_aliases;
        if !has_ids || self.assumes(Assumption::NoMoreAliases) {
            let devices: Vec<_> = function.devices().map(Some).collect();
            let devices = if has_ids { &devices[..] } else { &[None] };
            for &device in devices {
                let possible = possible_dma_aliases(vendor, device, function.bdf.devfn);
                aliases = aliases.union(&possible);
            }
        }
        Limits {
            most: model::Function {
                // Not an alias of what is below it.
                interface: if interfaces.len() > 1 {
                    Interface::Express(PcieType::RootPort)
                } else {
                    seen.facts.interface
                },
                translation_root: may(seen.facts.translation_root, Bridge::TranslationRoot),
                keeps_requester_ids: may(seen.facts.keeps_requester_ids, Bridge::KeepsRequesterIds),
                isolated: isolated.contains(&true),
                multifunction: multifunction[0],
                ..seen.facts
            },
            least: model::Function {
                interface: interfaces.first().copied().unwrap_or(seen.facts.interface),
                translation_root: surely(Bridge::TranslationRoot),
                keeps_requester_ids: surely(Bridge::KeepsRequesterIds),
                multifunction: multifunction[1],
                dma_aliases: aliases,
                isolated: !isolated.contains(&false),
                ..seen.facts
            },
            interface: interfaces.len() > 1,
        }
    }

    fn vendor(&self) -> Option<u16> {
        Some(self.seen.function.vendor.value()).filter(|&vendor| vendor != UNKNOWN_VENDOR)
    }

    fn assumes(&self, assumption: Assumption) -> bool {
        self.assumed.contains(&assumption)
    }

    /// Every interface that makes a difference; one that makes the function an alias of what is below it
    /// is first.
    fn interfaces(&self) -> Vec<Interface> {
        use PcieType::{DownstreamPort, Endpoint, RootPort, UpstreamPort};
        let function = self.seen.function;
        let is_missing =
            !function.pcie_known || self.assumes(Assumption::Rest) && function.pcie_type.is_none();
        let kind = function.pcie_type.as_ref().and_then(topology::Port::kind);
        let express = Interface::Express;
        match (is_missing, function.header) {
            (true, Header::Endpoint) => vec![Interface::Conventional, express(Endpoint)],
            (true, _) => vec![
                Interface::Conventional,
                express(RootPort),
                express(UpstreamPort),
            ],
            // The kernel corrects the type of a switch port by what is above it.
            (false, _)
                if self.is_below_missing && matches!(kind, Some(UpstreamPort | DownstreamPort)) =>
            {
                vec![express(UpstreamPort), express(DownstreamPort)]
            }
            (false, _) => vec![self.seen.facts.interface],
        }
    }

    /// The lowest and the highest value of `pci_dev.multifunction`.
    fn multifunction(&self, siblings: &Siblings) -> [bool; 2] {
        let known = self.seen.facts.multifunction;
        if !self.is_below_missing {
            return [known; 2];
        }
        let on_link = siblings.multifunction(self.seen.function, true);
        let elsewhere = siblings.multifunction(self.seen.function, false);
        [on_link && elsewhere, on_link || elsewhere]
    }

    /// The extremes of the ACS registers.
    fn registers(&self) -> Vec<Option<AcsRegisters>> {
        let all = |control| {
            Some(AcsRegisters {
                capability: AcsFlags::GROUPING,
                control,
            })
        };
        let function = self.seen.function;
        let (off, on) = (all(AcsFlags::NONE), all(AcsFlags::GROUPING));
        let may_be_absent =
            !function.acs_known || self.assumes(Assumption::Rest) && function.acs.is_none();
        if may_be_absent {
            vec![None, off, on]
        } else if self.assumes(Assumption::AcsOn) {
            vec![off, on]
        } else if function.device.is_none() {
            match self.seen.acs {
                Some(acs) => acs
                    .of_some_device(self.vendor(), self.release)
                    .map(Some)
                    .to_vec(),
                None => vec![None],
            }
        } else {
            vec![self.seen.acs]
        }
    }
}
