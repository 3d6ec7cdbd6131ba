// SPDX-License-Identifier: GPL-2.0-only

//! Tables for a kernel: they include quirks that mainline got later, if a module can decide them.

mod common;

use quirk_data::{
    edition::Edition,
    entry::Entry,
    folder::{self, Scope},
    source::DataFile,
};
use rules::release::Release;

use common::accepted;

fn release(text: &str) -> Release {
    text.parse().expect("it is a release")
}

fn scope(edition: Edition, kernel: Option<&str>) -> Scope {
    Scope {
        kernel: kernel.map(release),
        ..Scope::now(Some(edition))
    }
}

/// A mainline entry since `since`, with further keys and sections.
fn mainline(name: &str, number: u16, since: &str, keys: &str, sections: &str) -> DataFile {
    DataFile {
        path: format!("{name}.toml").into(),
        name: name.to_owned(),
        text: format!(
            "# SPDX-License-Identifier: GPL-2.0-only
schema = 1
number = {number}
status = \"mainline\"
name = \"Acme\"
{keys}
[[match]]
vendor = \"aced\"
devices = [\"0500\"]
{sections}
[evidence]
statement = \"The root complex integrated endpoint aced:0500 is isolated.\"
stated-by = \"A. Engineer, Acme\"
sources = [\"https://example.org/x\"]
[mainline]
since = \"{since}\"
handler = \"pci_quirk_acme_acs\"
"
        ),
        built_in: false,
    }
}

const RCIEP: &str = "kind = \"rciep\"\nacs = [\"RR\", \"CR\"]";

fn simple(since: &str) -> DataFile {
    mainline("acme/simple", 20, since, RCIEP, "")
}

/// The numbers of the entries in a table, or the findings.
fn table(files: &[DataFile], edition: Edition, kernel: Option<&str>) -> Result<Vec<u16>, String> {
    let checked = folder::check(files, scope(edition, kernel));
    let entries = checked.map_err(|found| {
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        texts.join("\n")
    })?;
    let selected = edition.select(&entries, kernel.map(release));
    Ok(selected.iter().map(|entry: &&Entry| entry.number).collect())
}

#[test]
fn an_entry_is_for_kernels_before_the_release_that_has_it() {
    for (since, kernel, is_in) in [
        ("v7.3", Some("7.2"), true),
        ("v7.3", Some("7.3"), false),
        ("v7.3", Some("7.4"), false),
        ("v7.3", Some("6.12"), true),
        ("v7.3", Some("8.0"), false),
        ("v7.10", Some("7.9"), true),
        ("v7.9", Some("7.10"), false),
        ("v10.0", Some("9.99"), true),
        ("v7.3", None, false),
        ("unknown", Some("7.2"), false),
        ("unknown", Some("0.0"), false),
        ("unknown", None, false),
    ] {
        let numbers = table(&[simple(since)], Edition::Validated, kernel);
        let expected: &[u16] = if is_in { &[20] } else { &[] };
        assert_eq!(numbers.as_deref(), Ok(expected), "{since}, {kernel:?}");
        let numbers = table(&[simple(since)], Edition::Candidate, kernel);
        assert_eq!(numbers, Ok(vec![]), "{since}, {kernel:?}");
    }
}

#[test]
fn it_is_listed_beside_the_others() {
    for (kernel, expected) in [
        (None, &[8, 9, 10][..]),
        (Some("5.8"), &[8, 9, 10]),
        (Some("5.7"), &[8, 9, 10, 11]),
    ] {
        let numbers = table(&accepted(), Edition::Validated, kernel);
        assert_eq!(numbers.as_deref(), Ok(expected), "{kernel:?}");
    }
}

/// An entry that no module can decide is valid if the kernel has it, and reported if the kernel
/// lacks it.
#[test]
fn what_no_module_can_decide_is_named() {
    let any = |file: DataFile| DataFile {
        text: file.text.replace("\"0500\"", "\"any\""),
        ..file
    };
    let untold = |file: DataFile| DataFile {
        text: file.text + "expressed = false\nwhy = \"A register in memory decides.\"\n",
        ..file
    };
    let requires = format!("{RCIEP}\nrequires = [\"root-bus\"]");
    let program = "[[program]]\nat = \"config\"\noffset = 64\nwidth = 8\nmask = \"0x01\"\n\
                   value = \"0x01\"\nabout = \"The switch.\"\n";
    let condition = "[[condition]]\nat = \"extended:000d\"\noffset = 4\nwidth = 8\nmask = \"0x01\"\n\
                     value = \"0x01\"\nabout = \"It has SV.\"\n";
    let registers = "kind = \"root-port\"\nacs-registers = \"dword\"";
    let entry = |keys: &str, sections: &str| mainline("acme/odd", 20, "v7.3", keys, sections);
    for (file, field, problem) in [
        (
            entry(&requires, ""),
            "requires",
            "the condition \"root-bus\"",
        ),
        (entry(registers, ""), "acs-registers", "a register layout"),
        (
            any(simple("v7.3")),
            "match.devices",
            "every device of a vendor",
        ),
        (
            entry(RCIEP, program),
            "program",
            "writes to configuration space",
        ),
        (
            entry(RCIEP, condition),
            "condition.at",
            "never claimed by a module",
        ),
        (
            untold(simple("v7.3")),
            "mainline.expressed",
            "what these keys do not tell",
        ),
    ] {
        let files = [file];
        let numbers = |edition, kernel| table(&files, edition, kernel);
        for kernel in [None, Some("7.3"), Some("7.4")] {
            let found = numbers(Edition::Validated, kernel);
            assert_eq!(found, Ok(vec![]), "{field}, {kernel:?}");
        }
        assert_eq!(numbers(Edition::Candidate, Some("7.2")), Ok(vec![]));
        let found = numbers(Edition::Validated, Some("7.2")).expect_err("it cannot be built");
        assert_eq!(found.lines().count(), 1, "{found}");
        let name = files[0].path.display().to_string();
        for part in [&name, "unbuildable", field, problem] {
            assert!(found.contains(part), "{part}: {found}");
        }
    }
}

/// The kernel distinguishes mainline entries by kind; in a table an id leads to one entry.
#[test]
fn an_id_leads_to_one_entry_of_a_table() {
    let ports = "kind = \"root-port\"\nacs = [\"RR\", \"CR\"]";
    let other = |since| mainline("acme/zother", 21, since, ports, "");
    for (since, kernel, expected) in [
        ("v7.3", "7.3", Ok(vec![])),
        ("v7.2", "7.2", Ok(vec![20])),
        ("unknown", "7.2", Ok(vec![20])),
        ("v7.3", "7.2", Err(())),
    ] {
        let files = [simple("v7.3"), other(since)];
        let found = table(&files, Edition::Validated, Some(kernel));
        if let Err(found) = &found {
            assert!(found.contains("acme/zother.toml"), "{found}");
            assert!(found.contains("overlap: match.devices"), "{found}");
        }
        assert_eq!(found.map_err(drop), expected, "{since}, {kernel}");
    }
}

#[test]
fn releases_are_two_numbers() {
    for text in ["7.2", "0.0", "999.999"] {
        assert_eq!(release(text).to_string(), text);
    }
    for text in [
        "", "7", "7.", ".2", "7.2.1", "v7.2", "7,2", "+7.2", "7.-2", "7.1000", "7. 2",
    ] {
        assert!(text.parse::<Release>().is_err(), "{text}");
    }
}
