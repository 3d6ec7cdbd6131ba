// SPDX-License-Identifier: GPL-2.0-only

//! The groups of functions in states that no topology can have, compared with a transcription of
//! the kernel's code: any function may be an alias of any other, isolated or not, virtual, or send
//! its requests through another. Their connections are drawn as for topologies.

#[path = "../../../tools/grouping/tests/common/groups_in_c.rs"]
mod groups_in_c;
#[path = "../../../tools/grouping/tests/common/reasons_hold.rs"]
mod reasons_hold;

use std::{cell::Cell, path::PathBuf};

use fastrand::Rng;
use grouping::{
    model::{self, DevfnSet, Function, Interface, Reason, Scratch, Search as _, release::Release},
    view,
};
use proptest::{
    prelude::any,
    strategy::Strategy as _,
    test_runner::{TestCaseError, TestError},
};
use random_topologies::{Run, topologies, topology};
use topology::Topology;

fn model(functions: &[Function]) -> Vec<Option<u32>> {
    traced(functions)
        .into_iter()
        .map(|(group, _)| group)
        .collect()
}

/// The groups, with the step that led to each.
fn traced(functions: &[Function]) -> Vec<(Option<u32>, Reason)> {
    let len = functions.len();
    let mut work = vec![Scratch::default(); len];
    let (mut order, mut groups) = (vec![0; len], vec![None; len]);
    let release = Release::LINUX_7_3;
    model::assign(&release, functions, &mut work, &mut order, &mut groups)
        .expect("the functions are sound");
    let reasons = work.iter().map(Scratch::reason);
    groups.into_iter().zip(reasons).collect()
}

/// Probabilities for one list of functions, in percent.
struct Odds {
    isolated: u8,
    multifunction: u8,
    aliases: u8,
    left_out: u8,
    odd: u8,
}

impl Odds {
    fn draw(random: &mut Rng) -> Self {
        let mut pick = |choices: &[u8]| random.choice(choices.iter().copied()).unwrap_or(0);
        Self {
            isolated: pick(&[0, 20, 50, 80, 95]),
            multifunction: pick(&[10, 60, 95]),
            aliases: pick(&[0, 5, 30, 90]),
            left_out: pick(&[0, 5, 60]),
            odd: pick(&[0, 10, 40]),
        }
    }

    /// Changes the state of a function. The change depends only on its address and `seed`, so that
    /// it is the same when other functions are removed.
    fn change(&self, seed: u64, function: &mut Function) {
        let Function {
            domain, bus, devfn, ..
        } = *function;
        let place = (u64::from(domain) << 16) | (u64::from(bus) << 8) | u64::from(devfn);
        let mut random = Rng::with_seed(seed ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut is = |percent: u8| random.u8(..100) < percent;
        function.isolated = is(self.isolated);
        function.multifunction = is(self.multifunction);
        function.takes_part = !is(self.left_out);
        let (is_odd, has_aliases) = (is(self.odd), is(self.aliases));
        function.dma_aliases = DevfnSet::EMPTY;
        if has_aliases {
            function.dma_aliases = aliases(&mut random, devfn);
        }
        if is_odd {
            let raw = random.u8(..=16);
            function.interface = Interface::from_raw((raw < 16).then_some(raw));
            function.translation_root = random.u8(..4) == 0;
            function.keeps_requester_ids = random.bool();
        }
    }
}

/// The requester IDs of the function with number `of`.
fn aliases(random: &mut Rng, of: u8) -> DevfnSet {
    match random.u8(..8) {
        0 => DevfnSet::ALL,
        1 => [of].into_iter().collect(),
        2 => [of & !7].into_iter().collect(),
        _ => (0..random.u8(1..5))
            .flat_map(|_| [random.u8(..), of.wrapping_add(random.u8(..24))])
            .collect(),
    }
}

/// The functions of a topology in changed states, and virtual functions.
fn functions(topology: &Topology, seed: u64) -> Vec<Function> {
    let mut random = Rng::with_seed(seed);
    let odds = Odds::draw(&mut random);
    let mut functions: Vec<_> = view(topology)
        .functions
        .iter()
        .map(|seen| seen.facts)
        .collect();
    for index in 0..functions.len() {
        odds.change(seed, &mut functions[index]);
        let one = functions[index];
        // Another function on the bus sends the requests of this function.
        let same_bus = |other: &Function| (other.domain, other.bus) == (one.domain, one.bus);
        if random.u8(..100) < odds.odd / 2 {
            let other = functions[..index].iter().position(same_bus);
            functions[index].dma_device = other.and_then(|index| u32::try_from(index).ok());
        }
    }
    add_virtual(&mut random, &odds, &mut functions);
    functions
}

/// Adds virtual functions at the end: on the bus of their physical function, or on a bus without a
/// bridge.
fn add_virtual(random: &mut Rng, odds: &Odds, functions: &mut Vec<Function>) {
    let seed = random.u64(..);
    for _ in 0..random.u8(..3) * (odds.odd / 10) {
        let Some(physical) = random.choice(functions.iter().copied()) else {
            return;
        };
        // A bus has only one bridge above it.
        let own = (0..=u8::MAX).rev().find(|&bus| {
            let on_bus =
                |function: &&Function| (function.domain, function.bus) == (physical.domain, bus);
            let mut there = functions.iter().filter(on_bus);
            there.all(|function| function.above == physical.above)
        });
        let bus = own.filter(|_| random.bool()).unwrap_or(physical.bus);
        for number in 0..random.u8(1..6) {
            let devfn = physical.devfn.wrapping_add(number * 3).wrapping_add(1);
            let place = (physical.domain, bus, devfn);
            let taken =
                |function: &Function| (function.domain, function.bus, function.devfn) == place;
            if functions.iter().any(taken) {
                continue;
            }
            let mut function = Function {
                bus,
                devfn,
                dma_device: None,
                ..physical
            };
            odds.change(seed, &mut function);
            function.multifunction = false;
            functions.push(function);
        }
    }
}

/// A table of all functions with both groups.
fn table(functions: &[Function], found: &[Option<u32>], expected: &[Option<u32>]) -> String {
    let mut lines = vec!["the groups differ".to_owned()];
    for (index, function) in functions.iter().enumerate() {
        let (found, expected) = (found[index], expected[index]);
        let mark = if found == expected { ' ' } else { '!' };
        lines.push(format!(
            "{mark} {index}: {found:?}, in C {expected:?}: {function:x?}"
        ));
    }
    lines.join("\n")
}

#[test]
fn the_model_agrees_with_the_kernels_code() {
    let run = Run::from_environment("functions", 6000, 400, PathBuf::new()).expect("it is sound");
    let strategy = (topologies(run.most), any::<u64>().no_shrink());
    let several = Cell::new(0);
    let outcome = run.runner().run(&strategy, |(topology, seed)| {
        let functions = functions(&topology, seed);
        let (found, expected) = (model(&functions), groups_in_c::groups(&functions));
        let last = found.iter().flatten().max();
        several.set(several.get() + u32::from(last > Some(&0)));
        if found == expected {
            return Ok(());
        }
        Err(TestCaseError::fail(table(&functions, &found, &expected)))
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("{reason}"),
        Err(TestError::Fail(reason, _)) => panic!("seed {}: {reason}", run.seed),
    }
    let (cases, several) = (run.cases, several.get());
    println!("{cases} lists of functions, {several} with several groups");
    assert!(several * 2 > cases, "those with one group show little");
}

/// The recorded reason for the group of each function is true.
#[test]
fn the_reasons_hold() {
    let mut kinds = [0; reasons_hold::KINDS];
    for seed in 0..1500 {
        let functions = functions(&topology(seed, 60), seed);
        let traced = traced(&functions);
        match reasons_hold::hold(&functions, &traced) {
            Ok(found) => found.into_iter().for_each(|kind| kinds[kind] += 1),
            Err(problem) => panic!("seed {seed}: {problem}"),
        }
        // The control: a wrong reason that names another function is detected.
        let mut wrong = traced;
        let named = |reason: &Reason| !matches!(reason, Reason::NoGroup | Reason::First);
        let index = wrong.iter().position(|(_, reason)| named(reason));
        if let Some(index) = index {
            wrong[index].1 = Reason::DmaDevice(u32::try_from(index).expect("it is small"));
            assert!(reasons_hold::hold(&functions, &wrong).is_err());
        }
    }
    println!("in no group, first, DMA device, bridge, neighbour: {kinds:?}");
    assert!(kinds.iter().all(|&count| count > 100), "{kinds:?}");
}

/// Only part of the kernel's order of enumeration matters.
#[test]
fn only_the_order_on_a_bus_and_the_buses_above_counts() {
    for seed in 0..300 {
        let functions = functions(&topology(seed, 40), seed);
        let expected = model(&functions);
        let (other, old) = shuffled(&functions, &mut Rng::with_seed(seed));
        let found = model(&other);
        for (one, &old_one) in old.iter().enumerate() {
            for (two, &old_two) in old.iter().enumerate() {
                let together = found[one].is_some() && found[one] == found[two];
                let expected =
                    expected[old_one].is_some() && expected[old_one] == expected[old_two];
                assert_eq!(together, expected, "seed {seed}: {old_one} and {old_two}");
            }
        }
    }
}

/// The functions in another order, with their previous indices. Two functions keep their order if
/// one is on the bus of the other, or on a bus above it.
fn shuffled(functions: &[Function], random: &mut Rng) -> (Vec<Function>, Vec<usize>) {
    let bus = |index: usize| (functions[index].domain, functions[index].bus);
    let buses: Vec<_> = (0..functions.len())
        .map(|index| {
            let mut buses = Vec::new();
            let mut left = vec![index];
            while let Some(index) = left.pop() {
                buses.push(bus(index));
                let Function {
                    above, dma_device, ..
                } = functions[index];
                left.extend(
                    [above, dma_device]
                        .into_iter()
                        .flatten()
                        .map(|index| index as usize),
                );
            }
            buses
        })
        .collect();
    let tied =
        |one: usize, two: usize| buses[one].contains(&bus(two)) || buses[two].contains(&bus(one));
    let mut old: Vec<usize> = Vec::new();
    let mut new = vec![None; functions.len()];
    let mut left: Vec<_> = (0..functions.len()).collect();
    while !left.is_empty() {
        let ready: Vec<_> = (0..left.len())
            .filter(|&index| {
                !left[..index]
                    .iter()
                    .any(|&earlier| tied(earlier, left[index]))
            })
            .collect();
        let index = left.remove(ready[random.usize(..ready.len())]);
        new[index] = u32::try_from(old.len()).ok();
        old.push(index);
    }
    let moved = |index: Option<u32>| index.and_then(|index| new[index as usize]);
    let functions = old.iter().map(|&index| Function {
        above: moved(functions[index].above),
        dma_device: moved(functions[index].dma_device),
        ..functions[index]
    });
    (functions.collect(), old)
}
