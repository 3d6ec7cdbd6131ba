// SPDX-License-Identifier: GPL-2.0-only

//! Fuzzes the reader and the checker of data files. Any bytes must end in findings or in an entry,
//! never in a panic. Every accepted entry can be printed in every form.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use quirk_data::{
    edition::Edition,
    folder::{self, Scope},
    generate, json, page, report,
    source::DataFile,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let file = DataFile {
        path: Path::new("quirks/acme/nic.toml").into(),
        name: "acme/nic".to_owned(),
        text: text.to_owned(),
        built_in: false,
    };
    match folder::check(&[file], Scope::now(None)) {
        Ok(quirks) => {
            for edition in [Edition::Validated, Edition::Candidate, Edition::Test] {
                let _ = generate::source(edition, &quirks, None, &[]);
            }
            let _ = page::quirks(&quirks);
            let entries: Vec<_> = quirks.iter().collect();
            json::entries(&entries).expect("every entry has a JSON form");
        }
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a reason");
            let _ = report::text(&findings);
            json::findings(1, &findings).expect("every finding has a JSON form");
        }
    }
});
