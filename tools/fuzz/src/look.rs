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
use quirk_data::error::Error;
use topology::names::Names;

/// Runs the code of the commands for owners on a machine. An error is for the user: a part of a host that cannot be read.
pub(crate) fn at(seen: &HostView<'_>) -> Result<(), Error> {
    let names = Names::default();
    let listing = Listing::of(seen, &names, &Filter::default())?;
    listing.json().expect("it has a JSON form");
    assert!(
        !listing.text().contains("\u{1b}]"),
        "a file steers the terminal"
    );
    let _ = (listing.tree(), listing.svg());
    let groups = seen.grouping(&[])?.partition(&seen.view);
    let open = open(seen, &[])?;
    let _ = Report::of(seen, groups, open, Basis::kernel(seen)).text();
    // Explain the first, the middle and the last function, each by itself and with the first.
    let functions = &seen.topology.functions;
    let count = functions.len();
    let first = functions[0].bdf;
    for at in [0, count / 2, count - 1] {
        let bdf = functions[at].bdf;
        let answer = explain(seen, bdf, None, &names)?;
        answer.json().expect("it has a JSON form");
        let _ = answer.text();
        if bdf != first {
            let _ = explain(seen, bdf, Some(first), &names)?.text();
        }
    }
    Ok(())
}
