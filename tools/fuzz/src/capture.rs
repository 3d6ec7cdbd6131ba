// SPDX-License-Identifier: GPL-2.0-only

//! Fuzzes what follows the reader of captures and of lspci output: the computation of groups, the explanation, list and diagram
//! of them, and the draft of an entry. Any bytes must end in a refusal or in a result, never in a panic.

#![no_main]

mod look;

use std::{collections::BTreeSet, sync::LazyLock};

use acsctl::host::HostView;
use grouping::{handlers::Handlers, predict::Prediction};
use libfuzzer_sys::fuzz_target;
use quirk_data::{
    built, draft,
    edition::Edition,
    entry::Entry,
    folder::{self, Scope},
    handlers, source,
};
use rules::table::Table;

/// The project's own entries, a table of all entries that can be built into a module, and the newest kernel's quirks.
static DATA: LazyLock<(Vec<Entry>, Table, Handlers)> = LazyLock::new(|| {
    let quirks = folder::check_all(source::built_in(), Scope::now(None));
    let quirks = quirks.expect("the data has no fault");
    let table = built::table(&Edition::Candidate.select(&quirks, None));
    let verdicts = handlers::newest(&quirks);
    (quirks, table, verdicts)
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(machine) = topology::parse("capture", text) else {
        return;
    };
    let (quirks, table, verdicts) = &*DATA;
    let view = grouping::view(&machine);
    let prediction = Prediction::of(&machine, &view, verdicts);
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
    look::at(&HostView::of(&machine, quirks, None)).expect("what is read is sound");
});
