// SPDX-License-Identifier: GPL-2.0-only

//! What the commands for owners do with a machine.

use acsctl::{
    host::HostView,
    listing::{Listing, filter::Filter},
    predict::{
        open::open,
        report::{Basis, Report},
    },
    why::explain,
};
use topology::names::Names;

/// Runs the code of the commands for owners on a machine.
pub(crate) fn at(seen: &HostView<'_>) {
    let names = Names::default();
    let listing = Listing::of(seen, &names, &Filter::default()).expect("it is sound");
    listing.json().expect("it has a JSON form");
    assert!(
        !listing.text().contains("\u{1b}]"),
        "a file steers the terminal"
    );
    let _ = (listing.tree(), listing.svg());
    let groups = seen
        .grouping(&[])
        .expect("it is sound")
        .partition(&seen.view);
    let open = open(seen, &[]).expect("it is sound");
    let _ = Report::of(seen, groups, open, Basis::kernel(seen)).text();
    // Explain the first, the middle and the last function, each by itself and with the first.
    let functions = &seen.topology.functions;
    let count = functions.len();
    let first = functions[0].bdf;
    for at in [0, count / 2, count - 1] {
        let bdf = functions[at].bdf;
        let answer = explain(seen, bdf, None, &names).expect("it is there");
        answer.json().expect("it has a JSON form");
        let _ = answer.text();
        if bdf != first {
            let _ = explain(seen, bdf, Some(first), &names)
                .expect("both are there")
                .text();
        }
    }
}
