// SPDX-License-Identifier: GPL-2.0-only

//! The cost of checking the quirk database, by the number of entries. Run with `cargo bench`. The
//! benchmark of the project's own entries includes reading their files.

use std::path::Path;

use divan::{Bencher, black_box, counter::ItemsCount};
use quirk_data::{
    folder::{self, Scope},
    source::{self, DataFile},
};

fn main() {
    divan::main();
}

/// The project's own entries, read from disk.
#[divan::bench]
fn own_data(bencher: Bencher<'_, '_>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../quirks");
    let read = || source::read(&folder).expect("the data is there");
    bencher
        .counter(ItemsCount::new(read().files.len()))
        .bench(|| folder::check_all(black_box(read()), Scope::now(None)));
}

/// Generated entries of several vendors, with four ranges and evidence each; two in a hundred have
/// faults.
#[divan::bench(args = [100, 1000, 10_000], sample_count = 10)]
fn synthetic(bencher: Bencher<'_, '_>, entries: usize) {
    let files: Vec<_> = (0..entries).map(entry).collect();
    bencher
        .counter(ItemsCount::new(entries))
        .bench(|| folder::check(black_box(&files), Scope::now(None)));
}

fn entry(at: usize) -> DataFile {
    let vendor = 0x1000 + at / 1000;
    let first = at % 1000 * 64;
    let range = |from: usize| format!("\"{:04x}-{:04x}\"", first + from, first + from + 7);
    let ranges: Vec<_> = [0, 16, 32, 48].map(range).into();
    let date = if at % 50 == 7 {
        "2999-01-01"
    } else {
        "2024-02-29"
    };
    DataFile {
        path: format!("quirks/vendor{vendor}/family{at}.toml").into(),
        name: format!("vendor{vendor}/family{at}"),
        text: format!(
            "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = {}\nname = \"Made up\"\nstatus = \"candidate\"\n\
             reason = \"Made up.\"\n\
             kind = \"mf-endpoint\"\nacs = [\"SV\", \"RR\", \"CR\", \"UF\"]\n\n[[match]]\n\
             vendor = \"{vendor:04x}\"\ndevices = [{}]\nabout = \"made up\"\n\n[evidence]\n\
             statement = \"{}\"\nstated-by = \"Jo Doe, Made Up\"\ndate = {date}\n\
             sources = [\"https://example.org/{at}\"]\n",
            at + 1,
            ranges.join(", "),
            "The functions cannot send requests to each other. ".repeat(10),
        ),
        built_in: false,
    }
}
