// SPDX-License-Identifier: GPL-2.0-only

//! The other commands for owners on the command line: output and exit status.

mod common;

use std::{fs, process::Command};

use serde_json::Value;

use common::{
    command::{acme, acsctl, alone, assert_fails, host, machine, path, printed, recorded},
    root, scratch, tests,
};

/// The command predicts, for every recorded machine, the groups that its kernel made.
#[test]
fn predictions_equal_what_was_recorded() {
    for machine in recorded() {
        let output = acsctl(&["predict", "--format", "json", "--topology", &machine]);
        let report: Value = serde_json::from_str(&printed(&output)).expect("it is JSON");
        assert_eq!(report["differences"], Value::Array(Vec::new()), "{machine}");
        let mut sorted = report["groups"].as_array().expect("it is a list").clone();
        sorted.sort_by_key(|group| group[0].to_string());
        let same_domain = sorted
            .iter()
            .all(|group| group[0].as_str().is_some_and(|it| it.len() == 12));
        if same_domain {
            assert_eq!(report["groups"].as_array(), Some(&sorted), "{machine}");
        }
    }
}

#[test]
fn predict_with_an_entry_splits_and_alone_does_not() {
    let quirks = path(&tests().join("accepted"));
    let groups = |more: &[&str]| -> usize {
        let capture = acme();
        let arguments = [
            &["predict", "--format", "json", "--topology", &capture],
            more,
        ]
        .concat();
        let report: Value =
            serde_json::from_str(&printed(&acsctl(&arguments))).expect("it is JSON");
        report["groups"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(groups(&[]), 2);
    assert_eq!(groups(&["--alone"]), 2);
    assert_eq!(groups(&["--installed"]), 2);
    assert_eq!(groups(&["--installed", "--quirks", &quirks]), 3);
    // A file outside the database, and one inside.
    let file = path(&tests().join("accepted/acme/nic.toml"));
    let text = fs::read_to_string(&file).expect("it is there");
    // A number that no entry of the project has.
    let folder = scratch("others").join("acme");
    fs::create_dir_all(&folder).expect("it can be made");
    let new = path(&folder.join("nic.toml"));
    fs::write(&new, text.replace("number = 10", "number = 4000")).expect("it can be written");
    fs::copy(acme(), folder.join("nic.capture.json")).expect("it can be written");
    assert_eq!(groups(&["--with", &new]), 3);
    assert_eq!(groups(&["--with", &file, "--quirks", &quirks]), 3);
    assert_eq!(groups(&["--with", "acme/nic", "--quirks", &quirks]), 3);
    let fails = |entry: &str, message: &str| {
        let capture = acme();
        let output = acsctl(&["predict", "--topology", &capture, "--with", entry]);
        assert_fails(&output, 1, message);
    };
    fails("acme/none", "no file or entry \"acme/none\"");
    fails(
        "qlogic/8030-cna",
        "no module can have the entry qlogic/8030-cna (status rejected)",
    );
    let broken = path(&tests().join("rejected/kind-unknown.toml"));
    fails(&broken, "findings: ");
}

#[test]
fn other_commands_read_a_capture() {
    let root = host("capture");
    let file = path(&root.join("here.json"));
    let text = printed(&acsctl(&["capture", "--root", &path(&root), "-o", &file]));
    assert!(
        text.contains("functions 3; contains no serial numbers or names"),
        "{text}"
    );
    let capture = fs::read_to_string(&file).expect("it is written");
    assert!(!capture.contains("deb13"), "{capture}");
    printed(&acsctl(&["groups", "--topology", &file]));
    assert_eq!(printed(&acsctl(&["capture", "--topology", &file])), capture);
    let none = acsctl(&["capture", "--root", "/nowhere"]);
    assert_fails(&none, 2, "/nowhere/sys/bus/pci/devices: cannot be read");
}

#[test]
fn lspci_text_is_a_machine_too() {
    let file = path(&root().join("tools/topology/tests/lspci/verbose.txt"));
    let text = printed(&acsctl(&["predict", "--topology", &file]));
    assert!(
        text.contains("0000:00:01.0 0000:01:00.0 0000:01:02.0 0000:01:02.2\n"),
        "{text}"
    );
    let why = acsctl(&["why", "--topology", &file, "01:00.0"]);
    assert!(printed(&why).contains("requests from below 0000:00:01.0"));
}

/// A diagram or a capture can be piped to another program.
#[test]
fn a_dash_is_the_standard_output() {
    let folder = scratch("dash");
    let at = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_acsctl"));
        let output = command.args(arguments).current_dir(&folder).output();
        printed(&output.expect("the command starts"))
    };
    let svg = at(&["groups", "--topology", &acme(), "--svg", "-"]);
    assert!(svg.starts_with("<svg "), "{svg}");
    let capture = at(&["capture", "--topology", &acme(), "-o", "-"]);
    assert!(capture.starts_with('{'), "{capture}");
    let left = fs::read_dir(&folder).expect("it is there").count();
    assert_eq!(left, 0, "a file of that name is written");
}

#[test]
fn text_is_wrapped_at_the_terminal_width() {
    let longest = |columns: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_acsctl"));
        command.env("COLUMNS", columns);
        let output = command
            .args(["why", "--topology", &acme(), "01:00.0"])
            .output();
        let text = printed(&output.expect("the command starts"));
        // The names of members are not wrapped.
        let lines = text
            .lines()
            .filter(|line| line.starts_with("  * ") || line.starts_with("     "));
        lines.map(|line| line.chars().count()).max()
    };
    let (least, narrow, wide) = (longest("1"), longest("72"), longest("1000"));
    assert!(least < narrow && narrow <= Some(72), "{least:?} {narrow:?}");
    assert!(narrow < wide && wide <= Some(100), "{narrow:?} {wide:?}");
    for wrong in ["", "0", "-1", "wide", "99999999999999999999999"] {
        assert_eq!(longest(wrong), wide, "{wrong}");
    }
}

#[test]
fn why_explains_a_function_in_no_group() {
    // An IOMMU, on a machine whose other functions are in groups.
    let lambda = machine("lambda-lambda-vector-0d658f");
    let text = printed(&acsctl(&["why", "--topology", &lambda, "00:00.2"]));
    assert!(text.contains("0000:00:00.2 is in no IOMMU group"), "{text}");
    assert!(!text.contains("It has a group of its own"), "{text}");
    let text = printed(&acsctl(&[
        "why",
        "--topology",
        &lambda,
        "00:00.2",
        "2c:00.1",
    ]));
    assert!(text.contains("0000:00:00.2 is in no IOMMU group"), "{text}");
    assert!(
        text.contains("They would be in different groups."),
        "{text}"
    );
    // The control.
    let text = printed(&acsctl(&["why", "--topology", &lambda, "25:00.0"]));
    assert!(!text.contains("is in no IOMMU group"), "{text}");
    assert!(text.contains("It has a group of its own."), "{text}");
    // No IOMMU at all.
    let text = printed(&acsctl(&[
        "why",
        "--topology",
        &alone(&scratch("owner-alone")),
        "00:01.0",
    ]));
    assert!(
        text.contains("The groups that this machine's kernel made are not known"),
        "{text}"
    );
    assert!(text.contains("It would have a group of its own."), "{text}");
}

#[test]
fn why_reports_missing_and_unknown_functions() {
    let none = acsctl(&["why", "--topology", &acme(), "99:00.0"]);
    assert_fails(&none, 1, "0000:99:00.0: there is no such function");
    let twice = acsctl(&["why", "--topology", &acme(), "01:00.0", "0000:01:00.0"]);
    assert_fails(&twice, 1, "the same function twice");
    for wrong in [
        "one",
        "82",
        "82:00.8",
        "0000:82:00.0.0",
        "82:20.0",
        "0x82:00.0",
        "",
    ] {
        let output = acsctl(&["why", "--topology", &acme(), wrong]);
        assert_fails(&output, 2, &format!("\"{wrong}\" is not an address"));
    }
    let root = host("blind");
    let bytes = fs::read(root.join("sys/devices/0000:01:00.0/config")).expect("it is there");
    let mut bytes = bytes;
    // The function has capabilities, but outside the 64 bytes that every user can read.
    (bytes[0x06], bytes[0x34]) = (0x10, 0x40);
    fs::write(root.join("sys/devices/0000:01:00.0/config"), bytes).expect("it can be written");
    let blind = acsctl(&["why", "--root", &path(&root), "01:00.0"]);
    assert_fails(&blind, 1, "run this as root");
    let text = String::from_utf8_lossy(&blind.stdout);
    assert!(
        text.contains("The kernel put it into one group with"),
        "{text}"
    );
}

#[test]
fn pages_and_completions_are_made_for_every_command() {
    let folder = scratch("man");
    printed(&acsctl(&["man", "--out", &path(&folder)]));
    for command in ["groups", "why", "plan", "predict", "capture"] {
        let page = folder.join(format!("acsctl-{command}.1"));
        let page = fs::read_to_string(page).expect("it is written");
        assert!(page.contains("Exit status"), "{command}: {page}");
        for shell in ["bash", "zsh", "fish"] {
            let text = printed(&acsctl(&["completions", shell]));
            assert!(text.contains(command), "{shell}: {command}");
        }
    }
}
