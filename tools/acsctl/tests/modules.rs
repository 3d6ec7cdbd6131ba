// SPDX-License-Identifier: GPL-2.0-only

//! The commands for owners use what loaded modules report about themselves.

mod common;

use std::{
    fs,
    process::{Command, Output},
};

use common::host::{FakeHost, TABLE};

const MODULE: &str = "acs_quirks_test";

fn acsctl(host: &FakeHost, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acsctl"));
    command.args(arguments).arg("--root").arg(host.path(""));
    command.output().expect("the command starts")
}

fn said(host: &FakeHost, arguments: &[&str]) -> String {
    let output = acsctl(host, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout).expect("it is text")
}

#[track_caller]
fn assert_predicts(host: &FakeHost, is_split: bool, about: &str) {
    let text = said(host, &["predict"]);
    assert!(text.contains(about), "{about}: {text}");
    let differs = "predicted  0000:01:00.0\n  predicted  0000:01:00.1\n";
    assert_eq!(text.contains(differs), is_split, "{text}");
    let same = "The kernel made the same groups.";
    assert_eq!(text.contains(same), !is_split, "{text}");
}

#[test]
fn entries_come_from_the_loaded_table() {
    let together = |test| FakeHost::new(test).pair([2, 2], [0x80, 0x80]);
    assert_predicts(&together("none"), false, "kernel 7.3.4 alone, groups 2:");
    let host = together("loaded").module(MODULE, TABLE);
    assert_predicts(
        &host,
        true,
        "acs_quirks_test (loaded), table 0123456789ab, entries 1",
    );
    let text = said(&host, &["predict", "--alone"]);
    assert!(text.contains("The kernel made the same groups."), "{text}");
    host.hook(MODULE, "ineffective");
    let idle = "7.3.4 alone (loaded without effect: acs_quirks_test: the test's), groups 2:";
    assert_predicts(&host, false, idle);
    let withdrawn = TABLE.replace("active", "withdrawn");
    let host = together("withdrawn").module(MODULE, &withdrawn);
    assert_predicts(&host, false, "(loaded), table 0123456789ab, entries 0");
    // Two modules at the same time.
    let host = together("two").module("acs_quirks", "table ba9876543210\n");
    let host = host.module(MODULE, TABLE);
    assert_predicts(
        &host,
        true,
        "acs_quirks (loaded), table ba9876543210, entries 0, and",
    );
}

/// The prediction reads configuration space, as the module does.
#[test]
fn conditions_are_read_from_the_functions() {
    let host = |test, value| {
        let line = format!("acs=SV if=config+0000&0000ffff=0000{value}");
        let table = TABLE.replace("acs=SV", &line);
        let host = FakeHost::new(test).pair([2, 2], [0x80, 0x80]);
        host.module(MODULE, &table)
    };
    assert_predicts(&host("holds", "1234"), true, "entries 1");
    assert_predicts(&host("fails", "1235"), false, "entries 1");
}

/// A module whose table cannot be read makes no claim, and every command says so.
#[test]
fn an_unreadable_table_makes_no_claim() {
    let host = FakeHost::new("silent").pair([2, 2], [0x80, 0x80]);
    let host = host.module(MODULE, TABLE);
    let with_table = "acs_quirks_test (loaded), table 0123456789ab, entries 1";
    assert_predicts(&host, true, with_table);
    fs::remove_dir_all(host.path("sys/kernel/debug")).expect("it is there");
    let unread = "is debugfs mounted?: its entries are ignored here";
    assert_predicts(&host, false, unread);
    for arguments in [
        &["why", "01:00.0"][..],
        &["predict"],
        &["doctor"],
        &["regroup", "01:00.0", "--dry-run"],
    ] {
        let output = acsctl(&host, arguments);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let unread = "acs_quirks_test is loaded, but cannot read";
        assert!(words.contains(unread), "{arguments:?}: {text}");
    }
    let output = acsctl(&host, &["regroup", "01:00.0", "--dry-run"]);
    assert_eq!(output.status.code(), Some(2), "there is no plan");
}

#[test]
fn why_names_the_module_and_who_vouches() {
    let host = |test, module| {
        let host = FakeHost::new(test).pair([2, 3], [0x80, 0x80]);
        host.module(module, TABLE)
    };
    let why = ["why", "01:00.0", "01:00.1"];
    // The text is wrapped, so compare it word by word.
    let words = |host: &FakeHost| {
        let text = said(host, &why);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let unvouched = "the entry test/pair of the module acs_quirks_test says that it is isolated, but no vendor \
                  vouches for that";
    let text = words(&host("tested", MODULE));
    assert!(text.contains(unvouched), "{text}");
    // Another module's entry for the same device changes nothing if it grants too little to count.
    let little = TABLE.replace("acs=SV TB RR CR UF DT", "acs=SV");
    let both = host("both", MODULE).module("acs_quirks", &little);
    let text = words(&both);
    assert!(text.contains(unvouched), "{text}");
    let text = words(&host("vouched", "acs_quirks"));
    let vendor = "the module's entry test/pair isolates it, based on its vendor's statement";
    assert!(text.contains(vendor), "{text}");
}

/// `doctor` prints what the kernel has of a module's entries in both forms.
#[test]
fn doctor_prints_the_entries_that_the_kernel_lacks() {
    let host = FakeHost::new("lacking").pair([2, 3], [0x80, 0x80]);
    let host = host.module("acs_quirks", TABLE);
    host.measured("acs_quirks", "kernel lacks: 1\n");
    let text = said(&host, &["doctor"]);
    let line = "PASS  entries: acs_quirks: on this kernel: 1 entries that it lacks; lacking, for devices \
                of this host: test/pair\n";
    assert!(text.contains(line), "{text}");
    let text = said(&host, &["doctor", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let checks = value["checks"].as_array().expect("it is a list");
    let entries: Vec<_> = checks
        .iter()
        .filter_map(|check| check.get("entries"))
        .collect();
    let expected = serde_json::json!({
        "module": "acs_quirks",
        "lacking": 1,
        "entries": [
            { "number": 1, "name": "test/pair", "kernel": "lacks", "active": true, "on_host": true },
        ],
    });
    assert_eq!(entries, [&expected]);
}
