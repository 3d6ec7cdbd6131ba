// SPDX-License-Identifier: GPL-2.0-only

//! Every fault that an entry's file can have, with the words of its finding.
//!
//! Each file in `rejected/` has one kind of fault, and ends with its findings, one per line: `#
//! expect: LINE:COLUMN: RULE: FIELD: PROBLEM; HELP`. It is checked together with the folder
//! `accepted/`.

mod common;

use std::{collections::BTreeSet, env, fs};

use quirk_data::{
    edition::Edition,
    folder::{self, Scope},
    rule::Rule,
    source::DataFile,
};
use toml::value::Date;

use common::{accepted, rejected, tests};

/// A scope with a fixed date.
fn scope(edition: Option<Edition>) -> Scope {
    let today = Date {
        year: 2026,
        month: 3,
        day: 1,
    };
    Scope {
        edition,
        kernel: None,
        today,
    }
}

fn expected(file: &DataFile) -> Vec<String> {
    let lines = file.text.lines();
    let expected = lines.filter_map(|line| line.strip_prefix("# expect: "));
    expected
        .map(|rest| format!("{}:{rest}", file.path.display()))
        .collect()
}

/// Writes the findings into the file as the expected ones, with `ACS_QUIRKS_BLESS=1`, after a
/// change of messages. Read the difference before you commit it.
fn bless(file: &DataFile, found: &[String]) {
    let kept = file
        .text
        .lines()
        .filter(|line| !line.starts_with("# expect: "));
    let path = format!("{}:", file.path.display());
    let found = found.iter().filter_map(|line| line.strip_prefix(&path));
    let lines: Vec<_> = kept
        .map(str::to_owned)
        .chain(found.map(|line| format!("# expect: {line}")))
        .collect();
    fs::write(&file.path, lines.join("\n") + "\n").expect("the tree is writable");
}

/// The findings for these files, as printed.
fn findings(files: &[DataFile], edition: Edition) -> Vec<String> {
    let findings = folder::check(files, scope(Some(edition)))
        .err()
        .unwrap_or_default();
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn the_accepted_files_have_no_fault() {
    for edition in [Edition::Validated, Edition::Candidate] {
        assert_eq!(findings(&accepted(), edition), [""; 0]);
    }
}

#[test]
fn what_the_data_cannot_tell_is_kept() {
    let entries = folder::check(&accepted(), scope(None)).expect("they have no fault");
    let mainline = entries.iter().filter_map(|entry| entry.mainline.as_ref());
    let whys: Vec<_> = mainline
        .filter_map(|one| one.not_expressed.as_deref())
        .collect();
    assert_eq!(whys, ["A register in memory decides."]);
}

#[test]
fn each_rejected_file_gets_its_findings_and_no_others() {
    for file in rejected() {
        let expected = expected(&file);
        assert!(
            !expected.is_empty(),
            "{} expects nothing",
            file.path.display()
        );
        let mut files = accepted();
        files.push(file.clone());
        let found = findings(&files, Edition::Validated);
        if env::var_os("ACS_QUIRKS_BLESS").is_some() {
            bless(&file, &found);
        } else {
            assert_eq!(found, expected);
        }
    }
}

/// Every rule is violated by a file, and every file violates a rule.
#[test]
fn each_rule_is_broken_by_some_file() {
    let codes: BTreeSet<_> = rejected()
        .iter()
        .flat_map(expected)
        .map(|line| {
            let code = line.split(": ").nth(1);
            code.expect("LINE:COLUMN: RULE").to_owned()
        })
        .collect();
    let elsewhere = [
        // `sources.rs` tests these, which the contents of a file cannot show.
        Rule::FileKind,
        Rule::FileSize,
        Rule::FileEncoding,
        // `sources.rs` also tests this, which is on captures that no file names.
        Rule::CaptureOrphan,
        // `numbers.rs` and `kernels.rs` test these, which concern other files of the folder.
        Rule::NumberIssued,
        Rule::NumberList,
        Rule::MainlineAgrees,
        Rule::KernelList,
    ];
    let unbroken: Vec<_> = Rule::ALL
        .iter()
        .filter(|rule| !elsewhere.contains(rule) && !codes.contains(rule.code()))
        .collect();
    assert!(unbroken.is_empty(), "{unbroken:?}");
    for (at, rule) in Rule::ALL.iter().enumerate() {
        let again = Rule::ALL[at + 1..]
            .iter()
            .any(|other| other.code() == rule.code());
        assert!(!again, "{rule} is the code of two rules");
    }
}

/// One run reports everything: the faults of one file do not hide those of another.
#[test]
fn the_findings_on_all_files_come_in_one_run_sorted_by_file() {
    let files = rejected();
    // Those two kinds need the accepted files.
    let is_alone = |file: &&DataFile| !["overlap", "taken"].iter().any(|at| file.name.contains(at));
    // So do the rules that name another entry.
    let is_first = |line: &String| {
        ![
            ": statement-unclaimed: ",
            ": replaced: ",
            ": refused: expect",
        ]
        .iter()
        .any(|at| line.contains(at))
    };
    let lines = files.iter().filter(is_alone).flat_map(expected);
    let expected: Vec<_> = lines.filter(is_first).collect();
    let found = folder::check(&files, scope(Some(Edition::Validated))).expect_err("all are faulty");
    let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
    let missing: Vec<_> = expected.iter().filter(|one| !texts.contains(one)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(found.is_sorted());
}

#[test]
fn entries_for_real_devices_have_no_place_in_the_test_edition() {
    let files = accepted();
    let found = findings(&files, Edition::Test);
    assert_eq!(found.len(), files.len());
    for finding in found {
        let problem = "has no place in the data of the edition \"test\"";
        assert!(finding.contains(problem), "{finding}");
    }
}

#[test]
fn a_file_belongs_in_the_folder_of_a_vendor() {
    for name in [
        "nic",
        "a/b/nic",
        "Acme/nic",
        "acme/n_ic",
        "acme/",
        "/nic",
        "acme/n\u{e9}",
    ] {
        let mut file = accepted().remove(0);
        name.clone_into(&mut file.name);
        let found = findings(&[file], Edition::Validated);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert!(
            found[0].contains("is not of the form vendor/family"),
            "{name}"
        );
    }
}

/// A handler that ignores the PCIe type answers for functions of any kind.
#[test]
fn a_kind_does_not_tell_a_claim_from_a_handler_for_any_type() {
    let entry = |number: u16, more: &str| DataFile {
        path: format!("acme/e{number}.toml").into(),
        name: format!("acme/e{number}"),
        text: format!(
            "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = {number}\nacs = [\"SV\"]\n{more}"
        ),
        built_in: false,
    };
    let matched = "[[match]]\nvendor = \"acee\"\ndevices = [\"0500\"]\n";
    let claim = format!("status = \"candidate\"\nreason = \"x\"\nkind = \"rciep\"\n{matched}");
    for (any_type, expected) in [(false, 0), (true, 1)] {
        let mainline = format!(
            "status = \"mainline\"\nname = \"x\"\nkind = \"root-port\"\n{matched}\
             [mainline]\nsince = \"v5.8\"\nhandler = \"pci_quirk_x\"\nany-type = {any_type}\n\
             [evidence]\nstatement = \"x\"\nstated-by = \"x\"\nsources = [\"https://example.org/x\"]\n"
        );
        let files = [entry(1, &mainline), entry(2, &claim)];
        let found = findings(&files, Edition::Validated);
        assert_eq!(found.len(), expected, "{found:?}");
        assert!(
            found.iter().all(|one| one.contains(": in-mainline: ")),
            "{found:?}"
        );
    }
}

/// The rules that an entry of this status with these `[[match]]` sections violates.
fn violated(status: &str, matches: &[(&str, &str)]) -> Vec<&'static str> {
    let matches = matches.iter().map(|(vendor, devices)| {
        format!("[[match]]\nvendor = \"{vendor}\"\ndevices = [{devices}]\n")
    });
    of_adapter(status, &matches.collect::<String>())
}

/// The rules that an entry of this status for an adapter violates, with these lines behind its flags.
fn of_adapter(status: &str, rest: &str) -> Vec<&'static str> {
    let file = DataFile {
        path: "acme/e20.toml".into(),
        name: "acme/e20".to_owned(),
        text: format!(
            "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 20\nstatus = \"{status}\"\n\
             reason = \"So.\"\nkind = \"mf-endpoint\"\nacs = [\"SV\"]\n{rest}"
        ),
        built_in: false,
    };
    let found = folder::check(&[file], scope(None))
        .err()
        .unwrap_or_default();
    found.iter().map(|one| one.rule.code()).collect()
}

/// As many ids as a claim can have, in the widest ranges, and a range of another vendor that goes on
/// where one ends. Controls: one id more, at each place.
#[test]
fn a_claim_has_a_largest_width() {
    let sound = [
        "\"1000-103f\", \"1041-1080\"",
        "\"1081-10c0\", \"10c2-1101\"",
    ];
    let of = |status, [one, other]: [&str; 2]| violated(status, &[("acea", one), ("aceb", other)]);
    assert_eq!(of("candidate", sound), [""; 0]);
    for wide in [
        ["\"1000-1040\"", "\"1081\""],
        ["\"1000-103f\", \"1040\"", "\"1081\""],
        ["\"1000-1020\", \"1021-1040\"", "\"1081\""],
        [
            "\"1000-103f\", \"1041-1080\"",
            "\"1081-10c0\", \"10c2-1101\", \"1103\"",
        ],
    ] {
        assert_eq!(of("candidate", wide), ["id-wide"], "{wide:?}");
        assert_eq!(of("rejected", wide), [""; 0], "{wide:?}");
    }
}

/// The rules that a candidate violates, with these lines before its `[[match]]`, in it and behind it.
fn of_candidate(top: &str, in_match: &str, behind: &str) -> Vec<&'static str> {
    let section = format!("[[match]]\nvendor = \"acee\"\n{in_match}");
    of_adapter("candidate", &format!("{top}\n{section}\n{behind}\n"))
}

/// The last value on each side of a limit.
#[test]
fn a_limit_includes_its_last_value() {
    let devices = "devices = [\"0500\"]";
    let dated = |date: &str| {
        let evidence = format!(
            "[evidence]\nstatement = \"They are apart.\"\nstated-by = \"Jo\"\ndate = {date}\n\
             sources = [\"https://example.org/x\"]"
        );
        of_candidate("", devices, &evidence)
    };
    for (date, rules) in [
        ("2002-07-21", &["date-early"][..]),
        ("2002-07-22", &[]),
        ("2026-03-01", &[]),
        ("2026-03-02", &["date-future"]),
    ] {
        assert_eq!(dated(date), rules, "{date}");
    }
    for (length, rules) in [(52, &[][..]), (53, &["text-kernel"])] {
        let name = format!("name = \"{}\"", "x".repeat(length));
        assert_eq!(of_candidate(&name, devices, ""), rules, "{length}");
    }
    for (in_match, rules) in [
        ("devices = [\"0500-0500\"]", &[][..]),
        ("devices = [\"0501-0500\"]", &["range-order"]),
        ("devices = [\"0500\"]\nrevisions = \"03-03\"", &[]),
        ("devices = [\"0500\"]\nrevisions = \"00-fe\"", &[]),
        ("devices = [\"0500\"]\nrevisions = \"01-ff\"", &[]),
        (
            "devices = [\"0500\"]\nrevisions = \"00-ff\"",
            &["key-unneeded"],
        ),
        ("devices = [\"0500\"]\nclass = \"0603\"", &[]),
        (
            "devices = [\"0500\"]\nclass = \"0604\"",
            &["limits-of-kind"],
        ),
        (
            "devices = [\"0500\"]\nclass = \"060400\"",
            &["limits-of-kind"],
        ),
    ] {
        assert_eq!(of_candidate("", in_match, ""), rules, "{in_match}");
    }
    let read = |at: &str, offset: u16, width: u8| {
        let digits = usize::from(width / 4);
        let condition = format!(
            "[[condition]]\nat = \"{at}\"\noffset = {offset}\nwidth = {width}\nmask = \"0x{0:0>1$}\"\n\
             value = \"0x{0:0>1$}\"\nabout = \"It is set.\"",
            "1", digits
        );
        of_candidate("", devices, &condition)
    };
    for (at, offset, width, rules) in [
        ("config", 0x3c, 32, &["register-header"][..]),
        ("config", 0x40, 32, &[]),
        ("config", 0xffc, 32, &[]),
        ("config", 0xfff, 8, &[]),
        ("config", 0xffe, 32, &["register-place"]),
        ("config", 0x41, 16, &["register-place"]),
        ("config", 0x1000, 8, &["register-place"]),
        ("capability:09", 0x00, 16, &["register-header"]),
        ("capability:09", 0x02, 16, &[]),
        ("extended:000b", 0x00, 32, &["register-header"]),
        ("extended:000b", 0x04, 32, &[]),
    ] {
        assert_eq!(
            read(at, offset, width),
            rules,
            "{at} + {offset:#x}, {width}"
        );
    }
}

/// Every port of the bus may decide on the groups of ports, also one with ACS. Control: an endpoint.
#[test]
fn a_port_beside_ports_belongs_into_a_capture() {
    let of = |capture: &str, kind: &str| {
        let file = DataFile {
            path: tests().join("rejected/e20.toml"),
            name: "acme/e20".to_owned(),
            text: format!(
                "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 20\nstatus = \"candidate\"\n\
                 reason = \"So.\"\nkind = \"{kind}\"\nacs = [\"SV\", \"RR\", \"CR\", \"UF\"]\n\
                 [[match]]\nvendor = \"acee\"\ndevices = [\"0900\", \"0901\"]\n\
                 [[expect]]\ncapture = \"{capture}\"\nbefore = [[\"0000:00:00.0\"]]\n\
                 after = [[\"0000:00:00.0\"]]\n"
            ),
            built_in: false,
        };
        let found = folder::check(&[file], scope(None)).expect_err("other groups");
        let mut rules = found.iter().map(|one| one.rule);
        rules.any(|rule| rule == Rule::CaptureBeyond)
    };
    assert!(!of("port-with-acs-beside.json", "root-port"));
    assert!(of("beside-on-root-bus.json", "mf-endpoint"));
}

/// A refusal may list what no claim can have.
#[test]
fn a_refusal_may_list_what_a_claim_may_not() {
    for (devices, rule) in [("\"9120\"", "id-aliased"), ("\"any\"", "id-any")] {
        let of = |status| violated(status, &[("1b4b", devices)]);
        assert!(of("candidate").contains(&rule), "{rule}");
        assert_eq!(of("rejected"), [""; 0], "{rule}");
        assert_eq!(of("withdrawn"), [""; 0], "{rule}");
    }
    // Of a vendor for which a handler of the kernel answers no.
    let of = |status| violated(status, &[("8088", "\"0200\"")]);
    assert_eq!(of("candidate"), ["supersedes-missing"]);
    assert_eq!(of("rejected"), [""; 0]);
}

/// Damage of any kind ends in findings or in other data, never in a panic.
#[test]
fn damaged_files_are_never_a_panic() {
    let mut random = fastrand::Rng::with_seed(2014);
    for sound in accepted() {
        let mut damaged = sound.clone();
        for at in 0..sound.text.len() {
            // Groups of captured machines take long to compute, and are not for built-in files.
            damaged.built_in = at % 64 != 0;
            sound.text[..at].clone_into(&mut damaged.text);
            let _ = folder::check(std::slice::from_ref(&damaged), scope(None));

            let mut bytes = sound.text.clone().into_bytes();
            bytes[at] = *random.choice(b"\"[]=-#\n0fF .'\\").expect("not empty");
            damaged.text = String::from_utf8(bytes).expect("all of it is ASCII");
            let _ = folder::check(std::slice::from_ref(&damaged), scope(None));
        }
    }
}
