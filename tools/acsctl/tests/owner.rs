// SPDX-License-Identifier: GPL-2.0-only

//! The commands for owners on the command line: output and exit status.

mod common;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use jsonschema::Validator;
use serde_json::Value;

use common::{root, scratch, tests};

fn acsctl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_acsctl"))
        .args(arguments)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("the command starts")
}

fn path(path: &Path) -> String {
    path.to_str().expect("it is text").to_owned()
}

fn machine(name: &str) -> String {
    path(
        &root()
            .join("tests/topologies")
            .join(name)
            .with_extension("json"),
    )
}

fn acme() -> String {
    path(&tests().join("accepted/acme/nic.capture.json"))
}

fn printed(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout.clone()).expect("it is text")
}

#[track_caller]
fn assert_fails(output: &Output, status: i32, message: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(text.contains(message), "{text}");
}

/// The recorded machines of the source tree.
fn recorded() -> Vec<String> {
    let folder = fs::read_dir(root().join("tests/topologies")).expect("it is there");
    let paths = folder.map(|entry| entry.expect("it can be read").path());
    let is_json = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    paths.filter(is_json).map(|found| path(&found)).collect()
}

fn schema() -> Validator {
    let file = root().join("Documentation/acsctl.schema.json");
    let text = fs::read_to_string(file).expect("it is published");
    let schema = serde_json::from_str(&text).expect("it is JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("it is a JSON Schema");
    jsonschema::validator_for(&schema).expect("it is a JSON Schema")
}

/// The JSON output matches the published schema.
#[test]
fn json_is_as_the_schema_has_it() {
    let schema = schema();
    let check = |arguments: &[&str]| -> Value {
        let output = acsctl(arguments);
        let text = String::from_utf8(output.stdout).expect("it is text");
        let value: Value = serde_json::from_str(&text).expect("it is JSON");
        let faults: Vec<_> = schema
            .iter_errors(&value)
            .map(|it| it.to_string())
            .collect();
        assert!(faults.is_empty(), "{arguments:?}: {faults:#?}");
        value
    };
    for machine in recorded() {
        let of = ["--format", "json", "--topology", &machine];
        let all = check(&[&["groups"], &of[..]].concat());
        check(&[&["predict"], &of[..]].concat());
        let groups = all["groups"].as_array().expect("they are a list");
        let shared = groups
            .iter()
            .filter(|group| group["members"][1].is_object());
        for group in shared.chain(&groups[..1]) {
            let first = group["members"][0]["function"]
                .as_str()
                .expect("it is text");
            check(&[&["why", first], &of[..]].concat());
        }
    }
    // The control.
    let mut wrong = check(&["predict", "--format", "json", "--topology", &acme()]);
    wrong["groups"] = "all".into();
    assert!(!schema.is_valid(&wrong));
}

#[test]
fn the_published_schema_is_current() {
    let file = root().join("Documentation/acsctl.schema.json");
    let published = fs::read_to_string(file).expect("it is there");
    assert_eq!(printed(&acsctl(&["schema"])), published);
}

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
fn groups_are_filtered_as_by_lspci() {
    let machine = machine("lambda-lambda-vector-0d658f");
    let count = |more: &[&str]| -> usize {
        let arguments = [
            &["groups", "--format", "json", "--topology", &machine],
            more,
        ]
        .concat();
        let listing: Value =
            serde_json::from_str(&printed(&acsctl(&arguments))).expect("it is JSON");
        listing["groups"].as_array().map_or(0, Vec::len)
    };
    let all = count(&[]);
    assert_eq!(all, 74);
    assert_eq!(count(&["-s", "2c:00.1"]), 1);
    assert_eq!(count(&["-s", "0000:2c:"]), 1);
    assert_eq!(
        count(&["-d", "1022:149c"]),
        count(&["-d", "1022:149c:0c03"])
    );
    assert!(count(&["-d", "1022:"]) < all);
    assert_eq!(count(&["-d", "::0300"]), count(&["-c", "0300"]));
    assert!(count(&["-c", "03"]) >= count(&["-c", "0300"]));
    let none = acsctl(&["groups", "--topology", &machine, "-s", "99:"]);
    assert_fails(&none, 1, "no function matches");
    for (option, value) in [
        ("-s", "zz:00.0"),
        ("-d", "8086"),
        ("-c", "3"),
        ("-s", "00:20.0"),
    ] {
        let wrong = acsctl(&["groups", "--topology", &machine, option, value]);
        assert_fails(&wrong, 2, "write");
    }
}

#[test]
fn shared_groups_are_those_of_several_functions() {
    let shared = |name: &str, more: &[&str]| {
        let machine = machine(name);
        acsctl(&[&["groups", "--topology", &machine, "--shared"], more].concat())
    };
    let text = printed(&shared("acer-predator-helios-neo-16-2f04d2", &[]));
    assert!(
        text.contains("0000:00:0e.0") && text.contains("10000:e1:00.0"),
        "{text}"
    );
    assert_eq!(text.matches("4 devices").count(), 1, "{text}");
    assert!(!text.contains('\u{1b}'), "colours are for terminals");
    // A group with functions of only one device: USB behind a port of the chipset, which the host
    // keeps.
    let desktop = "lambda-lambda-vector-0d658f";
    let text = printed(&shared(desktop, &["-s", "2c:00.1"]));
    assert!(text.contains("group 46\n"), "{text}");
    // The controls: functions that have groups of their own, and bridges.
    for slot in ["25:00.1", "22:07.1"] {
        let none = shared(desktop, &["-s", slot]);
        assert_fails(&none, 1, "no matching function shares its group");
    }
    let none = acsctl(&["groups", "--shared", "--topology", &alone()]);
    assert_fails(&none, 1, "no group has more than one function");
}

/// A machine on which each function has its own group.
fn alone() -> String {
    let file = scratch("alone").join("alone.txt");
    let text = "0000:00:01.0 Ethernet controller [0200]: Intel Corporation 82574L [8086:10d3]\n\
                \tCapabilities: [e0] Express (v1) Root Complex Integrated Endpoint, MSI 00\n";
    fs::write(&file, text).expect("it can be written");
    path(&file)
}

#[test]
fn the_tree_shows_each_function_once_below_its_bridge() {
    for machine in recorded() {
        let text = printed(&acsctl(&["groups", "--tree", "--topology", &machine]));
        let json = fs::read_to_string(&machine).expect("it is there");
        let json: Value = serde_json::from_str(&json).expect("it is JSON");
        let functions = json["functions"].as_array().expect("it is a list");
        for function in functions {
            let bdf = function["bdf"].as_str().expect("it is text");
            let lines = text
                .lines()
                .filter(|line| line.contains(&format!("\u{2500} {bdf} ")));
            assert_eq!(lines.count(), 1, "{machine}: {bdf}");
        }
    }
}

#[test]
fn the_picture_is_xml_and_has_each_function() {
    let folder = scratch("svg");
    let file = folder.join("groups.svg");
    for machine in recorded() {
        printed(&acsctl(&[
            "groups",
            "--topology",
            &machine,
            "--svg",
            &path(&file),
        ]));
        let svg = fs::read_to_string(&file).expect("it is written");
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
        // Device names contain ampersands and angle brackets.
        let bare = svg.split('&').skip(1);
        for rest in bare {
            let entity = rest.split(';').next().unwrap_or_default();
            assert!(
                matches!(entity, "amp" | "lt" | "gt" | "quot" | "apos" | "#39"),
                "&{entity}"
            );
        }
        let json = fs::read_to_string(&machine).expect("it is there");
        let json: Value = serde_json::from_str(&json).expect("it is JSON");
        for function in json["functions"].as_array().expect("it is a list") {
            let bdf = function["bdf"].as_str().expect("it is text");
            assert!(svg.contains(bdf), "{machine}: {bdf}");
        }
    }
}

/// A host with two functions behind a port, one of them bound to VFIO.
fn host(name: &str) -> PathBuf {
    let root = scratch(name);
    let write = |file: &str, content: &[u8]| {
        let file = root.join(file);
        fs::create_dir_all(file.parent().expect("it has one")).expect("it can be made");
        fs::write(file, content).expect("it can be written");
    };
    write("proc/sys/kernel/osrelease", b"7.3.4+deb13-amd64\n");
    write("proc/cmdline", b"quiet\n");
    fs::create_dir_all(root.join("sys/bus/pci/devices")).expect("it can be made");
    let port: [u8; 64] = {
        let mut bytes = [0; 64];
        bytes[..4].copy_from_slice(&[0x34, 0x12, 0x01, 0x00]);
        bytes[0x0e] = 1;
        bytes[0x18..0x1b].copy_from_slice(&[0, 1, 1]);
        bytes
    };
    let mut card = [0; 64];
    card[..4].copy_from_slice(&[0x34, 0x12, 0x02, 0x00]);
    card[0x0e] = 0x80;
    for (bdf, config, driver) in [
        ("0000:00:01.0", port, "pcieport"),
        ("0000:01:00.0", card, "vfio-pci"),
        ("0000:01:00.1", card, "e1000e"),
    ] {
        let folder = format!("sys/devices/{bdf}");
        write(&format!("{folder}/vendor"), b"0x1234\n");
        write(&format!("{folder}/device"), b"0x0001\n");
        write(&format!("{folder}/class"), b"0x020000\n");
        write(&format!("{folder}/revision"), b"0x01\n");
        write(&format!("{folder}/config"), &config);
        let link = |target: &str, name: &str| {
            symlink(target, root.join(&folder).join(name)).expect("it can be made");
        };
        link("../../kernel/iommu_groups/7", "iommu_group");
        link(&format!("../../bus/pci/drivers/{driver}"), "driver");
        let place = root.join("sys/bus/pci/devices").join(bdf);
        symlink(format!("../../../devices/{bdf}"), place).expect("it can be made");
    }
    root
}

#[test]
fn drivers_and_vfio_are_told_of_a_host() {
    let root = host("host");
    let of = path(&root);
    let text = printed(&acsctl(&["groups", "--root", &of]));
    assert!(
        text.contains("group 7  not viable for VFIO: the host drives 0000:01:00.1"),
        "{text}"
    );
    assert!(text.contains("driver vfio-pci"), "{text}");
    // With the other function unbound, nothing blocks the group, because ports do not.
    let driver = root.join("sys/devices/0000:01:00.1/driver");
    fs::remove_file(driver).expect("it is there");
    let text = printed(&acsctl(&["groups", "--root", &of]));
    assert!(text.contains("group 7  ready for VFIO"), "{text}");
}

#[test]
fn a_capture_is_what_other_commands_read() {
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
fn lines_are_as_long_as_the_terminal_says() {
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
fn why_says_of_a_function_in_no_group_that_it_is_in_none() {
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
    let text = printed(&acsctl(&["why", "--topology", &alone(), "00:01.0"]));
    assert!(
        text.contains("The groups that this machine's kernel made are not known"),
        "{text}"
    );
    assert!(text.contains("It would have a group of its own."), "{text}");
}

#[test]
fn why_says_what_is_not_there_or_not_known() {
    let none = acsctl(&["why", "--topology", &acme(), "99:00.0"]);
    assert_fails(&none, 1, "0000:99:00.0: there is no such function");
    let twice = acsctl(&["why", "--topology", &acme(), "01:00.0", "0000:01:00.0"]);
    assert_fails(&twice, 1, "the same function twice");
    for wrong in [
        "one",
        "82:00",
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
    assert_fails(&blind, 1, "the reason is not known; run this as root");
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
    for command in ["groups", "why", "predict", "capture"] {
        let page = folder.join(format!("acsctl-{command}.1"));
        let page = fs::read_to_string(page).expect("it is written");
        assert!(page.contains("Exit status"), "{command}: {page}");
        for shell in ["bash", "zsh", "fish"] {
            let text = printed(&acsctl(&["completions", shell]));
            assert!(text.contains(command), "{shell}: {command}");
        }
    }
}
