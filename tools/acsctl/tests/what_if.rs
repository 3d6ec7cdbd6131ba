// SPDX-License-Identifier: GPL-2.0-only

//! What an answer supposes: another kernel, one more entry, an IOMMU that is on; and the parameters
//! that are no way to isolation.

mod common;

use std::{fs, path::Path};

use serde_json::{Value, json};
use topology::{Acs, Hex, Topology};

use common::{
    command::{acme, acsctl, assert_fails, machine, path, printed},
    facts::{adapter, function},
    scratch, tests,
};

const AT: &str = "01:00.0";
const PORT: &str = "0000:00:10.0";
const PAIR: [&str; 2] = ["0000:01:00.0", "0000:01:00.1"];

/// The adapter with the ids of an entry that mainline merged in Linux 6.11, in one group of this
/// kernel.
fn merged_in_6_11(kernel: &str) -> Topology {
    let mut machine = adapter();
    machine.kernel = Some(kernel.to_owned());
    for at in PAIR {
        let one = function(&mut machine, at);
        one.vendor = Hex::id(0x14e4);
        one.device = Some(Hex::id(0x1760));
    }
    machine
}

/// A file with this machine in a test's folder.
fn file(folder: &Path, machine: &Topology) -> String {
    let file = folder.join("machine.json");
    let mut bytes = Vec::new();
    topology::write(machine, &mut bytes).expect("memory suffices");
    fs::write(&file, bytes).expect("it can be written");
    path(&file)
}

/// The JSON of a command on a file, whatever its exit status.
fn ask(command: &[&str], machine: &str, more: &[&str]) -> Value {
    let fixed = ["--format", "json", "--topology", machine];
    let output = acsctl(&[command, &fixed, more].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"))
}

/// The text of a command on a file in one line, whatever its exit status.
fn say(command: &[&str], machine: &str, more: &[&str]) -> String {
    let output = acsctl(&[command, &["--topology", machine], more].concat());
    let text = String::from_utf8(output.stdout).expect("it is text");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The kinds of what the answer supposes.
fn supposed(under: &Value) -> Vec<String> {
    let all = under["supposed"].as_array().expect("it is a list");
    let kinds = all.iter().map(|one| one["what"].as_str());
    kinds
        .map(|kind| kind.expect("it is text").to_owned())
        .collect()
}

/// The kinds of the steps of each alternative.
fn kinds(plan: &Value) -> Value {
    let alternatives = plan["alternatives"].as_array().expect("it is a list");
    let of = |one: &Value| -> Value {
        let steps = one["steps"].as_array().expect("it is a list");
        steps.iter().map(|step| step["what"].clone()).collect()
    };
    alternatives.iter().map(of).collect()
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "\"{part}\" is not in:\n{text}");
    }
}

/// The answers are those of a machine that runs the kernel.
#[test]
fn another_kernel_has_its_own_quirks() {
    let folder = scratch("kernel");
    let machine = file(&folder, &merged_in_6_11("6.1.0-9-amd64"));
    let of = |more: &[&str]| {
        let why = ask(&["why", AT], &machine, more);
        let predict = ask(&["predict"], &machine, more);
        assert_eq!(why["under"], predict["under"]);
        let others = why["others"].as_array().map_or(0, Vec::len);
        let groups = predict["groups"].as_array().map_or(0, Vec::len);
        (others, groups, why["under"].clone())
    };
    // The control: the machine's own kernel lacks the quirk.
    let (others, groups, under) = of(&[]);
    assert_eq!((others, groups), (1, 2));
    assert_eq!(supposed(&under), [""; 0]);
    for (release, others, groups, verified) in [
        ("5.10", 1, 2, "source"),
        ("6.8", 1, 2, "no"),
        ("6.10.99", 1, 2, "no"),
        ("6.11", 0, 3, "no"),
        ("6.12.118+deb13-amd64", 0, 3, "kernel"),
        ("7.0", 0, 3, "source"),
        ("7.3", 0, 3, "kernel"),
        ("99.1", 0, 3, "no"),
    ] {
        let (found, made, under) = of(&["--kernel", release]);
        assert_eq!((found, made), (others, groups), "{release}");
        assert_eq!(supposed(&under), ["kernel"], "{release}");
        assert_eq!(under["verified"], verified, "{release}");
        for command in [&["why", AT][..], &["plan", AT], &["predict"]] {
            let text = say(command, &machine, &["--kernel", release]);
            let instead = "runs instead of kernel 6.1.0-9-amd64";
            assert_says(&text, &[&format!("kernel {release}"), instead]);
            let is_marked = text.contains("unverified");
            assert_eq!(is_marked, verified == "no", "{release}: {text}");
        }
    }
}

/// A plan for another kernel begins with that kernel, and a regroup is no way to its group.
#[test]
fn a_plan_for_another_kernel_boots_it() {
    let folder = scratch("plan-kernel");
    let machine = file(&folder, &merged_in_6_11("6.1.0-9-amd64"));
    let plan = ask(&["plan", AT], &machine, &["--kernel", "6.12"]);
    assert_eq!(plan["outcome"], "possible");
    assert_eq!(kinds(&plan), json!([["kernel"]]));
    assert_eq!(plan["why"]["actual"]["remedy"], Value::Null);
    let text = say(&["plan", AT], &machine, &["--kernel", "6.11"]);
    assert_says(&text, &["1. Boot kernel 6.11 (unverified), as supposed."]);
    // The control: on that kernel, a regroup gives the group.
    let booted = file(&folder, &merged_in_6_11("6.12.1"));
    assert_eq!(
        kinds(&ask(&["plan", AT], &booted, &[])),
        json!([["regroup"]])
    );
    // What the machine's own kernel does not explain, another kernel does not explain either: a card
    // without the port above it, although the port has no ACS.
    let mut odd = merged_in_6_11("6.12.1");
    odd.functions.retain(|one| one.bdf.to_string() != PAIR[1]);
    function(&mut odd, PORT).acs = None;
    for one in &mut odd.functions {
        one.iommu_group = Some(u32::from(one.bdf.bus));
    }
    let odd = file(&folder, &odd);
    for more in [&[][..], &["--kernel", "7.3"]] {
        let plan = ask(&["plan", AT], &odd, more);
        assert_eq!(plan["outcome"], "not-known", "{more:?}");
    }
}

#[test]
fn a_kernel_that_is_none_is_refused() {
    let refused = |kernel: &str, message: &str| {
        for command in [&["why", AT][..], &["plan", AT], &["predict"]] {
            let capture = acme();
            let output = acsctl(&[command, &["--topology", &capture, "--kernel", kernel]].concat());
            assert_fails(&output, 2, message);
        }
    };
    // Enterprise Linux 8 has 4.18: the answer says what it is worth.
    let old = acsctl(&["predict", "--topology", &acme(), "--kernel", "4.18"]);
    assert!(printed(&old).contains("unverified: groups are made by the rules of Linux 5.10"));
    for text in [
        "six",
        "6",
        "6.",
        "6.x",
        "v6.8",
        "6.8 (local)",
        "6.8\u{1b}[0m",
    ] {
        refused(text, "not a release of Linux; write it as 6.8");
    }
    // A supposition does not change the groups that the kernel has made.
    let output = acsctl(&["groups", "--topology", &acme(), "--kernel", "6.8"]);
    assert_fails(&output, 2, "unexpected argument '--kernel'");
}

/// The draft of `acsctl quirk new`, whose questions nobody has answered.
fn draft(folder: &Path, machine: &str) -> String {
    let file = folder.join("other/nic.toml");
    let program = env!("CARGO_BIN_EXE_acsctl");
    let mut command = std::process::Command::new(program);
    let output = command
        .args([
            "quirk",
            "new",
            AT,
            "--name",
            "other/nic",
            "--topology",
            machine,
        ])
        .current_dir(folder)
        .output();
    printed(&output.expect("the command starts"));
    path(&file)
}

#[test]
fn an_unfinished_draft_is_a_hypothesis() {
    let folder = scratch("draft-with");
    let mut topology = adapter();
    for one in &mut topology.functions {
        one.iommu_group = Some(u32::from(one.bdf.bus));
    }
    let machine = file(&folder, &topology);
    let draft = draft(&folder, &machine);
    assert_fails(&acsctl(&["quirk", "check", &draft]), 1, "unanswered");
    // The control: without the draft, the functions share their group.
    let why = ask(&["why", AT], &machine, &[]);
    assert_eq!(why["others"][0]["function"], PAIR[1]);
    let with = ["--with", &draft];
    let why = ask(&["why", AT], &machine, &with);
    assert_eq!(why["others"], json!([]));
    assert_eq!(why["under"]["table"], "with");
    assert_eq!(supposed(&why["under"]), ["entry"]);
    assert_eq!(why["under"]["supposed"][0]["functions"], json!(PAIR));
    assert_eq!(why["actual"]["remedy"], Value::Null);
    let groups = |more: &[&str]| ask(&["predict"], &machine, more)["groups"].clone();
    assert_eq!(groups(&[]), json!([[PORT], PAIR]));
    assert_eq!(groups(&with), json!([[PORT], [PAIR[0]], [PAIR[1]]]));
    for command in [&["why", AT][..], &["plan", AT], &["predict"]] {
        let text = say(command, &machine, &with);
        assert_says(
            &text,
            &[
                "other/nic (status validated)",
                "This is a hypothesis. The file names no ACS flags yet; those that grouping asks for are supposed",
                "The entry is not finished: \"acsctl quirk check\" finds faults",
            ],
        );
    }
    let plan = ask(&["plan", AT], &machine, &with);
    assert_eq!(plan["outcome"], "needs-statement");
    assert_eq!(kinds(&plan), json!([["statement", "regroup"]]));
    assert_eq!(
        plan["alternatives"][0]["steps"][0]["entries"],
        json!(["other/nic"])
    );
    let text = say(&["plan", AT], &machine, &with);
    assert_says(
        &text,
        &["Hypothesis: the claim of the entry other/nic holds for 0000:01:00.0 0000:01:00.1."],
    );
    let why = say(&["why", AT], &machine, &with);
    let isolates = "the supposed entry other/nic isolates it, which is a hypothesis";
    assert_says(&why, &[isolates, "It would have a group of its own."]);
}

/// A fault of the claim is an error, and so is a claim that a record contradicts.
#[test]
fn a_claim_that_cannot_be_read_is_not_supposed() {
    let folder = scratch("claim-with");
    let machine = file(&folder, &adapter());
    let draft = draft(&folder, &machine);
    let text = fs::read_to_string(&draft).expect("it is written");
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}: {text}");
        fs::write(&draft, text.replace(from, to)).expect("it can be written");
        acsctl(&["why", AT, "--topology", &machine, "--with", &draft])
    };
    printed(&with("number = ", "number = 1"));
    let fails = |from: &str, to: &str, message: &str| {
        let output = with(from, to);
        assert_fails(&output, 1, message);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!error.contains("unanswered"), "only what matters: {error}");
    };
    fails("\"mf-endpoint\"", "\"card\"", "value-unknown");
    fails("acs = []", "acs = [\"XX\"]", "value-unknown");
    fails("devices = [\"", "devices = [\"x", "value-form");
    fails("\"acee\"", "\"1077\"\nclass = \"x\"", "value-form");
    // QLogic's entry 1077:8030 was rejected.
    fails(
        "vendor = \"acee\"",
        "vendor = \"1077\"\ndevices = [\"8030\"]\n\n[[match]]\nvendor = \"acee\"",
        "refused",
    );
    // What does not cover the whole device isolates nothing, and the answer says so.
    let half = with("\"0120\"]", "\"01ff\"]");
    let text = String::from_utf8_lossy(&half.stdout)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert_says(
        &text,
        &["It isolates no function here", "It would share its group"],
    );
}

/// An entry that the module has is no hypothesis.
#[test]
fn an_entry_with_evidence_is_no_hypothesis() {
    let quirks = path(&tests().join("accepted"));
    let with = ["--with", "acme/nic", "--quirks", &quirks];
    let plan = ask(&["plan", AT], &acme(), &with);
    assert_eq!(plan["outcome"], "possible");
    assert_eq!(kinds(&plan), json!([["module", "regroup"]]));
    let text = say(&["plan", AT], &acme(), &with);
    assert_says(&text, &["Supposed: a loaded module has the entry acme/nic"]);
    assert!(!text.contains("ypothesis"), "{text}");
}

/// Without an IOMMU, the answer is that of a boot with one, and says which ACS the kernel enables.
#[test]
fn an_iommu_that_is_off_is_supposed_to_be_on() {
    let folder = scratch("iommu");
    let mut topology = merged_in_6_11("6.12.1");
    topology.iommu = None;
    for one in &mut topology.functions {
        one.iommu_group = None;
    }
    let mut with_port = |ctl: u16, group: Option<u32>| {
        let port = function(&mut topology, PORT);
        port.acs = Some(Acs {
            cap: Some(0x5f),
            ctl: Some(ctl),
            dword8: None,
        });
        for one in &mut topology.functions {
            one.iommu_group = group;
        }
        let machine = file(&folder, &topology);
        let why = ask(&["why", AT], &machine, &[]);
        let (text, planned) = (
            say(&["why", AT], &machine, &[]),
            ask(&["plan", AT], &machine, &[]),
        );
        (why, text, planned)
    };
    let (why, text, plan) = with_port(0, None);
    assert_eq!(supposed(&why["under"]), ["iommu"]);
    assert_eq!(why["under"]["supposed"][0]["functions"], json!([PORT]));
    assert_eq!(why["others"], json!([]));
    assert_says(
        &text,
        &[
            "This machine uses no IOMMU",
            "It would have a group of its own.",
        ],
    );
    assert_eq!(kinds(&plan), json!([["kernel-setting"]]));
    // The input may lack the groups: a control that is on shows that the kernel uses an IOMMU.
    let (why, text, _) = with_port(0x1d, None);
    assert_eq!(supposed(&why["under"]), ["iommu-unseen"]);
    assert_eq!(why["under"]["supposed"][0]["functions"], json!([]));
    assert_says(&text, &["or the input does not list groups"]);
    assert_says(&text, &["the groups that kernel 6.12.1 "]);
    // The control: with groups, nothing is supposed, and ACS that is off is off.
    let (why, _, _) = with_port(0, Some(0));
    assert_eq!(supposed(&why["under"]), [""; 0]);
    assert_eq!(why["others"][0]["function"], PORT);
    // The input may not name the kernel.
    for one in &mut topology.functions {
        one.iommu_group = None;
    }
    topology.kernel = None;
    let text = say(&["why", AT], &file(&folder, &topology), &[]);
    assert_says(&text, &["the groups that the kernel alone would make"]);
}

/// Some Intel ports have their ACS controls where a quirk of the kernel looks. The kernel enables them
/// with the others.
#[test]
fn an_iommu_that_is_on_enables_the_acs_of_intel_ports() {
    let folder = scratch("spt");
    let others = |group: Option<u32>, dword8: u32| {
        let mut topology = merged_in_6_11("6.12.1");
        topology.iommu = None;
        let port = function(&mut topology, PORT);
        port.vendor = Hex::id(0x8086);
        port.device = Some(Hex::id(0xa110));
        port.acs = Some(Acs {
            cap: Some(0x1d),
            ctl: Some(0),
            dword8: Some(dword8),
        });
        for one in &mut topology.functions {
            one.iommu_group = group;
        }
        let why = ask(&["why", AT], &file(&folder, &topology), &[]);
        why["others"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(others(None, 0), 0);
    // The control: with an IOMMU, the controls are what they are.
    assert_eq!(others(Some(0), 0), 2);
    assert_eq!(others(Some(0), 0x1d), 0);
}

/// The parameters that split without isolating are dangers, with what they would do.
#[test]
fn parameters_are_no_way_to_isolation() {
    let gigabyte = machine("gigabyte-technology-co-ltd-x570-aorus-master-ffd0c3");
    let plan = ask(&["plan", "07:00.1"], &gigabyte, &[]);
    let ways = plan["false_ways"].as_array().expect("it is a list");
    let of = |parameter: &str| {
        let mut found = ways.iter().filter(|one| {
            one["parameter"]
                .as_str()
                .is_some_and(|it| it.starts_with(parameter))
        });
        found.next().expect("it is listed")
    };
    let patch = of("pcie_acs_override=");
    assert_eq!(patch["separates"], json!(["0000:07:00.0", "0000:07:00.3"]));
    assert_eq!(of("pci=config_acs=")["separates"], json!([]));
    let text = say(&["plan", "07:00.1"], &gigabyte, &[]);
    assert_says(
        &text,
        &[
            "What does not isolate The patch behind pcie_acs_override= would split this group, and isolates nothing",
            "With pcie_acs_override=downstream,multifunction, 0000:07:00.1 would leave 0000:07:00.0 0000:07:00.3",
            "pci=config_acs= does not split this group",
            "can take isolation away",
        ],
    );
    // A way that isolates does not make the others safe.
    let folder = scratch("false");
    let old = file(&folder, &merged_in_6_11("6.1"));
    let plan = ask(&["plan", AT], &old, &[]);
    assert_eq!(plan["outcome"], "possible");
    assert_eq!(plan["false_ways"][0]["separates"], json!([PAIR[1]]));
    assert_eq!(plan["dangers"].as_array().map(Vec::len), Some(2));
    // The control: the patch does not answer for a function with an ACS capability.
    let mut acs = merged_in_6_11("6.1");
    for at in PAIR {
        function(&mut acs, at).acs = Some(Acs {
            cap: Some(0x1d),
            ctl: Some(0),
            dword8: None,
        });
    }
    let acs = file(&folder, &acs);
    let plan = ask(&["plan", AT], &acs, &[]);
    assert_eq!(plan["false_ways"], json!([]));
    assert_eq!(plan["dangers"], json!([]));
}

/// A parameter that switches ACS off joins the function with what is beside its port.
#[test]
fn switching_redirection_off_joins_devices() {
    let folder = scratch("redirect");
    let mut topology = merged_in_6_11("6.1");
    // A single-function device below a second function of the port's device.
    let port = function(&mut topology, PORT);
    port.multifunction = Some(true);
    let mut second = port.clone();
    second.bdf = "0000:00:10.1".parse().expect("it is an address");
    (second.secondary, second.subordinate) = (Some(2), Some(2));
    let mut card = function(&mut topology, PAIR[0]).clone();
    card.bdf = "0000:02:00.0".parse().expect("it is an address");
    card.multifunction = Some(false);
    second.acs = None;
    topology.functions.extend([second, card]);
    for one in &mut topology.functions {
        one.iommu_group = Some(u32::from(one.bdf.bus) + 1);
    }
    let machine = file(&folder, &topology);
    let plan = ask(&["plan", AT], &machine, &[]);
    let ways = plan["false_ways"].as_array().expect("it is a list");
    let last = ways.last().expect("it is listed");
    assert_eq!(last["parameter"], "pci=disable_acs_redir=");
    assert_eq!(last["joins"], json!(["0000:02:00.0"]), "{plan}");
    let text = say(&["plan", AT], &machine, &[]);
    assert_says(&text, &["0000:02:00.0 would join the group"]);
    // The same without an IOMMU now, whose kernel enables ACS at boot.
    for one in &mut topology.functions {
        one.iommu_group = None;
        if let Some(acs) = &mut one.acs {
            acs.ctl = Some(0);
        }
    }
    let plan = ask(&["plan", AT], &file(&folder, &topology), &[]);
    assert_eq!(plan["false_ways"][2]["joins"], json!(["0000:02:00.0"]));
}
