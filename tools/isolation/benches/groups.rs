// SPDX-License-Identifier: GPL-2.0-only

//! What computing the groups of a machine costs, by its number of functions: `cargo bench`.

#[path = "../tests/common/machine.rs"]
#[allow(dead_code, reason = "the tests take the rest")]
mod machine;

use divan::{Bencher, black_box};
use fastrand::Rng;
use isolation::{
    groups::{self, DevfnSet, Function, Scratch, release::Release},
    pcie::PcieType,
};
use machine::{Change as _, Machine, devfn, endpoint, port, shared};

const SIZES: [usize; 3] = [300, 3000, 10_000];

fn main() {
    divan::main();
}

/// Root ports with a card of eight functions each, as on a server.
#[divan::bench(args = SIZES)]
fn ports_and_cards(bencher: Bencher<'_, '_>, size: usize) {
    let mut functions = Vec::new();
    for domain in 0.. {
        for slot in 1..28 {
            if functions.len() >= size {
                return measure(bencher, &functions);
            }
            let above = u32::try_from(functions.len()).unwrap_or(u32::MAX);
            let of = |function| Function { domain, ..function };
            functions.push(of(port(0, devfn(slot, 0), PcieType::RootPort, true)));
            let card = (0..8).map(|number| of(shared(slot, number)).behind(above));
            functions.extend(card);
        }
    }
}

/// Full buses of which every function is an alias of every other, and half of them in no group: the
/// most that a function can cost.
#[divan::bench(args = SIZES)]
fn aliases_everywhere(bencher: Bencher<'_, '_>, size: usize) {
    let functions: Vec<_> = (0..)
        .flat_map(|domain| {
            (0..=u8::MAX).map(move |number| Function {
                domain,
                dma_aliases: DevfnSet::ALL,
                takes_part: number >= 128,
                ..endpoint(0, number)
            })
        })
        .take(size)
        .collect();
    measure(bencher, &functions);
}

/// Machines of odd shape, as the tests have them.
#[divan::bench(args = SIZES)]
fn random(bencher: Bencher<'_, '_>, size: usize) {
    let machine = Machine::random(&mut Rng::with_seed(1), size);
    measure(bencher, &machine.0);
}

fn measure(bencher: Bencher<'_, '_>, functions: &[Function]) {
    let len = functions.len();
    let mut work = vec![Scratch::default(); len];
    let (mut order, mut groups) = (vec![0; len], vec![None; len]);
    bencher
        .counter(divan::counter::ItemsCount::new(len))
        .bench_local(|| {
            let release = Release::LINUX_7_3;
            let functions = black_box(functions);
            groups::assign(&release, functions, &mut work, &mut order, &mut groups)
        });
}
