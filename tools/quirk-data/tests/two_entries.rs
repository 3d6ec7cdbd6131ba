// SPDX-License-Identifier: GPL-2.0-only

//! Findings on two entries: which of the two gets the finding, and what a statement against isolation
//! of every device of a vendor stands against.

mod common;

use quirk_data::{
    edition::Edition,
    folder::{self, Scope},
    source::{self, DataFile},
};

use common::root;

/// An entry for 10de:0a01 with these differences, each a line and what takes its place.
fn entry(name: &str, differences: &[(&str, &str)]) -> DataFile {
    let mut text = "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 901\nstatus = \"candidate\"\n\
                    kind = \"mf-endpoint\"\nacs = [\"SV\", \"RR\", \"CR\", \"UF\"]\nreason = \"asked for\"\n[[match]]\n\
                    vendor = \"10de\"\ndevices = [\"0a01\"]\n"
        .to_owned();
    for (old, new) in differences {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    DataFile {
        path: format!("{name}.toml").into(),
        name: name.to_owned(),
        text,
        built_in: false,
    }
}

/// A statement against isolation of every device of 10de that has these limits.
fn against(limits: &str) -> DataFile {
    let mut against = entry(
        "acme/against",
        &[
            ("number = 901\n", "name = \"Acme adapters\"\n"),
            ("candidate", "not-isolated"),
            ("reason = \"asked for\"\n", ""),
            ("\"0a01\"", "\"any\""),
        ],
    );
    let evidence = "[evidence]\nstatement = \"They reach each other.\"\nstated-by = \"B. Reporter\"\n\
         date = 2026-01-15\nsources = [\"https://example.org/acme/against\"]\n";
    against.text.extend([limits, "\n", evidence]);
    against
}

/// The findings of these files: the name of each file, the rule, the problem and the help.
fn found(files: &[DataFile]) -> Vec<[String; 4]> {
    let found = folder::check(files, Scope::now(Some(Edition::Validated))).err();
    let found = found.into_iter().flatten();
    found
        .map(|one| {
            [
                one.file.display().to_string(),
                one.rule.code().to_owned(),
                one.problem,
                one.help,
            ]
        })
        .collect()
}

/// The files of the database, as somebody who adds an entry has them.
fn database() -> Vec<DataFile> {
    source::read(&root().join("quirks"))
        .expect("it can be read")
        .files
}

/// The only finding, after these files joined the database.
fn beside_database(files: &[DataFile]) -> [String; 4] {
    let mut all = database();
    assert_eq!(found(&all), [[""; 4]; 0]);
    all.extend_from_slice(files);
    let mut found = found(&all);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// The database has the one entry, so the other one is later, whatever its name and number.
#[test]
fn an_entry_that_the_database_lacks_gets_the_finding() {
    const STATED: &[(&str, &str)] = &[
        ("mf-endpoint", "downstream-port"),
        ("10de", "111d"),
        ("0a01", "80b5"),
    ];
    const CLAIMED: &[(&str, &str)] = &[
        ("mf-endpoint", "root-port"),
        ("10de", "1d17"),
        ("0a01", "0753"),
        (
            "[\"SV\", \"RR\", \"CR\", \"UF\"]",
            "[\"SV\", \"RR\", \"CR\", \"UF\"]\nsupersedes = \"zhaoxin-port\"",
        ),
    ];
    let rejected = [
        CLAIMED[0],
        CLAIMED[1],
        CLAIMED[2],
        ("candidate", "rejected"),
    ];
    let excluding = [
        CLAIMED[0],
        CLAIMED[1],
        CLAIMED[3],
        (
            "[\"0a01\"]",
            "[\"0a01\"]\n[[match.excludes]]\ndevices = [\"0754\"]\nwhy = \"It reaches others.\"",
        ),
    ];
    for (differences, rule) in [
        (STATED, "refused"),
        (CLAIMED, "overlap"),
        (&rejected, "refused"),
        (&excluding, "excluded"),
    ] {
        for name in ["aaa/x1", "zzz/x1"] {
            let [file, found, ..] = beside_database(&[entry(name, differences)]);
            assert_eq!((file, found.as_str()), (format!("{name}.toml"), rule));
        }
    }
}

/// The edited one of two entries of the database is the later one.
#[test]
fn a_changed_entry_gets_the_finding() {
    let mut all = database();
    let changed = all
        .iter_mut()
        .find(|file| file.name == "idt/source-validation");
    let changed = changed.expect("the database has it");
    let section = "[[match]]\nvendor = \"1d17\"\ndevices = [\"0753\"]\n\n[evidence]";
    changed.text = changed.text.replace("[evidence]", section);
    let path = changed.path.display().to_string();
    let found = found(&all);
    let rules: Vec<_> = found
        .iter()
        .map(|[file, rule, ..]| (file, &**rule))
        .collect();
    assert_eq!(rules, [(&path, "refused")]);
}

/// Of two entries that the database lacks, the higher number is the later one. No help replaces a
/// validated entry with a candidate.
#[test]
fn the_higher_number_gets_the_finding() {
    const VALIDATED: (&str, &str) = ("\"candidate\"", "\"validated\"");
    let replace = |old: &str, new: &str| {
        format!(
            "replace {old}: in it, write status = \"withdrawn\", a reason, and replaced-by = \"{new}\""
        )
    };
    for (one, other, help) in [
        (None, None, replace("acme/y1", "acme/x1")),
        (Some(VALIDATED), None, replace("acme/y1", "acme/x1")),
        (
            None,
            Some(VALIDATED),
            "take it out of acme/x1: no candidate replaces a validated entry".to_owned(),
        ),
    ] {
        let one = entry("acme/x1", &one.into_iter().collect::<Vec<_>>());
        let number = ("901", "900");
        let other: Vec<_> = other.into_iter().chain([number]).collect();
        let found = found(&[one, entry("acme/y1", &other)]);
        let mut overlaps = found.iter().filter(|[_, rule, ..]| rule == "overlap");
        let [file, _, _, given] = overlaps.next().expect("both claim the id");
        assert!(given.ends_with(&help), "{given}");
        assert_eq!((file.as_str(), overlaps.next()), ("acme/x1.toml", None));
    }
}

/// A statement against isolation of every device of a vendor stands against a claim of its kind, of its class,
/// which it does not leave out.
#[test]
fn a_statement_on_every_device_stands_against_a_claim() {
    const CLASS: &str = "class = \"0403\"";
    const LEFT_OUT: &str =
        "[[match.excludes]]\ndevices = [\"0a01\"]\nwhy = \"It has another bus.\"";
    const KIND: (&str, &str) = ("mf-endpoint", "rciep");
    let of_class = |class| ("[\"0a01\"]", class);
    let audio = of_class("[\"0a01\"]\nclass = \"0403\"");
    let interface = of_class("[\"0a01\"]\nclass = \"040300\"");
    let network = of_class("[\"0a01\"]\nclass = \"0200\"");
    let wider = of_class("[\"0a01-0a02\"]");
    let none = ("", "");
    for (limits, claim, is_refused) in [
        ("", none, true),
        ("", audio, true),
        ("", KIND, false),
        (LEFT_OUT, none, false),
        (LEFT_OUT, wider, true),
        (CLASS, audio, true),
        (CLASS, interface, true),
        (CLASS, network, false),
        // Only a capture tells the class of the ids.
        (CLASS, none, false),
    ] {
        let found = found(&[entry("acme/x1", &[claim]), against(limits)]);
        let rules: Vec<_> = found
            .iter()
            .map(|[file, rule, ..]| (&**file, &**rule))
            .collect();
        let expected: &[_] = if is_refused {
            &[("acme/x1.toml", "refused")]
        } else {
            &[]
        };
        assert_eq!(rules, expected, "{limits}: {claim:?}: {found:#?}");
    }
    // Control: the database has such a statement.
    let port = [
        ("mf-endpoint", "downstream-port"),
        ("10de", "10b5"),
        ("0a01", "8747"),
    ];
    let [_, _, problem, _] = beside_database(&[entry("acme/x1", &port)]);
    assert!(problem.contains("plx/virtual-switches"), "{problem}");
}
