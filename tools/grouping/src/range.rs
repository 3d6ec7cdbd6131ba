// SPDX-License-Identifier: GPL-2.0-only

//! The limits of the groups where the input does not show every fact.
//!
//! A missing fact has a few possible values. For each function, this code finds the values that isolate
//! it most and those that isolate it least, and computes the groups of both extremes. More isolation,
//! fewer aliases and fewer conventional bridges never join groups, so the groups lie between the
//! extremes for every combination of values. `tests/random/tests/range.rs` compares this with random
//! combinations.
//!
//! A bridge that is in no group although something is behind it is different: the kernel searches from the
//! bridge instead of from what is below it, and if it finds nothing there, less isolation gives more groups.
//! It may also pass by a bridge in between, which is in a group. The extremes are therefore computed for each
//! combination of the values of bridges in no group and of those below them, and the limits are those of all
//! extremes.
//!
//! The kernel's release may be missing too. The extremes are then those of all releases that it can be.
//!
//! Not covered: functions that the input omits, and whether a function is in a group if the input shows
//! groups and not its own.

mod limits;

use std::collections::{BTreeMap, BTreeSet};

use rules::{
    acs::AcsFlags,
    decision::{Decision, KernelVerdict},
    pcie::PcieType,
    table::Table,
};
use topology::{Bdf, Domain, Header, Partition, UNKNOWN_VENDOR, by_number};

use crate::{
    compute::grouping_of,
    model::{
        self, Fault, Interface, Search as _,
        acs_enabled::{AcsRegisters, acs_enabled},
        aliases::{Bridge, bridge_does, bridge_may, possible_dma_aliases},
        release::Release,
    },
    predict::Prediction,
    scan::{Assumption, Seen, Siblings, is_link},
};

/// The largest number of combinations of values of bridges in no group. With more, nothing is certain.
const COMBINATIONS: usize = 64;

/// The limits between which the groups lie, whatever the missing facts are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Range {
    /// Functions of one set share a group.
    pub together: Partition,
    /// Functions of different sets are in different groups.
    pub apart: Partition,
    /// The functions that lack a fact that can matter.
    pub unknown: BTreeSet<Bdf>,
    /// The functions that the possible kernels treat differently.
    pub by_kernel: BTreeSet<Bdf>,
}

impl Range {
    /// The limits of the groups that the kernel makes with modules that have these tables; `None` if no
    /// missing fact matters. `others` are the same machine on other kernels that it may have. Costs two computations of the
    /// groups, and with bridges in no group that lack a fact, at most [`COMBINATIONS`] times as many.
    ///
    /// # Errors
    ///
    /// [`Fault`] for a topology that was not checked.
    pub fn of(
        prediction: &Prediction<'_>,
        others: &[Prediction<'_>],
        tables: &[Table],
    ) -> Result<Option<Self>, Fault> {
        let view = prediction.view();
        let above = |seen: &Seen<'_>| seen.facts.above.and_then(|at| usize::try_from(at).ok());
        let bridges: BTreeSet<usize> = view.functions.iter().filter_map(above).collect();
        let mut limits = limits_of(prediction, &bridges);
        let addresses = || view.functions.iter().map(|seen| seen.function.bdf);
        let which = |is: &dyn Fn(usize) -> bool| -> BTreeSet<Bdf> {
            let which = addresses().enumerate().filter(|&(at, _)| is(at));
            which.map(|(_, bdf)| bdf).collect()
        };
        let mut unknown = which(&|at| limits[at].most != limits[at].least);
        grant(prediction, tables, &mut limits);
        let mut by_kernel = BTreeSet::new();
        for other in others {
            let mut there = limits_of(other, &bridges);
            grant(other, tables, &mut there);
            by_kernel.extend(which(&|at| limits[at] != there[at]));
            for (limits, there) in limits.iter_mut().zip(&there) {
                limits.widen(there);
            }
        }
        if unknown.is_empty() && by_kernel.is_empty() && view.unsure_vmds.is_empty() {
            return Ok(None);
        }
        for (domain, vmds) in &view.unsure_vmds {
            unknown.extend(addresses().filter(|bdf| bdf.domain == *domain));
            unknown.extend(vmds);
        }
        // Bridges in no group, and those below them.
        let is_ungrouped = |at: usize| {
            let path = std::iter::successors(Some(at), |&at| above(&view.functions[at]));
            path.into_iter().any(|at| !limits[at].most.takes_part)
        };
        let passages = bridges.iter().copied().filter(|&at| is_ungrouped(at));
        let passages: Vec<_> = passages.map(|at| (at, limits[at].searches())).collect();
        let mut sizes = passages.iter().map(|(_, values)| values.len());
        let combinations = sizes.try_fold(1, |all: usize, size| {
            all.checked_mul(size).filter(|&all| all <= COMBINATIONS)
        });
        let (mut most, mut least): (Vec<_>, Vec<_>) =
            limits.iter().map(|one| (one.most, one.least)).unzip();
        let Some(combinations) = combinations else {
            return Ok(Some(Self::nothing_certain(prediction, unknown, by_kernel)));
        };
        let (mut together, mut apart) = (Vec::new(), Vec::new());
        for combination in 0..combinations {
            let mut left = combination;
            for (at, values) in &passages {
                values[left % values.len()].set(&mut most[*at]);
                values[left % values.len()].set(&mut least[*at]);
                left /= values.len();
            }
            let finest = grouping_of(&view.release, most.clone())?.groups;
            let coarsest = grouping_of(&view.release, least.clone())?.groups;
            (together, apart) = if combination == 0 {
                (finest, coarsest)
            } else {
                (
                    limits::meet(&together, &finest),
                    limits::join(&apart, &coarsest),
                )
            };
        }
        let mut range = Self {
            together: by_number(addresses().zip(together)),
            apart: by_number(addresses().zip(apart)),
            unknown,
            by_kernel,
        };
        for (domain, vmds) in &view.unsure_vmds {
            range.put_behind(*domain, vmds);
        }
        Ok(Some(range))
    }

    /// Puts the functions of a domain together, and into the group of any of these functions.
    fn put_behind(&mut self, domain: Domain, vmds: &[Bdf]) {
        let is_inside = |bdf: &Bdf| bdf.domain == domain;
        let mut inside = Vec::new();
        for set in &mut self.together {
            inside.extend(set.iter().copied().filter(is_inside));
            set.retain(|bdf| !is_inside(bdf));
        }
        self.together.push(inside);
        let mut joined = Vec::new();
        for set in &mut self.apart {
            if set.iter().any(|bdf| is_inside(bdf) || vmds.contains(bdf)) {
                joined.append(set);
            }
        }
        self.apart.push(joined);
        for sets in [&mut self.together, &mut self.apart] {
            sets.retain(|set| !set.is_empty());
            for set in &mut *sets {
                set.sort_unstable();
            }
            sets.sort_unstable();
        }
    }

    /// The limits if every function may share a group with every other one.
    fn nothing_certain(
        prediction: &Prediction<'_>,
        unknown: BTreeSet<Bdf>,
        by_kernel: BTreeSet<Bdf>,
    ) -> Self {
        let functions = prediction.view().functions.iter();
        let grouped = functions.filter(|seen| seen.facts.takes_part);
        let mut grouped: Vec<Bdf> = grouped.map(|seen| seen.function.bdf).collect();
        grouped.sort_unstable();
        Self {
            together: grouped.iter().map(|&bdf| vec![bdf]).collect(),
            apart: vec![grouped],
            unknown,
            by_kernel,
        }
    }
}

/// The limits of each function of a machine, in the order of the view. `bridges` are the positions of functions with others
/// below them.
fn limits_of(prediction: &Prediction<'_>, bridges: &BTreeSet<usize>) -> Vec<Limits> {
    let view = prediction.view();
    let mut assumed: BTreeMap<Bdf, Vec<Assumption>> = BTreeMap::new();
    for (bdf, assumption) in &view.assumptions {
        assumed.entry(*bdf).or_default().push(*assumption);
    }
    let siblings = Siblings::of(view.functions.iter().map(|seen| seen.function));
    let mut limits: Vec<Limits> = Vec::with_capacity(view.functions.len());
    for (at, seen) in view.functions.iter().enumerate() {
        let above = seen.facts.above.and_then(|at| usize::try_from(at).ok());
        let function = Unsure {
            seen,
            release: &view.release,
            assumed: assumed.get(&seen.function.bdf).map_or(&[], Vec::as_slice),
            is_below_missing: above
                .and_then(|at| limits.get(at))
                .is_some_and(|above| above.interface),
            is_on_link: is_link(above.map(|at| &view.functions[at].facts)),
            lacks_bit: !seen.shows_multifunction && bridges.contains(&at),
        };
        limits.push(function.limits(prediction, &siblings));
    }
    limits
}

/// Applies the decisions of modules with these tables. An entry counts only for a whole device, so a missing fact can make it
/// refuse other functions.
fn grant(prediction: &Prediction<'_>, tables: &[Table], limits: &mut [Limits]) {
    for table in tables {
        for (decision, limits) in prediction.in_grouping(table).iter().zip(&mut *limits) {
            match decision {
                Decision::Granted(_) => {
                    (limits.most.isolated, limits.least.isolated) = (true, true);
                }
                Decision::Refused(..) => limits.most.isolated = true,
                Decision::NotListed => {}
            }
        }
    }
}

/// The extremes of the facts about one function.
#[derive(PartialEq, Eq)]
struct Limits {
    /// The values that isolate it most.
    most: model::Function,
    /// The values that isolate it least.
    least: model::Function,
    /// Whether its interface is missing, or depends on that of a bridge above.
    interface: bool,
}

/// The facts about a bridge that decide where the kernel searches for the group of a function below it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Searched {
    interface: Interface,
    translation_root: bool,
    keeps_requester_ids: bool,
    isolated: bool,
}

impl Searched {
    const fn of(function: &model::Function) -> Self {
        Self {
            interface: function.interface,
            translation_root: function.translation_root,
            keeps_requester_ids: function.keeps_requester_ids,
            isolated: function.isolated,
        }
    }

    fn set(self, function: &mut model::Function) {
        function.interface = self.interface;
        function.translation_root = self.translation_root;
        function.keeps_requester_ids = self.keeps_requester_ids;
        function.isolated = self.isolated;
    }
}

impl Limits {
    /// Includes the limits of the same function on another kernel. Kernels differ in quirks, registers, aliases, and bridges that
    /// keep requester IDs.
    fn widen(&mut self, other: &Self) {
        let (most, least) = (&mut self.most, &mut self.least);
        most.isolated |= other.most.isolated;
        most.keeps_requester_ids |= other.most.keeps_requester_ids;
        least.isolated &= other.least.isolated;
        least.keeps_requester_ids &= other.least.keeps_requester_ids;
        least.dma_aliases = least.dma_aliases.union(&other.least.dma_aliases);
    }

    /// Every combination of the facts that decide where the kernel searches.
    fn searches(&self) -> Vec<Searched> {
        let facts: [fn(&mut Searched, Searched); 4] = [
            |one, other| one.interface = other.interface,
            |one, other| one.translation_root = other.translation_root,
            |one, other| one.keeps_requester_ids = other.keeps_requester_ids,
            |one, other| one.isolated = other.isolated,
        ];
        let least = Searched::of(&self.least);
        let mut all = vec![Searched::of(&self.most)];
        for take in facts {
            for mut one in all.clone() {
                take(&mut one, least);
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        all
    }
}

/// A function with what is missing about it.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one fact about the place of the function"
)]
struct Unsure<'a> {
    seen: &'a Seen<'a>,
    release: &'a Release,
    assumed: &'a [Assumption],
    /// Whether the interface of the bridge above is missing.
    is_below_missing: bool,
    /// Whether the bridge above, by what is assumed of it, leads to a link.
    is_on_link: bool,
    /// Whether the multi-function bit is missing and can matter: only for the isolation of a bridge. A function that the kernel
    /// can find by the bit of another shows that bit, except a virtual one, which has no group yet when the other gets its own.
    lacks_bit: bool,
}

impl Unsure<'_> {
    fn limits(&self, prediction: &Prediction<'_>, siblings: &Siblings) -> Limits {
        let Self { seen, release, .. } = *self;
        let function = seen.function;
        let interfaces = self.interfaces();
        let [lowest, highest] = self.multifunction(siblings);
        let mut isolated = BTreeSet::new();
        for &interface in &interfaces {
            for acs in self.registers() {
                for multifunction in [lowest, highest] {
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
                ..seen.facts
            },
            least: model::Function {
                interface: interfaces.first().copied().unwrap_or(seen.facts.interface),
                translation_root: surely(Bridge::TranslationRoot),
                keeps_requester_ids: surely(Bridge::KeepsRequesterIds),
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
        let places = if self.is_below_missing {
            &[true, false][..]
        } else {
            &[self.is_on_link]
        };
        let values = places.iter().flat_map(|&is_on_link| {
            match siblings.multifunction(self.seen.function, is_on_link) {
                Some(known) => [known; 2],
                None => [false, self.lacks_bit],
            }
        });
        let values: Vec<bool> = values.collect();
        [!values.contains(&false), values.contains(&true)]
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
