// SPDX-License-Identifier: GPL-2.0-only

//! The cost of looking up a device, by the number of id ranges in the table. Run with `cargo
//! bench`.

#[path = "../tests/common/tables.rs"]
mod tables;

use divan::{black_box, counter::ItemsCount, Bencher};
use rules::table::Table;

fn main() {
    divan::main();
}

/// Numbers of ranges. Each range has four ids, so 33 ranges are the 130 rows of mainline's table.
const RANGES: [u16; 5] = [10, 33, 100, 1000, 10_000];

/// The first id of every range, and the id after its last, which is not listed.
fn asked(table: &Table) -> Vec<(u16, u16)> {
    let rows = table.index.iter();
    rows.flat_map(|row| [(row.vendor, row.first), (row.vendor, row.last + 1)])
        .collect()
}

#[divan::bench(args = RANGES)]
fn find(bencher: Bencher<'_, '_>, ranges: u16) {
    let table = tables::evenly_spread(ranges);
    let asked = asked(&table);
    bencher.counter(ItemsCount::new(asked.len())).bench(|| {
        for &(vendor, device) in &asked {
            black_box(table.find(black_box(vendor), black_box(device)));
        }
    });
}

/// The same ids, one id in each row, searched as `pci_dev_specific_acs_enabled()` in
/// `drivers/pci/quirks.c` does.
#[divan::bench(args = RANGES)]
fn linear_scan(bencher: Bencher<'_, '_>, ranges: u16) {
    const ANY: u16 = 0xffff;
    let table = tables::evenly_spread(ranges);
    let rows: Vec<_> = table
        .index
        .iter()
        .flat_map(|row| (row.first..=row.last).map(|device| (row.vendor, device)))
        .collect();
    // All questions about 10,000 ranges would take a second.
    let asked: Vec<_> = asked(&table)
        .into_iter()
        .step_by(usize::from(ranges).div_ceil(100))
        .collect();
    bencher.counter(ItemsCount::new(asked.len())).bench(|| {
        for &(vendor, device) in &asked {
            let (vendor, device) = (black_box(vendor), black_box(device));
            black_box(rows.iter().find(|row| {
                (row.0 == vendor || row.0 == ANY) && (row.1 == device || row.1 == ANY)
            }));
        }
    });
}
