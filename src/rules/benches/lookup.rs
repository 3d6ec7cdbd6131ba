// SPDX-License-Identifier: GPL-2.0-only

//! The cost of looking up a device, by the number of id ranges in the table. Run with `cargo
//! bench`.

#[path = "../tests/common/tables.rs"]
mod tables;

use divan::{black_box, Bencher};

fn main() {
    divan::main();
}

/// Looks up the first id of every range and the id after its last, which is not listed.
#[divan::bench(args = [10, 100, 1000, 10_000])]
fn find(bencher: Bencher<'_, '_>, ranges: u16) {
    let table = tables::evenly_spread(ranges);
    let asked: Vec<_> = table
        .index
        .iter()
        .flat_map(|row| [(row.vendor, row.first), (row.vendor, row.last + 1)])
        .collect();
    bencher
        .counter(divan::counter::ItemsCount::new(asked.len()))
        .bench(|| {
            for &(vendor, device) in &asked {
                black_box(table.find(black_box(vendor), black_box(device)));
            }
        });
}
