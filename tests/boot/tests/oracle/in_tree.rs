// SPDX-License-Identifier: GPL-2.0-only

//! Every in-tree quirk: the kernel's answer equals the one of the quirk database, and agrees with
//! the module's decision on the same entry in a table.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use boot::{
    oracle::{
        self, Answer, Oracle, Questions,
        equivalence::{self, AcsState, Case},
    },
    setup::Setup,
};
use grouping::{
    handlers::{Facts, Handlers},
    predict::Prediction,
};
use quirk_data::{
    built,
    entry::{Entry, Requirement},
};
use rules::{
    acs::AcsFlags,
    decision::{Decision, KernelVerdict, Refusal},
    table::Table,
    whole,
};
use topology::{Bdf, Topology};

/// Number of sets of the seven flags.
const SETS: u16 = 1 << 7;

/// The sets of flags for the module's decision. The module only checks whether the entry grants
/// them all. So these are enough: no flag, each single flag, all flags but one, those that grouping
/// asks for, and all flags.
fn asked_of_the_module() -> BTreeSet<u16> {
    let single = (0..7).map(|bit| 1 << bit);
    let others = [0, AcsFlags::GROUPING.bits(), SETS - 1];
    let all_but_one = single.clone().map(|bit: u16| (SETS - 1) & !bit);
    single.chain(all_but_one).chain(others).collect()
}

/// A check that the module makes on purpose, and the kernel's handler does not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stricter {
    /// The handler ignores the type. An entry covers one kind of function.
    Type,
    /// The handler ignores an ACS capability. The module leaves functions with one to the kernel.
    OwnAcs,
    /// The handler goes by the type that the kernel has corrected. The module also requires that
    /// the header and the registers of the function belong to a kind of the entry.
    Header,
}

/// The results so far.
#[derive(Default)]
struct Tally {
    /// Number of functions.
    functions: usize,
    /// Number of compared answers of the kernel, one for each set of flags.
    answers: usize,
    /// Number of answers of the kernel, by kind.
    isolated: usize,
    refused: usize,
    silent: usize,
    /// Entries that fit in a table, and those that were granted something.
    entries: BTreeSet<String>,
    granted: BTreeSet<String>,
    stricter: BTreeMap<Stricter, usize>,
    /// Answers that differ from the quirk database, beyond the flags of grouping, for devices that
    /// two handlers match.
    in_doubt: usize,
    faults: Vec<String>,
}

/// The kernel, the quirk database and the module's decision agree on every case.
pub(crate) fn equivalent(setup: &Setup) -> Result<()> {
    let quirks = oracle::kernel_quirks()?;
    let verdicts = quirk_data::handlers::newest(&quirks);
    let mut tally = Tally::default();
    let questions = Questions {
        verdicts: true,
        model: false,
    };
    for amd in [false, true] {
        let machines = machines(&quirks, amd);
        let mut described = Vec::new();
        for (topology, _, _) in &machines {
            described.push(oracle::describe(topology, &verdicts, questions)?);
        }
        let answers = Oracle::new(setup, amd, &[]).ask(&described)?;
        for ((topology, cases, quirk), answer) in machines.iter().zip(answers) {
            compare(
                &quirks, topology, cases, quirk, &answer?, &verdicts, &mut tally,
            );
        }
    }
    if !tally.faults.is_empty() {
        let count = tally.faults.len();
        tally.faults.truncate(20);
        bail!("{count} differences:\n{}", tally.faults.join("\n"));
    }
    let Tally {
        functions,
        answers,
        isolated,
        refused,
        silent,
        entries,
        granted,
        stricter,
        in_doubt,
        ..
    } = tally;
    println!(
        "functions {functions}, answers {answers}: isolated {isolated}, not {refused}, no opinion {silent}; \
         entries in a table {}, each of them granted; stricter by intent: {stricter:?}; \
         of two handlers the other one, beyond grouping: {in_doubt}",
        entries.len()
    );
    ensure!(
        granted == entries,
        "of {entries:?} only {granted:?} were granted anything"
    );
    // The comparison shows something only if each answer is frequent.
    ensure!(isolated > 1000 && refused > 1000 && silent > 1000);
    ensure!(
        stricter.len() == 3,
        "not every difference that is meant was seen"
    );
    Ok(())
}

type Asked<'a> = (Topology, Vec<(Bdf, Case)>, &'a Entry);

/// The machines for all in-tree entries. With `amd`, only those for entries that check for an AMD
/// IOMMU.
fn machines(quirks: &[Entry], amd: bool) -> Vec<Asked<'_>> {
    let mut machines = Vec::new();
    let is_asked = |quirk: &&Entry| !amd || quirk.requires.contains(&Requirement::AmdIommu);
    let quirks = quirks.iter().filter(|quirk| quirk.mainline.is_some());
    for quirk in quirks.filter(is_asked) {
        for (mut topology, cases) in equivalence::topologies(&equivalence::cases(quirk)) {
            topology.iommu = amd.then(|| "AMD-Vi".to_owned());
            machines.push((topology, cases, quirk));
        }
    }
    machines
}

/// Whether the entry fits in a table of the module.
fn fits_in_a_table(quirk: &Entry) -> bool {
    let expressed = |mainline: &quirk_data::entry::Mainline| mainline.not_expressed.is_none();
    quirk.mainline.as_ref().is_some_and(expressed)
        && quirk.acs_registers.is_none()
        && quirk.program.is_empty()
        && quirk
            .requires
            .iter()
            .all(|requirement| *requirement == Requirement::NoAcsCapability)
        && !quirk.ids().any(quirk_data::entry::Ids::is_any)
}

/// The number of entries that list a device.
fn listed(quirks: &[Entry], vendor: u16, device: u16) -> usize {
    let lists = |quirk: &&Entry| {
        quirk.mainline.is_some() && quirk.ids().any(|ids| ids.contains(vendor, device))
    };
    quirks.iter().filter(lists).count()
}

fn compare(
    quirks: &[Entry],
    topology: &Topology,
    cases: &[(Bdf, Case)],
    quirk: &Entry,
    answer: &Answer,
    verdicts: &Handlers,
    tally: &mut Tally,
) {
    let view = grouping::view(topology);
    let places: BTreeMap<Bdf, usize> = (0..)
        .zip(&view.functions)
        .map(|(at, seen)| (seen.function.bdf, at))
        .collect();
    let table = fits_in_a_table(quirk).then(|| built::before_mainline(&[quirk]));
    if table.is_some() {
        tally.entries.insert(quirk.name.clone());
    }
    for (bdf, case) in cases {
        let (Some(kernel), Some(&at)) = (answer.verdicts.get(bdf), places.get(bdf)) else {
            tally
                .faults
                .push(format!("{case:?}: the kernel does not find it"));
            continue;
        };
        tally.functions += 1;
        // A sibling has the same properties.
        if bdf.function() > 0 {
            let first = answer.verdicts.get(&Bdf {
                devfn: bdf.devfn & !7,
                ..*bdf
            });
            if first != Some(kernel) {
                tally
                    .faults
                    .push(format!("{case:?}: its sibling has another answer"));
            }
            continue;
        }
        let is_listed_twice = listed(quirks, case.vendor, case.device) > 1;
        let facts = Facts::of(&view.functions[at]);
        let decisions = table.as_ref().map(|table| decisions(table, case, verdicts));
        for (bits, &kernel) in (0..SETS).zip(kernel) {
            let asked = AcsFlags::from_bits(bits);
            tally.answers += 1;
            match kernel {
                KernelVerdict::Isolated => tally.isolated += 1,
                KernelVerdict::NotIsolated => tally.refused += 1,
                KernelVerdict::NoOpinion | KernelVerdict::Unknown => tally.silent += 1,
            }
            let data = verdicts.verdict(&facts, asked).kernel;
            // Beyond the flags of grouping, the quirk database does not record which of two
            // handlers comes first: `Verdicts::verdict()`.
            let in_doubt = is_listed_twice && !AcsFlags::GROUPING.contains(asked);
            tally.in_doubt += usize::from(in_doubt && data != kernel);
            if data != kernel && !in_doubt {
                let fault = format!("{case:?}, asked {asked}: kernel {kernel:?}, data {data:?}");
                tally.faults.push(fault);
            }
            if let Some(found) = decisions.as_ref().and_then(|all| all.get(&bits)) {
                if let Some(fault) = decision(quirk, case, kernel, found, tally) {
                    let decision = *found;
                    let fault = format!("{case:?}, asked {asked}: {fault}: {decision:?}");
                    tally.faults.push(fault);
                }
            }
        }
    }
}

/// The module's decisions about the function of a case, with nothing else on its bus, for each set
/// of flags in [`asked_of_the_module()`].
fn decisions(table: &Table, case: &Case, verdicts: &Handlers) -> BTreeMap<u16, Decision> {
    let (topology, bdf) = equivalence::alone(case);
    let view = grouping::view(&topology);
    let at = view
        .functions
        .iter()
        .position(|seen| seen.function.bdf == bdf);
    let prediction = Prediction::of(&topology, &view, verdicts);
    let decide = |bits| {
        let decisions = prediction.decisions(table, AcsFlags::from_bits(bits));
        Some((bits, *decisions.get(at?)?))
    };
    asked_of_the_module()
        .into_iter()
        .filter_map(decide)
        .collect()
}

/// Why the decision does not agree with the kernel's answer. `None` if it does.
fn decision(
    quirk: &Entry,
    case: &Case,
    kernel: KernelVerdict,
    decision: &Decision,
    tally: &mut Tally,
) -> Option<&'static str> {
    let is_listed = quirk
        .ids()
        .any(|ids| ids.contains(case.vendor, case.device));
    match (decision, kernel) {
        (Decision::Granted(_), KernelVerdict::Isolated) => {
            tally.granted.insert(quirk.name.clone());
            None
        }
        (Decision::Granted(_), _) => Some("it is granted what the kernel does not grant"),
        // Another entry has answered, or a handler for all devices of the vendor.
        (_, KernelVerdict::Isolated) if !is_listed => None,
        (Decision::Refused(_, Refusal::WrongType), KernelVerdict::Isolated) => {
            let any_type = quirk
                .mainline
                .as_ref()
                .is_some_and(|mainline| mainline.any_type);
            *tally.stricter.entry(Stricter::Type).or_default() += 1;
            (!any_type).then_some("it is refused for its type, which the kernel looks at too")
        }
        (Decision::Refused(_, Refusal::OwnAcs), KernelVerdict::Isolated) => {
            *tally.stricter.entry(Stricter::OwnAcs).or_default() += 1;
            (case.acs == AcsState::None)
                .then_some("it is refused for an ACS capability that it does not have")
        }
        (
            Decision::Refused(_, Refusal::Whole(whole::Fault::NotCovered { .. })),
            KernelVerdict::Isolated,
        ) => {
            *tally.stricter.entry(Stricter::Header).or_default() += 1;
            let is_upstream_port = case.pcie_type == Some(0x5);
            // Below another upstream port, the kernel takes it for a downstream port.
            (!is_upstream_port || case.root_bus)
                .then_some("it is refused for a device that the entry covers")
        }
        (_, KernelVerdict::Isolated) => Some("it is not granted what the kernel grants"),
        _ => None,
    }
}
