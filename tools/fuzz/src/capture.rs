// SPDX-License-Identifier: GPL-2.0-only

//! Fuzzes the reader of captures and of lspci output, the computation of groups, the explanation,
//! list and diagram of them, and the draft of an entry. Any bytes must end in a refusal or in a
//! result, never in a panic. A topology that was read can be written and read again.

#![no_main]

use std::{collections::BTreeSet, sync::LazyLock};

use acsctl::{
    host::HostView,
    listing::{Listing, filter::Filter},
    predict::{
        open::open,
        report::{Basis, Report},
    },
    why::explain,
};
use grouping::predict::Prediction;
use libfuzzer_sys::fuzz_target;
use quirk_data::{
    built, draft,
    edition::Edition,
    entry::Entry,
    folder::{self, Scope},
    source,
};
use rules::table::Table;
use topology::names::Names;

/// The project's own entries, and a table of all entries that can be built into a module.
static DATA: LazyLock<(Vec<Entry>, Table)> = LazyLock::new(|| {
    let quirks = folder::check_all(source::built_in(), Scope::now(None));
    let quirks = quirks.expect("the data has no fault");
    let table = built::table(&Edition::Candidate.select(&quirks, None));
    (quirks, table)
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(machine) = topology::parse("capture", text) else {
        return;
    };
    let (quirks, table) = &*DATA;
    let verdicts = quirk_data::handlers::newest(quirks);
    let view = grouping::view(&machine);
    let prediction = Prediction::of(&machine, &view, &verdicts);
    let without = prediction.without_table().expect("what is read is sound");
    let with = prediction.with_table(table).expect("what is read is sound");
    // The table changes who shares a group, not who is in one.
    let grouped =
        |groups: topology::Partition| groups.concat().into_iter().collect::<BTreeSet<_>>();
    assert_eq!(grouped(without), grouped(with));
    if let Some(first) = machine.functions.first() {
        let _ = draft::draft(&machine, first.bdf, Some("acme/x1"), quirks, 1, |name| {
            format!("{name}.json")
        });
    }
    look(&machine, quirks);
    let mut written = Vec::new();
    topology::write(&machine, &mut written).expect("memory takes it");
    let written = String::from_utf8(written).expect("JSON is text");
    topology::parse("again", &written).expect("what was read can be read again");
});

/// Runs the code of the commands for owners on a machine.
fn look(machine: &topology::Topology, quirks: &[Entry]) {
    let names = Names::default();
    let seen = HostView::of(machine, quirks, None);
    let listing = Listing::of(&seen, &names, &Filter::default()).expect("it is sound");
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
    let open = open(&seen, &[]).expect("it is sound");
    let _ = Report::of(&seen, groups, open, Basis::kernel(&seen)).text();
    // Explain the first, the middle and the last function, each by itself and with the first.
    let count = machine.functions.len();
    let first = machine.functions[0].bdf;
    for at in [0, count / 2, count - 1] {
        let bdf = machine.functions[at].bdf;
        let answer = explain(&seen, bdf, None, &names).expect("it is there");
        answer.json().expect("it has a JSON form");
        let _ = answer.text();
        if bdf != first {
            let _ = explain(&seen, bdf, Some(first), &names)
                .expect("both are there")
                .text();
        }
    }
}
