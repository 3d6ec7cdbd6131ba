// SPDX-License-Identifier: GPL-2.0-only

//! The limits of the groups where facts are missing, compared with the groups of random machines: up to
//! twelve facts of a machine are hidden, and its groups must lie between the limits, as must the groups
//! with other values of the hidden facts.

use std::{
    cell::Cell,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use grouping::{
    Range,
    handlers::Handlers,
    model::release::{OLDEST, READ},
    predict::Prediction,
    view,
};
use quirk_data::folder::{self, Scope};
use random_topologies::{Run, topology};
use topology::{Acs, Function, Header, Hex, Partition, Topology};

const MOST_HIDDEN: usize = 12;

/// A fact that a text can lack.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Device,
    /// The device id, but not which of two it is.
    DeviceOfTwo,
    Subsystem,
    /// The whole list of capabilities.
    Capabilities,
    /// Whether there is an ACS capability.
    Acs,
    AcsRegisters,
    MultifunctionBit,
}

const FACTS: [Fact; 7] = [
    Fact::Device,
    Fact::DeviceOfTwo,
    Fact::Subsystem,
    Fact::Capabilities,
    Fact::Acs,
    Fact::AcsRegisters,
    Fact::MultifunctionBit,
];

impl Fact {
    /// The function without the fact. `devices` are device ids of its vendor.
    fn hidden(self, function: &Function, devices: &[u16], rng: &mut Rng) -> Function {
        let mut left = function.clone();
        match self {
            Self::Device => left.device = None,
            Self::DeviceOfTwo => {
                let other = rng.choice(devices).copied().map(Hex::id);
                left.device_candidates = left.device.take().into_iter().chain(other).collect();
            }
            Self::Subsystem => left.subsystem = None,
            Self::Capabilities => {
                (left.pcie_known, left.acs_known) = (false, false);
                (left.pcie_type, left.acs) = (None, None);
            }
            Self::Acs => (left.acs_known, left.acs) = (false, None),
            Self::AcsRegisters => {
                left.acs = left.acs.map(|_| Acs {
                    cap: None,
                    ctl: None,
                    dword8: None,
                });
            }
            Self::MultifunctionBit => left.multifunction = None,
        }
        left
    }

    /// The function with another value of the fact: one of the device ids, or the capabilities of `donor`.
    fn other(
        self,
        function: &Function,
        devices: &[u16],
        donor: &Function,
        rng: &mut Rng,
    ) -> Function {
        let mut other = function.clone();
        match self {
            Self::Device => other.device = rng.choice(devices).copied().map(Hex::id),
            Self::DeviceOfTwo => {}
            Self::Subsystem => other.subsystem = donor.subsystem,
            Self::Capabilities => {
                (other.pcie_type, other.acs) = (donor.pcie_type.clone(), donor.acs);
            }
            Self::Acs => other.acs = donor.acs,
            Self::AcsRegisters => other.acs = other.acs.and(donor.acs.or(other.acs)),
            Self::MultifunctionBit => other.multifunction = Some(rng.bool()),
        }
        other
    }
}

fn groups(topology: &Topology, handlers: &Handlers) -> Partition {
    let view = view(topology);
    let prediction = Prediction::of(topology, &view, handlers);
    prediction.without_table().expect("the topology is sound")
}

/// Whether every set of `finer` is within one set of `coarser`.
fn is_within(finer: &Partition, coarser: &Partition) -> bool {
    let set_of: BTreeMap<_, _> = coarser
        .iter()
        .enumerate()
        .flat_map(|(set, members)| members.iter().map(move |bdf| (*bdf, set)))
        .collect();
    finer.iter().all(|set| {
        let mut sets = set.iter().map(|bdf| set_of.get(bdf));
        let first = sets.next();
        sets.all(|set| Some(set) == first)
    })
}

/// The limits where no fact is missing.
fn exact(groups: &Partition) -> Range {
    Range {
        together: groups.clone(),
        apart: groups.clone(),
        unknown: [].into(),
        by_kernel: [].into(),
    }
}

fn check(range: &Range, groups: &Partition, what: &str) -> Result<(), String> {
    if !is_within(&range.together, groups) {
        return Err(format!(
            "{what}: functions that are together are apart: {groups:?}\n{range:?}"
        ));
    }
    if !is_within(groups, &range.apart) {
        return Err(format!(
            "{what}: functions that are apart are together: {groups:?}\n{range:?}"
        ));
    }
    Ok(())
}

/// Whether hiding a fact of the function leaves a machine that a text can show. A type that no
/// device has and a VMD, which is known by its ids, are not hidden.
fn can_be_hidden(function: &Function) -> bool {
    let is_reserved = function
        .pcie_type
        .as_ref()
        .is_some_and(|port| port.kind().is_none());
    let is_vmd = function.vendor.value() == 0x8086
        && function
            .device
            .is_some_and(|device| [0x201d, 0x9a0b].contains(&device.value()));
    !is_reserved && !is_vmd && function.header != Header::Cardbus
}

/// Whether the multi-function bit can have both values: the kernel finds no other function of a device without it.
fn is_alone(machine: &Topology, function: &Function) -> bool {
    let mut others = machine.functions.iter();
    function.physfn.is_some()
        || !others.any(|other| {
            other.bdf != function.bdf
                && other.bdf.bus() == function.bdf.bus()
                && other.physfn.is_none()
        })
}

/// The machine with some of its bridges in no group, which the input shows.
fn with_ungrouped(mut machine: Topology, rng: &mut Rng) -> Topology {
    let bridges: Vec<_> = (0..machine.functions.len())
        .filter(|&at| machine.functions[at].header != Header::Endpoint)
        .filter(|_| rng.u8(..4) == 0)
        .collect();
    let mut functions = machine.functions.iter_mut().enumerate();
    let Some((_, first)) = functions.find(|(at, _)| !bridges.contains(at)) else {
        return machine;
    };
    // With the group of one function, the input shows groups.
    first.iommu_group = Some(0);
    let first = first.bdf;
    for (at, function) in machine.functions.iter_mut().enumerate() {
        function.group_known = function.bdf == first || bridges.contains(&at);
    }
    machine
}

#[test]
fn every_completion_is_within_the_limits() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../quirks");
    let entries = folder::load(&data, Scope::now(None)).expect("the data has no fault");
    let handlers = quirk_data::handlers::newest(&entries);
    let donors: Vec<_> = (0..500)
        .flat_map(|seed| topology(seed, 40).functions)
        .collect();
    let donors: Vec<_> = donors.into_iter().filter(can_be_hidden).collect();
    let mut devices: BTreeMap<u16, Vec<u16>> = BTreeMap::new();
    for donor in &donors {
        devices
            .entry(donor.vendor.value())
            .or_default()
            .extend(donor.devices());
    }
    let (open, wrong, certain) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let run = Run::from_environment(
        "range",
        3000,
        60,
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
    );
    let run = run.expect("the environment is sound");
    let outcome = run.compare(|whole| {
        let whole = whole.clone();
        let addresses = whole.functions.iter();
        let seed = addresses.fold(run.seed, |seed, function| {
            seed.wrapping_mul(31)
                .wrapping_add(function.bdf.devfn.into())
        });
        let mut rng = Rng::with_seed(seed);
        let grouped = whole;
        for turn in 0..4 {
            let whole = if turn < 2 {
                grouped.clone()
            } else {
                with_ungrouped(grouped.clone(), &mut rng)
            };
            let truth = groups(&whole, &handlers);
            let mut partial = whole.clone();
            let mut others = vec![whole.clone(); 4];
            for _ in 0..rng.usize(1..=MOST_HIDDEN) {
                let at = rng.usize(..whole.functions.len());
                let function = &whole.functions[at];
                if partial.functions[at] != *function || !can_be_hidden(function) {
                    continue;
                }
                let fact = rng.choice(FACTS).expect("there are facts");
                if matches!(fact, Fact::MultifunctionBit) && !is_alone(&whole, function) {
                    continue;
                }
                let devices = devices
                    .get(&function.vendor.value())
                    .map_or(&[][..], Vec::as_slice);
                partial.functions[at] = fact.hidden(function, devices, &mut rng);
                let fitting: Vec<_> = donors
                    .iter()
                    .filter(|donor| donor.header == function.header)
                    .collect();
                for other in &mut others {
                    if let Some(donor) = rng.choice(&fitting).filter(|_| !devices.is_empty()) {
                        other.functions[at] = fact.other(function, devices, donor, &mut rng);
                    }
                }
            }
            let view = view(&partial);
            let prediction = Prediction::of(&partial, &view, &handlers);
            let range = Range::of(&prediction, &[], &[]).map_err(|fault| fault.to_string())?;
            let assumed = prediction
                .without_table()
                .map_err(|fault| fault.to_string())?;
            let range = range.unwrap_or_else(|| exact(&assumed));
            let count = |of: &Cell<u32>, is: bool| of.set(of.get() + u32::from(is));
            count(&open, range.together != range.apart);
            count(&certain, range.together == range.apart);
            count(&wrong, assumed != truth);
            check(&range, &assumed, "as assumed")?;
            check(&range, &truth, "the machine")?;
            for other in &others {
                check(&range, &groups(other, &handlers), "another machine")?;
            }
        }
        Ok(())
    });
    println!(
        "open {}, certain {}, of them assumed wrongly {}",
        open.get(),
        certain.get(),
        wrong.get()
    );
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    // The controls: facts matter, and what is assumed about them is often wrong.
    assert!(open.get() > run.cases / 10 && certain.get() > run.cases / 10);
    assert!(wrong.get() > run.cases / 50);
}

/// Where the input does not name the kernel, the groups of each known release lie between the limits.
#[test]
fn every_kernel_is_within_the_limits() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../quirks");
    let entries = folder::load(&data, Scope::now(None)).expect("the data has no fault");
    let of = |kernel| quirk_data::handlers::in_kernel(&entries, kernel);
    let mut releases = quirk_data::handlers::changed_in(&entries, OLDEST, |_| true);
    releases.extend(READ);
    let kernels = releases
        .iter()
        .map(|&kernel| (kernel.to_string(), of(Some(kernel))));
    let kernels: Vec<_> = kernels.collect();
    let newest = of(None);
    let named = |machine: &Topology, kernel: Option<&str>| Topology {
        kernel: kernel.map(str::to_owned),
        ..machine.clone()
    };
    let differ = Cell::new(0);
    let run = Run::from_environment(
        "range-kernel",
        1000,
        60,
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
    );
    let run = run.expect("the environment is sound");
    let outcome = run.compare(|whole| {
        let unnamed = named(whole, None);
        let machines: Vec<_> = (kernels.iter())
            .map(|(kernel, handlers)| (named(whole, Some(kernel)), handlers))
            .collect();
        let views: Vec<_> = machines.iter().map(|(machine, _)| view(machine)).collect();
        let others: Vec<_> = (machines.iter().zip(&views))
            .map(|((machine, handlers), view)| Prediction::of(machine, view, handlers))
            .collect();
        let view = view(&unnamed);
        let prediction = Prediction::of(&unnamed, &view, &newest);
        let range = Range::of(&prediction, &others, &[]).map_err(|fault| fault.to_string())?;
        let assumed = groups(&unnamed, &newest);
        let range = range.unwrap_or_else(|| exact(&assumed));
        for (machine, handlers) in &machines {
            let made = groups(machine, handlers);
            differ.set(differ.get() + u32::from(made != assumed));
            check(&range, &made, machine.kernel.as_deref().unwrap_or_default())?;
        }
        Ok(())
    });
    println!(
        "groups that differ from those of the newest kernel: {}",
        differ.get()
    );
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    // The control: the version matters.
    assert!(differ.get() > run.cases / 10);
}
