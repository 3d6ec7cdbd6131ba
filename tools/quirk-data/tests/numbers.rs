// SPDX-License-Identifier: GPL-2.0-only

//! Entry numbers are an interface for owners: issued once, never changed or reused.

mod common;

use std::{collections::BTreeSet, fs, path::Path};

use quirk_data::{
    edition::Edition,
    entry::Status,
    error::Error,
    folder::{self, Scope},
    numbers,
    source::{self, Sources},
};
use sha2::{Digest as _, Sha256};

use common::{root, scratch, tests};

/// Each list, with the number of its lines that are fixed and their digest. These lines were
/// published in a release or commit and must never change.
///
/// A failure means that a line was changed, moved or removed: restore it. After lines were
/// *appended*, raise the number to include them and write the digest that the failure shows.
const HELD: [(&str, usize, &str); 2] = [
    (
        "quirks",
        58,
        "f150ee0890d105755ce89b8365aa5f344f264434547c921d65763916bf00772a",
    ),
    (
        "tests/kernel/module/quirks",
        16,
        "3b5bd997b8a9c02f2a38903e6bd6b1aa8d7a06fa9321fd5c6c07163c44ded818",
    ),
];

#[test]
fn the_lists_only_grow() {
    for (folder, count, digest) in HELD {
        let text =
            fs::read_to_string(root().join(folder).join(source::NUMBERS)).expect("it is there");
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lines: Vec<_> = lines.collect();
        let held = lines[..count].join("\n") + "\n";
        let hex = |byte: &u8| format!("{byte:02x}");
        let found: Vec<_> = Sha256::digest(held).iter().map(hex).collect();
        let found = found.concat();
        assert_eq!(
            found, digest,
            "the first {count} numbers of {folder} are not those that were given out"
        );
        let more = lines.len() - count;
        assert!(
            more < 32,
            "hold the {more} lines of {folder} that are newer, too: see HELD"
        );
    }
}

#[test]
fn every_entry_of_the_tree_has_its_number() {
    for edition in [Edition::Validated, Edition::Test] {
        let folder = root().join(edition.folder());
        let issued = numbers::issued(&folder).expect("the list has no fault");
        assert!(issued.is_sorted());
        let issued: BTreeSet<_> = issued.into_iter().collect();
        let entries = folder::load(&folder, Scope::now(Some(edition))).expect("no fault");
        // A statement against isolation has no number.
        let mut numbered = entries
            .iter()
            .filter(|entry| entry.status != Status::NotIsolated);
        assert!(numbered.all(|entry| issued.contains(&entry.number)));
    }
    // The list is also built into the program.
    assert!(source::built_in().numbers.is_some());
}

const LIST: &str = "# given out\n1 acme/old\n2 acme/x1\n3 acme/gone\n";

/// A folder with the entry `acme/x1` of this number, and this list.
fn sources(test: &str, number: &str, list: Option<&str>) -> (std::path::PathBuf, Sources) {
    let folder = scratch(test);
    fs::create_dir(folder.join("acme")).expect("it is the test's own");
    let entry = format!(
        "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = {number}\nstatus = \"rejected\"\nkind = \"mf-endpoint\"\n\
         acs = [\"SV\"]\nreason = \"asked for\"\n[[match]]\nvendor = \"10de\"\ndevices = [\"0a01\"]\n"
    );
    fs::write(folder.join("acme/x1.toml"), entry).expect("it can be written");
    if let Some(list) = list {
        fs::write(folder.join(source::NUMBERS), list).expect("it can be written");
    }
    let read = source::read(&folder).expect("it can be read");
    (folder, read)
}

/// The findings, from the file name on.
fn found(test: &str, number: &str, list: Option<&str>) -> Vec<String> {
    let (folder, sources) = sources(test, number, list);
    let all = folder::check_all(sources, Scope::now(None))
        .err()
        .unwrap_or_default();
    let folder = format!("{}/", folder.display());
    all.iter()
        .map(|one| one.to_string().replace(&folder, ""))
        .collect()
}

#[test]
fn a_number_is_that_of_the_list() {
    assert_eq!(found("numbers-right", "2", Some(LIST)), [""; 0]);
    // A folder without a list has no issued numbers.
    assert_eq!(found("numbers-no-list", "9", None), [""; 0]);
    for (case, number, list, expected) in [
        (
            "changed",
            "4",
            LIST,
            "acme/x1.toml:3:10: number-issued: number: the number of acme/x1 is 2, by numbers.txt; write 2: a \
             number never changes",
        ),
        (
            "reused",
            "3",
            "1 acme/old\n3 acme/gone\n",
            "acme/x1.toml:3:10: number-issued: number: 3 was given to acme/gone, by numbers.txt; take 4: no \
             entry has or had it, and a number is never reused; append the line \"4 acme/x1\" to numbers.txt",
        ),
        (
            "new",
            "4",
            "1 acme/old\n3 acme/gone\n",
            "acme/x1.toml:3:10: number-issued: number: 4 is not in numbers.txt; append the line \"4 acme/x1\" \
             to numbers.txt",
        ),
        (
            "taken-out",
            "2",
            "1 acme/old\n3 acme/gone\n",
            "acme/x1.toml:3:10: number-issued: number: numbers.txt has no line for 2 any more, or never had; \
             put the line back if it was taken out; for a new entry, take 4: no entry has or had it, and a \
             number is never reused; append the line \"4 acme/x1\" to numbers.txt",
        ),
        (
            "form",
            "2",
            "1 acme/old\n2 acme/x1\n03 acme/gone\n",
            "numbers.txt:3:1: number-list: line: \"03 acme/gone\" is not of the form NUMBER VENDOR/FAMILY; \
             write it as 59 acme/x1, with a number from 1 to 4095",
        ),
        (
            "large",
            "2",
            "2 acme/x1\n4096 acme/old\n",
            "numbers.txt:2:1: number-list: line: \"4096 acme/old\" is not of the form NUMBER VENDOR/FAMILY; \
             write it as 59 acme/x1, with a number from 1 to 4095",
        ),
        (
            "order",
            "2",
            "2 acme/x1\n1 acme/old\n",
            "numbers.txt:2:1: number-list: line: 1 comes after 2; put each line in its place, by number: \
             new numbers are higher than all others and come last",
        ),
        (
            "one-out-of-order",
            "2",
            "1 acme/old\n9 acme/gone\n2 acme/x1\n3 acme/x2\n4 acme/x3\n",
            "numbers.txt:2:1: number-list: line: 9 comes before 2; put each line in its place, by number: \
             new numbers are higher than all others and come last",
        ),
        (
            "number-twice",
            "2",
            "1 acme/old\n2 acme/x1\n2 acme/gone\n",
            "numbers.txt:3:1: number-list: line: 2 is the number of acme/x1 already; take this line out: a \
             number is never reused",
        ),
        (
            "twice",
            "2",
            "2 acme/x1\n3 acme/x1\n",
            "numbers.txt:2:1: number-list: line: acme/x1 has the number 2 already; an entry keeps its first \
             number; take this line out",
        ),
    ] {
        assert_eq!(
            found(&format!("numbers-{case}"), number, Some(list)),
            [expected],
            "{case}"
        );
    }
}

/// A database without its list would give every number out again. A folder of drafts needs none.
#[test]
fn a_database_has_a_list() {
    let (folder, found) = sources("numbers-no-list", "2", None);
    assert!(found.findings.is_empty());
    fs::write(folder.join("schema.json"), "{}").expect("it can be written");
    let sources = source::read(&folder).expect("it can be read");
    let found = folder::check_all(sources, Scope::now(None)).expect_err("no list");
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .to_string()
            .contains("numbers.txt:1:1: number-list: ")
    );
}

/// A draft outside the folder has no line yet, but must not use an issued number.
#[test]
fn a_file_beside_the_folder_need_not_be_in_the_list() {
    let (_, draft) = sources("numbers-draft", "3", None);
    let check = |list: &str| {
        let mut sources = Sources {
            files: draft.files.clone(),
            ..Sources::default()
        };
        let (_, other) = self::sources("numbers-beside", "1", Some(list));
        sources.numbers = other.numbers;
        folder::check_all(sources, Scope::now(None))
            .err()
            .unwrap_or_default()
    };
    assert!(check("1 acme/old\n2 acme/gone\n").is_empty());
    let found = check("1 acme/old\n3 acme/gone\n");
    assert_eq!(found.len(), 1);
    assert!(
        found[0].problem.starts_with("3 was given to acme/gone"),
        "{}",
        found[0]
    );
}

#[test]
fn the_numbers_of_a_folder_are_those_of_its_list() {
    let (folder, _) = sources("numbers-issued", "2", Some(LIST));
    assert_eq!(numbers::issued(&folder).expect("no fault"), [1, 2, 3]);
    let (folder, _) = sources("numbers-issued-none", "2", None);
    assert_eq!(numbers::issued(&folder).expect("no fault"), [0_u16; 0]);
    let (folder, _) = sources("numbers-issued-fault", "2", Some("2 acme/x1\nacme/x2\n"));
    assert!(matches!(numbers::issued(&folder), Err(Error::Findings(_))));
    assert!(numbers::issued(Path::new(&tests().join("nowhere"))).is_err());
}

/// An unfinished draft and a line of an entry that is gone count.
#[test]
fn the_next_number_is_free() {
    let (folder, sources) = sources("numbers-next", "2", Some(LIST));
    assert_eq!(numbers::next_free(&sources).expect("it is free"), 4);
    for (text, free) in [
        ("number = 7\nname = \"QUESTION: what?\"\n", 8),
        ("number = 7\nname = \n", 8),
        ("number = 4094\n", 4095),
        ("number = 4096\n", 4),
        ("number = \"7\"\n", 4),
        ("[match]\nnumber = 7\n", 4),
    ] {
        fs::write(folder.join("acme/draft.toml"), text).expect("it can be written");
        let sources = source::read(&folder).expect("it can be read");
        let found = numbers::next_free(&sources).expect("it is free");
        assert_eq!(found, free, "{text}");
    }
    let (_, sources) = self::sources("numbers-next-none", "1", None);
    assert_eq!(numbers::next_free(&sources).expect("it is free"), 2);
}

/// The format has no number after 4095.
#[test]
fn there_is_a_last_number() {
    let (folder, _) = sources("numbers-largest", "2", Some(LIST));
    fs::write(folder.join("acme/draft.toml"), "number = 4095\n").expect("it can be written");
    let sources = source::read(&folder).expect("it can be read");
    let full = numbers::next_free(&sources).expect_err("there is none");
    let text = full.to_string();
    assert!(
        text.contains("4095 is given, and the format has no larger one"),
        "{text}"
    );
    // A remedy names no number that no entry can have.
    let one = fs::read_to_string(folder.join("acme/x1.toml")).expect("it is there");
    fs::write(
        folder.join("acme/draft.toml"),
        one.replace("number = 2", "number = 4095"),
    )
    .expect("it can be written");
    fs::write(folder.join("acme/x3.toml"), one).expect("it can be written");
    let Err(Error::Findings(found)) = folder::load(&folder, Scope::now(None)) else {
        panic!("2 is taken");
    };
    let text: String = found.iter().map(ToString::to_string).collect();
    assert!(
        text.contains("take one that no entry has or had, of 1 to 4095"),
        "{text}"
    );
    assert!(!text.contains("4096"), "{text}");
}

/// Of two new entries with one number, one gets one finding, with the number to take and the line to
/// append.
#[test]
fn a_newcomer_gets_one_remedy() {
    let (folder, _) = sources("numbers-newcomer", "4", Some("1 acme/old\n3 acme/gone\n"));
    let one = fs::read_to_string(folder.join("acme/x1.toml")).expect("it is there");
    let other = one.replace("0a01", "0a02");
    fs::write(folder.join("acme/x2.toml"), other).expect("it can be written");
    let all = |folder: &Path| {
        let sources = source::read(folder).expect("it can be read");
        let found = folder::check_all(sources, Scope::now(None)).err();
        let prefix = format!("{}/", folder.display());
        let lines = found.into_iter().flatten();
        let lines = lines.map(|one| one.to_string().replace(&prefix, ""));
        lines.collect::<Vec<_>>()
    };
    let unlisted = "acme/x1.toml:3:10: number-issued: number: 4 is not in numbers.txt; append the line \
                    \"4 acme/x1\" to numbers.txt";
    let remedy = "take 5: no entry has or had it, and a number is never reused; append the line \"5 acme/x2\" \
                  to numbers.txt";
    let twice = format!(
        "acme/x2.toml:3:10: number-taken: number: 4 is the number of acme/x1, which is new too and comes \
         first by name; {remedy}"
    );
    assert_eq!(all(&folder), [unlisted.to_owned(), twice]);
    // With the line of the first, the second is the only one with a finding.
    let list = "1 acme/old\n3 acme/gone\n4 acme/x1\n";
    fs::write(folder.join(source::NUMBERS), list).expect("it can be written");
    let given = "acme/x2.toml:3:10: number-issued: number: 4 was given to acme/x1, by numbers.txt; take 5: no \
                 entry has or had it, and a number is never reused; append the line \"5 acme/x2\" to numbers.txt";
    assert_eq!(all(&folder), [given]);
}

/// A number is permanent, so no finding on the name of a file or on a line of the list asks for another one.
#[test]
fn a_faulty_name_or_line_costs_no_number() {
    let of = |test: &str, name: &str, list: &str| {
        let (folder, _) = sources(test, "2", Some(list));
        let to = folder.join(name);
        fs::create_dir_all(to.parent().expect("a folder")).expect("it is the test's own");
        fs::rename(folder.join("acme/x1.toml"), to).expect("it is there");
        let read = source::read(&folder).expect("it can be read");
        let found = folder::check_all(read, Scope::now(None)).err();
        let found = found.unwrap_or_default();
        found.iter().map(|one| one.rule.code()).collect::<Vec<_>>()
    };
    assert_eq!(of("name-right", "acme/x1.toml", LIST), [""; 0]);
    for (test, name) in [
        ("name-capital", "acme/X1.toml"),
        ("name-mark", "acme/x_1.toml"),
        ("name-deep", "acme/more/x1.toml"),
    ] {
        assert_eq!(of(test, name, LIST), ["file-name"], "{name}");
    }
    // Another right name is that of another entry.
    assert_eq!(of("name-other", "acme/x2.toml", LIST), ["number-issued"]);
    for (test, line) in [
        ("line-spaces", "2  acme/x1"),
        ("line-colon", "2: acme/x1"),
        ("line-zero", "02 acme/x1"),
        ("line-name", "2 acme/X1"),
    ] {
        let list = LIST.replace("2 acme/x1", line);
        assert_eq!(of(test, "acme/x1.toml", &list), ["number-list"], "{line}");
    }
    let other = LIST.replace("2 acme/x1", "12: acme/x12");
    assert_eq!(
        of("line-other", "acme/x1.toml", &other),
        ["number-issued", "number-list"]
    );
}
