// SPDX-License-Identifier: GPL-2.0-only

//! The groups of random machines, against the kernel's code put down as it stands.
//!
//! `ACS_QUIRKS_CASES` says how many machines of each size there are to be, and `ACS_QUIRKS_SEED`
//! where to begin.

mod common;

use std::env;

use common::{groups_in_c, machine::Machine};
use fastrand::Rng;
use isolation::groups::Function;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Checks as many machines of this size, each from a seed of its own.
fn compare(size: usize, cases: u64) {
    let first = number("ACS_QUIRKS_SEED").unwrap_or(1);
    let cases = number("ACS_QUIRKS_CASES").unwrap_or(cases);
    let mut several = 0_u64;
    for seed in first..first + cases {
        let machine = Machine::random(&mut Rng::with_seed(seed), size);
        let (found, expected) = (machine.groups(), groups_in_c::groups(&machine.0));
        several += u64::from(found.iter().flatten().max().is_some_and(|&last| last > 0));
        if found != expected {
            for ((index, function), (found, expected)) in machine
                .0
                .iter()
                .enumerate()
                .zip(found.iter().zip(&expected))
            {
                let mark = if found == expected { ' ' } else { '!' };
                println!("{mark} {index}: {found:?}, in C {expected:?}: {function:x?}");
            }
            panic!("seed {seed}, size {size}: the groups differ, see the functions above");
        }
    }
    println!("{cases} machines of {size} functions or more, {several} with several groups");
    assert!(several * 2 > cases, "machines with one group show little");
}

#[test]
fn small_machines() {
    compare(6, 6000);
}

#[test]
fn middling_machines() {
    compare(40, 1500);
}

#[test]
fn machines_of_hundreds_of_functions() {
    compare(400, 40);
}

/// Why the kernel's order of enumeration is not needed in full.
#[test]
fn only_the_order_on_a_bus_and_the_buses_above_counts() {
    for seed in 0..300 {
        let mut random = Rng::with_seed(seed);
        let machine = Machine::random(&mut random, 40);
        let expected = machine.groups();
        let (other, old) = shuffled(&machine.0, &mut random);
        let found = Machine(other).groups();
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

/// The same functions in another order, with the index that each had: two of them stay in order
/// when one is on the bus of the other, or on a bus above it.
fn shuffled(functions: &[Function], random: &mut Rng) -> (Vec<Function>, Vec<usize>) {
    let bus = |at: usize| (functions[at].domain, functions[at].bus);
    let buses: Vec<_> = (0..functions.len())
        .map(|at| {
            let mut buses = Vec::new();
            let mut left = vec![at];
            while let Some(at) = left.pop() {
                buses.push(bus(at));
                let Function {
                    above, dma_device, ..
                } = functions[at];
                left.extend(
                    [above, dma_device]
                        .into_iter()
                        .flatten()
                        .map(|at| at as usize),
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
            .filter(|&at| !left[..at].iter().any(|&earlier| tied(earlier, left[at])))
            .collect();
        let at = left.remove(ready[random.usize(..ready.len())]);
        new[at] = u32::try_from(old.len()).ok();
        old.push(at);
    }
    let moved = |at: Option<u32>| at.and_then(|at| new[at as usize]);
    let functions = old.iter().map(|&at| Function {
        above: moved(functions[at].above),
        dma_device: moved(functions[at].dma_device),
        ..functions[at]
    });
    (functions.collect(), old)
}
