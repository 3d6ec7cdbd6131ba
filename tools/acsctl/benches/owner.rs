// SPDX-License-Identifier: GPL-2.0-only

//! Benchmarks of the commands for owners, by the number of functions: `cargo bench`. They include
//! reading the file, but not printing.

use std::{fmt::Write as _, sync::LazyLock};

use acsctl::{
    host::HostView,
    listing::{Listing, filter::Filter},
    predict::{
        open::open,
        report::{Basis, Report},
    },
    why::explain,
};
use divan::{
    Bencher, black_box,
    counter::{BytesCount, ItemsCount},
};
use quirk_data::{
    entry::Entry,
    folder::{self, Scope},
    source,
};
use topology::{Topology, names::Names};

const SIZES: [usize; 4] = [300, 1000, 5000, 20_000];

static DATA: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    folder::check_all(source::built_in(), Scope::now(None)).expect("the data has no fault")
});

fn main() {
    LazyLock::force(&DATA);
    divan::main();
}

/// The capture of a server with `size` functions. Each domain has root ports with switches, and a
/// card of eight functions below each port of the switches. The root ports of every second domain
/// have no ACS, so that the whole domain is one group.
fn server(size: usize) -> String {
    let mut lines = Vec::new();
    for domain in 0.. {
        let acs = if domain % 2 == 0 {
            r#"{"cap":29,"ctl":29}"#
        } else {
            "null"
        };
        let (mut bus, mut add) = (1, |text: String| lines.push(text));
        for slot in 1..9 {
            let up = bus;
            add(port(domain, 0, slot, "Root Port", 0x2030, acs, up, up + 5));
            add(port(
                domain,
                up,
                0,
                "Upstream Port",
                0x8748,
                "null",
                up + 1,
                up + 5,
            ));
            for down in 0..4 {
                let below = up + 2 + down;
                add(port(
                    domain,
                    up + 1,
                    down,
                    "Downstream Port",
                    0x8748,
                    acs,
                    below,
                    below,
                ));
                for function in 0..8 {
                    let mut text = String::new();
                    let _ = write!(
                        text,
                        r#"{{"bdf":"{domain:04x}:{below:02x}:00.{function}","vendor":"8086","device":"1572","class":"020000","revision":"01","subsystem":null,"header":"endpoint","multifunction":true,"pcie_known":true,"pcie_type":"Endpoint","acs":null,"acs_known":true,"iommu_group":null}}"#
                    );
                    add(text);
                }
            }
            bus = up + 6;
        }
        if lines.len() >= size {
            break;
        }
    }
    lines.truncate(size);
    format!(
        r#"{{"schema":"pci-topology-1","kernel":"7.3.4","iommu":"Intel VT-d","functions":[{}]}}"#,
        lines.join(",\n")
    )
}

#[allow(clippy::too_many_arguments, reason = "each is a field of the file")]
fn port(
    domain: usize,
    bus: usize,
    slot: usize,
    kind: &str,
    device: u16,
    acs: &str,
    secondary: usize,
    subordinate: usize,
) -> String {
    format!(
        r#"{{"bdf":"{domain:04x}:{bus:02x}:{slot:02x}.0","vendor":"10b5","device":"{device:04x}","class":"060400","revision":"01","subsystem":null,"header":"bridge","multifunction":false,"pcie_known":true,"pcie_type":"{kind}","acs":{acs},"acs_known":true,"iommu_group":null,"primary":{bus},"secondary":{secondary},"subordinate":{subordinate}}}"#
    )
}

fn parse(text: &str) -> Topology {
    topology::parse("server", text).expect("it is sound")
}

#[divan::bench(args = SIZES)]
fn read(bencher: Bencher<'_, '_>, size: usize) {
    let text = server(size);
    bencher
        .counter(ItemsCount::new(size))
        .bench(|| parse(black_box(&text)));
}

#[divan::bench(args = SIZES)]
fn predict(bencher: Bencher<'_, '_>, size: usize) {
    let text = server(size);
    bencher.counter(ItemsCount::new(size)).bench(|| {
        let topology = parse(black_box(&text));
        let machine = HostView::of(&topology, &DATA, None);
        let groups = machine.grouping(&[]).expect("it is sound");
        let groups = groups.partition(&machine.view);
        let open = open(&machine, &[]).expect("it is sound");
        Report::of(&machine, groups, open, Basis::kernel(&machine)).json()
    });
}

#[divan::bench(args = SIZES)]
fn groups(bencher: Bencher<'_, '_>, size: usize) {
    let text = server(size);
    let names = Names::default();
    bencher.counter(ItemsCount::new(size)).bench(|| {
        let topology = parse(black_box(&text));
        let machine = HostView::of(&topology, &DATA, None);
        let listing = Listing::of(&machine, &names, &Filter::default());
        listing.expect("it is sound").text()
    });
}

#[divan::bench(args = SIZES)]
fn picture(bencher: Bencher<'_, '_>, size: usize) {
    let topology = parse(&server(size));
    let machine = HostView::of(&topology, &DATA, None);
    let names = Names::default();
    let listing = Listing::of(&machine, &names, &Filter::default()).expect("it is sound");
    bencher
        .counter(ItemsCount::new(size))
        .bench_local(|| black_box(&listing).svg());
}

/// A file of the size of pci.ids, with vendors, devices and subsystems. One vendor of the server
/// has a fifth of the lines.
fn ids() -> String {
    let mut text = String::from("# a list of ids\n");
    for vendor in 0..2400 {
        let id = if vendor == 1200 { 0x8086 } else { vendor };
        let _ = writeln!(text, "{id:04x}  Vendor of Silicon {vendor}, Inc.");
        for device in 0..if id == 0x8086 { 5000 } else { 8 } {
            let _ = writeln!(
                text,
                "\t{device:04x}  Ethernet Controller X{device} for 10GbE"
            );
            let _ = writeln!(
                text,
                "\t\t{vendor:04x} {device:04x}  Network Adapter {device}"
            );
        }
    }
    for class in 0..20 {
        let _ = writeln!(text, "C {class:02x}  Kind {class}");
        for sub in 0..8 {
            let _ = writeln!(text, "\t{sub:02x}  Controller {sub}");
        }
    }
    text
}

/// Reads the names of a machine's functions from a file of the size of pci.ids.
#[divan::bench(args = SIZES)]
fn names(bencher: Bencher<'_, '_>, size: usize) {
    let (topology, text) = (parse(&server(size)), ids());
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| Names::of_text(black_box(&text), black_box(&topology)));
}

/// Explains a function that shares its group with its whole domain.
#[divan::bench(args = SIZES)]
fn why(bencher: Bencher<'_, '_>, size: usize) {
    let text = server(size);
    let names = Names::default();
    bencher.counter(ItemsCount::new(size)).bench(|| {
        let topology = parse(black_box(&text));
        let machine = HostView::of(&topology, &DATA, None);
        let shared = "0001:03:00.1".parse().expect("it is an address");
        let alone = "0000:03:00.1".parse().expect("it is an address");
        let at = if size > 300 { shared } else { alone };
        let answer = explain(&machine, at, None, &names).expect("it is there");
        answer.text()
    });
}
