// SPDX-License-Identifier: GPL-2.0-only

//! The cost of computing the groups of a machine, by its number of functions, compared with the
//! kernel's own search in C. Run with `cargo bench`.

#[path = "../tests/common/groups_in_c.rs"]
mod groups_in_c;
#[path = "../tests/common/machine.rs"]
#[allow(dead_code, reason = "the tests take the rest")]
mod machine;

use divan::{Bencher, black_box, counter::ItemsCount};
use grouping::model::{self, Function, Scratch, release::Release};
use rules::pcie::PcieType;

use machine::{Change, devfn, endpoint, port, shared};

const SIZES: [usize; 4] = [100, 1000, 4000, 100_000];
/// Smaller sizes: the kernel's search is at least quadratic.
const IN_C_SIZES: [usize; 3] = [100, 1000, 4000];

fn main() {
    divan::main();
}

/// Root ports with a card of eight functions each, as in a server.
mod ports_and_cards {
    use super::{
        Bencher, Change as _, Function, IN_C_SIZES, PcieType, SIZES, devfn, measure_in_c,
        measure_model, port, shared,
    };

    #[divan::bench(args = SIZES)]
    fn model(bencher: Bencher<'_, '_>, size: usize) {
        measure_model(bencher, &functions(size));
    }

    #[divan::bench(args = IN_C_SIZES, sample_count = 10)]
    fn in_c(bencher: Bencher<'_, '_>, size: usize) {
        measure_in_c(bencher, &functions(size));
    }

    fn functions(size: usize) -> Vec<Function> {
        let mut functions = Vec::new();
        for domain in 0.. {
            for slot in 1..28 {
                if functions.len() >= size {
                    return functions;
                }
                let above = u32::try_from(functions.len()).unwrap_or(u32::MAX);
                let of = |function| Function { domain, ..function };
                functions.push(of(port(0, devfn(slot, 0), PcieType::RootPort, true)));
                let card = (0..8).map(|number| of(shared(slot, number).behind(above)));
                functions.extend(card);
            }
        }
        functions
    }
}

/// Full buses where every function is an alias of every other and half of the functions are in no
/// group. This is the highest cost per function.
mod aliases_everywhere {
    use super::{Bencher, Function, IN_C_SIZES, SIZES, endpoint, measure_in_c, measure_model};

    #[divan::bench(args = SIZES)]
    fn model(bencher: Bencher<'_, '_>, size: usize) {
        measure_model(bencher, &functions(size));
    }

    #[divan::bench(args = IN_C_SIZES, sample_count = 10)]
    fn in_c(bencher: Bencher<'_, '_>, size: usize) {
        measure_in_c(bencher, &functions(size));
    }

    fn functions(size: usize) -> Vec<Function> {
        let bus = |domain| {
            (0..=u8::MAX).map(move |number| Function {
                domain,
                dma_aliases: (0..=u8::MAX).collect(),
                takes_part: number >= 128,
                ..endpoint(0, number)
            })
        };
        (0..).flat_map(bus).take(size).collect()
    }
}

fn measure_model(bencher: Bencher<'_, '_>, functions: &[Function]) {
    let len = functions.len();
    let mut work = vec![Scratch::default(); len];
    let (mut order, mut groups) = (vec![0; len], vec![None; len]);
    bencher.counter(ItemsCount::new(len)).bench_local(|| {
        let release = Release::LINUX_7_3;
        let functions = black_box(functions);
        model::assign(&release, functions, &mut work, &mut order, &mut groups)
    });
}

fn measure_in_c(bencher: Bencher<'_, '_>, functions: &[Function]) {
    bencher
        .counter(ItemsCount::new(functions.len()))
        .bench_local(|| groups_in_c::groups(black_box(functions)));
}
