// SPDX-License-Identifier: GPL-2.0-only

//! A kernel with the patch for an entry gives the module's answer for the entry's functions, and
//! its own answer for all others. `tests/boot/tests/export` checks the same with the kernel's own
//! source and for every id of a vendor.

mod common;
#[path = "export/verdicts/mod.rs"]
mod verdicts;

use std::{fmt::Write as _, fs, path::PathBuf, sync::OnceLock};

use quirk_data::{
    entry::{Entry, Status},
    export::{Options, export},
    folder::{self, Scope},
    source::DataFile,
};

use common::{root, scratch, tests};
use verdicts::{Expectation, Kernel, mutants, probes};

fn source() -> PathBuf {
    tests().join("export/kernel")
}

fn quirks_c() -> String {
    fs::read_to_string(source().join("drivers/pci/quirks.c")).expect("it is there")
}

/// The unpatched kernel.
fn unpatched() -> &'static Kernel {
    static KERNEL: OnceLock<Kernel> = OnceLock::new();
    KERNEL.get_or_init(|| {
        let folder = scratch("export-verdicts-unpatched");
        Kernel::compile(&quirks_c(), &source(), &folder, "unpatched")
    })
}

/// The entry, as if a vendor had vouched for it and mainline did not have it.
fn vouched_for(mut entry: Entry) -> Entry {
    entry.status = Status::Validated;
    entry.mainline = None;
    entry
}

/// The file with the patch for an entry.
fn patched(entry: &Entry) -> Result<String, String> {
    let patch = export(entry, &source(), &Options::default());
    patch
        .map(|patch| verdicts::applied(&patch.text, &quirks_c()))
        .map_err(|error| error.to_string())
}

/// The handler that a patch adds.
fn handler(patched: &str) -> &str {
    let old = quirks_c();
    let mut names = patched.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("static int ")?.split_once('(')?;
        (!old.contains(&format!("{name}("))).then_some(name)
    });
    names.next_back().expect("there is a new one")
}

/// Checks that the kernel with the patch for an entry answers as the entry states.
fn holds(entry: &Entry, folder: &str) {
    let text = patched(entry).unwrap_or_else(|error| panic!("{error}"));
    let folder = scratch(&format!("export-verdicts-{folder}"));
    let kernel = Kernel::compile(&text, &source(), &folder, "patched");
    let expected = Expectation::new(entry, unpatched(), probes::at_borders(entry));
    if let Some(mismatch) = expected.mismatch(&kernel) {
        panic!("{}: {mismatch}", entry.name);
    }
}

/// The entries of the tests.
fn entries() -> Vec<Entry> {
    let folder = tests().join("export/entries");
    let entries = folder::load(&folder, Scope::now(None)).expect("the files have no fault");
    entries.into_iter().map(vouched_for).collect()
}

/// An entry with these limits on three devices, these conditions and this kind.
fn made(kind: &str, limits: &str, conditions: &str) -> Entry {
    let text = format!(
        "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 1\nstatus = \"candidate\"\nreason = \"Made up.\"\nname = \"Acme\"\n\
         kind = {kind}\nacs = [\"SV\", \"RR\", \"CR\", \"UF\"]\n\
         [[match]]\nvendor = \"acee\"\ndevices = [\"0100-0101\", \"0103\"]\n{limits}\n{conditions}\n\
         [evidence]\nstatement = \"So.\"\nstated-by = \"A. Engineer, Acme\"\ndate = 2024-02-29\n\
         sources = [\"https://example.org/x\"]\n"
    );
    let file = DataFile {
        path: PathBuf::from("acme/made.toml"),
        name: "acme/made".to_owned(),
        text,
        built_in: false,
    };
    let entries = folder::check(&[file], Scope::now(None)).expect("the file has no fault");
    vouched_for(entries.into_iter().next().expect("there is one"))
}

fn condition(at: &str, offset: u16, width: u8, mask: &str, value: &str) -> String {
    format!(
        "[[condition]]\nat = \"{at}\"\noffset = {offset}\nwidth = {width}\nmask = \"{mask}\"\n\
         value = \"{value}\"\nabout = \"It is off.\"\n"
    )
}

/// One of each type of limit and condition.
fn sorts() -> (Vec<String>, Vec<String>) {
    let limits = [
        "class = \"0200\"",
        "class = \"020001\"",
        "revisions = \"03-07\"",
        "revisions = \"03-ff\"",
        "revisions = \"00-07\"",
        "revisions = \"00\"",
        "revisions = \"ff\"",
        "subsystems = [\"1028:0010\"]",
        "subsystems = [\"1028:0010\", \"1028:0013\", \"1029:0011\"]",
    ];
    let conditions = [
        condition("config", 0x50, 32, "0x00000100", "0x00000100"),
        condition("config", 0x52, 16, "0xffff", "0xffff"),
        condition("config", 0x153, 8, "0x81", "0x00"),
        condition("capability:10", 4, 32, "0x10000000", "0x10000000"),
        condition("capability:10", 2, 16, "0x000f", "0x0002"),
        condition("capability:09", 3, 8, "0x0f", "0x05"),
        condition("capability:09", 0x10, 32, "0x80000000", "0x80000000"),
        condition("capability:09", 0x10, 32, "0xffffffff", "0x80000000"),
        condition("extended:000b", 0x14, 16, "0x0003", "0x0003"),
        condition("extended:000b", 0x10, 32, "0x00000003", "0x00000001"),
        condition("extended:0023", 0xe8, 8, "0x40", "0x00"),
    ];
    (limits.map(str::to_owned).to_vec(), conditions.to_vec())
}

#[test]
fn a_kernel_with_the_patch_answers_as_the_entry_says() {
    for (number, entry) in entries().iter().enumerate() {
        holds(entry, &format!("entry-{number}"));
    }
}

#[test]
fn every_sort_of_limit_and_condition_is_in_the_patch() {
    let (limits, conditions) = sorts();
    for (number, limit) in limits.iter().enumerate() {
        holds(
            &made("\"mf-endpoint\"", limit, ""),
            &format!("limit-{number}"),
        );
    }
    for (number, one) in conditions.iter().enumerate() {
        for kind in ["mf-endpoint", "root-port"] {
            let entry = made(&format!("\"{kind}\""), "", one);
            holds(&entry, &format!("condition-{number}-{kind}"));
        }
    }
}

#[test]
fn limits_and_conditions_are_all_in_the_patch() {
    let classes = ["", "class = \"0200\"\n", "class = \"020001\"\n"];
    let revisions = ["", "revisions = \"03-07\"\n", "revisions = \"03-ff\"\n"];
    let subsystems = ["", "subsystems = [\"1028:0010\", \"1043:0011\"]\n"];
    let conditions = [
        String::new(),
        condition("config", 0x50, 32, "0x00000100", "0x00000100"),
        condition("capability:09", 0x10, 32, "0x80000000", "0x80000000")
            + &condition("extended:000b", 0x14, 16, "0x0003", "0x0001"),
    ];
    let kinds = ["\"rciep\"", "[\"mf-endpoint\", \"rciep\"]"];
    let mut number = 0;
    for class in classes {
        for revisions in revisions {
            for subsystems in subsystems {
                for conditions in &conditions {
                    let mut limits = String::new();
                    write!(limits, "{class}{revisions}{subsystems}").expect("text");
                    let entry = made(kinds[number % 2], &limits, conditions);
                    holds(&entry, &format!("combined-{number}"));
                    number += 1;
                }
            }
        }
    }
}

/// The project's own entries, as if vendors had stated all and mainline had none: an exportable
/// entry gives the right answers, and for any other one the error names the field.
#[test]
fn every_entry_of_the_data_is_exported_in_full_or_refused() {
    let entries = folder::load(&root().join("quirks"), Scope::now(None));
    let mut entries = entries.expect("the data has no fault");
    // A statement against isolation is no claim.
    entries.retain(|entry| entry.status != Status::NotIsolated);
    let (mut exported, mut refused) = (0, 0);
    for (number, entry) in entries.into_iter().enumerate() {
        let entry = vouched_for(entry);
        match patched(&entry) {
            Ok(_) => {
                holds(&entry, &format!("data-{number}"));
                exported += 1;
            }
            Err(error) => {
                let known = ["requires = ", "acs-registers = ", "program: ", "lacks"];
                let known = known
                    .iter()
                    .chain(&["already there", "a short name", "supersedes = "]);
                let is_known = known.into_iter().any(|one| error.contains(one));
                assert!(is_known, "{}: {error}", entry.name);
                refused += 1;
            }
        }
    }
    assert!(exported > 20, "{exported} are exported, {refused} refused");
}

/// Control: a handler with a missing or changed check is detected.
#[test]
fn a_check_that_is_not_there_is_found() {
    let mut entries = entries();
    entries.retain(|entry| {
        [
            "acme/limits",
            "acme/limits-differ",
            "acme/conditions",
            "acme/conditions-port",
            "acme/limits-many",
            "wangxun/limits",
        ]
        .contains(&entry.name.as_str())
    });
    assert_eq!(entries.len(), 6);
    for (number, entry) in entries.iter().enumerate() {
        let folder = scratch(&format!("export-verdicts-mutant-{number}"));
        let text = patched(entry).expect("it can be exported");
        let expected = Expectation::new(entry, unpatched(), probes::at_borders(entry));
        let mutants = mutants::all(&text, handler(&text));
        assert!(mutants.len() > 8, "{}", mutants.len());
        for mutant in mutants {
            let kernel = Kernel::compile(&mutant.text, &source(), &folder, "mutant");
            let is_found = expected.mismatch(&kernel).is_some();
            assert!(is_found, "not found: {}\n{text}", mutant.about);
        }
    }
}
