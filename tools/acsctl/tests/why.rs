// SPDX-License-Identifier: GPL-2.0-only

//! Explanations of shared groups: on recorded machines, the answer that an expert would give, and
//! whether the proposed changes work.

mod common;

use acsctl::{
    host::HostView,
    why::{Answer, explain},
};
use quirk_data::{
    edition::Edition,
    entry::{Entry, Mainline, Status},
    folder::{self, Scope},
};
use rules::limits::Class;
use serde_json::Value;
use topology::{Acs, Hex, Removable, Topology, names::Names};

use common::{
    accepted,
    facts::{adapter, bdf, own, recorded, sound},
    machines, root, tests,
};

fn ask(machine: &Topology, entries: &[Entry], at: &str, other: Option<&str>) -> Answer {
    let machine = HostView::of(machine, entries, None);
    let other = other.map(bdf);
    explain(&machine, bdf(at), other, &Names::default()).expect("the function is there")
}

/// The text in one line, without colours.
fn line(answer: &Answer) -> String {
    let plain = anstream::adapter::strip_str(&answer.text()).to_string();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.json().expect("it has a JSON form")).expect("it is JSON")
}

#[track_caller]
fn assert_says(answer: &Answer, parts: &[&str]) {
    let line = line(answer);
    for part in parts {
        assert!(
            line.contains(part),
            "\"{part}\" is not in:\n{}",
            answer.text()
        );
    }
}

#[track_caller]
fn assert_not_said(answer: &Answer, part: &str) {
    assert!(
        !line(answer).contains(part),
        "\"{part}\" is in:\n{}",
        answer.text()
    );
}

/// Two USB controllers of one chip seem to be the cause, but the chipset's port above them comes
/// first.
#[test]
fn a_chipset_port_without_acs_is_named() {
    let machine = recorded("lambda-lambda-vector-0d658f");
    let answer = ask(&machine, &own(), "0000:2c:00.1", None);
    assert_says(
        &answer,
        &[
            "virtual machine, or leave them without a driver: 0000:2c:00.0 0000:2c:00.3.",
            "0000:22:08.0 PCI bridge: vendor 1022 [1022:57a4] (stays with the host)",
            "1. As far as the kernel knows, requests from below 0000:22:08.0 may turn around there",
            "0000:22:08.0 (Downstream Port, vendor 1022 [1022:57a4]): it has no ACS capability",
            "pci_acs_path_enabled() in the kernel",
            "each of these devices must count as isolated: * 0000:22:08.0:",
            "acsctl quirk new 0000:22:08.0 drafts an entry",
        ],
    );
    assert_not_said(&answer, "2. ");
    // The ports above that port are isolated, so the answer proposes no entry for them.
    assert_not_said(&answer, "quirk new 0000:20");
}

/// Root ports without ACS join everything below them.
#[test]
fn steps_of_root_ports_without_acs_are_in_order() {
    let machine = recorded("amd-carrizo-laptop-4de9e2");
    let answer = ask(&machine, &own(), "0000:01:00.0", None);
    assert_says(
        &answer,
        &[
            "1. As far as the kernel knows, requests from below 0000:00:02.2 may turn around there",
            "2. 0000:00:02.0 0000:00:02.2 0000:00:02.4 are ports or bridges of one chip",
            "3. As far as the kernel knows, requests from below 0000:00:02.4 may turn around there",
            "0000:00:02.0 (vendor 1022 [1022:157b]): it has no PCI Express capability",
            // An entry would have to cover the host bridge in the same slot.
            "* 0000:00:02.2 0000:00:02.4: - A statement by vendor 1022",
            "The statement would have to become a quirk of the kernel itself",
            "no entry can cover 0000:00:02.0",
        ],
    );
    assert_not_said(&answer, "acsctl quirk new");
}

/// Below a VMD, the properties of the disks do not matter.
#[test]
fn vmd_leads_to_the_firmware_setting() {
    let machine = recorded("acer-predator-helios-neo-16-2f04d2");
    let answer = ask(&machine, &own(), "10000:e1:00.0", None);
    assert_says(
        &answer,
        &[
            "1. 0000:00:0e.0 issues the requests of all functions behind it",
            "pci_real_dma_dev() in the kernel",
            "Disable VMD in the firmware setup",
            "No entry, vendor statement or kernel can separate them.",
        ],
    );
    assert_not_said(&answer, "A statement by");
    let other = ask(&machine, &own(), "10000:e1:00.0", Some("10000:e2:00.0"));
    assert_says(
        &other,
        &["They share a group.", "0000:00:0e.0 issues the requests"],
    );
}

#[test]
fn functions_without_a_pcie_capability_cannot_be_vouched_for() {
    let machine = recorded("notebook-w650dc-dd-95e288");
    let answer = ask(&machine, &own(), "0000:00:1f.3", None);
    assert_says(
        &answer,
        &[
            "0000:00:1f.0 0000:00:1f.2 0000:00:1f.3 0000:00:1f.4 are functions of one device",
            "it has no PCI Express capability, so it cannot have ACS",
            "Only other hardware can, or a quirk of the kernel itself",
        ],
    );
    assert_not_said(&answer, "another slot");
    assert_not_said(&answer, "A statement by");
}

/// A graphics card and its audio function: nothing is wrong, and the answer says that both are
/// passed through together.
#[test]
fn functions_of_a_card_are_passed_through_together() {
    let machine = recorded("lenovo-2325kz5-dc5a79");
    let answer = ask(&machine, &own(), "0000:04:00.0", None);
    assert_says(
        &answer,
        &[
            "virtual machine, or leave them without a driver: 0000:04:00.1.",
            "A statement by vendor 10de that these functions cannot reach each other",
        ],
    );
    assert_not_said(&answer, "from other devices");
    let apart = ask(&machine, &own(), "0000:04:00.0", Some("0000:03:00.0"));
    assert_says(
        &apart,
        &[
            "They are in different groups.",
            "The paths to the two functions part on bus 0000:00, at 0000:00:1c.2 and 0000:00:1c.1.",
            "the kernel's quirk pci_quirk_intel_pch_acs() says that it is isolated",
        ],
    );
    let port = ask(&machine, &own(), "0000:00:1c.0", None);
    assert_says(&port, &["It has a group of its own."]);
}

/// The previous machine with a kernel older than the quirk for its ports.
#[test]
fn a_newer_kernel_with_a_quirk_is_named() {
    let mut machine = recorded("lenovo-2325kz5-dc5a79");
    machine.kernel = Some("3.10.108".to_owned());
    let answer = ask(&machine, &own(), "0000:04:00.0", None);
    assert_says(
        &answer,
        &[
            "0000:00:1c.0 0000:00:1c.1 0000:00:1c.2 are ports or bridges of one chip",
            "To separate 0000:04:00.0 from other devices, this device must count as isolated: \
             * 0000:00:1c.0 0000:00:1c.1 0000:00:1c.2: - Use Linux 3.15 or newer: it has a quirk",
            // The machine was recorded with a newer kernel.
            "Its group is now 0000:04:00.0 0000:04:00.1, and ",
        ],
    );
    assert_eq!(json(&answer)["changes"][0]["goal"], "other-devices");
}

fn acme() -> Topology {
    let file = tests().join("accepted/acme/nic.capture.json");
    topology::read(&file).expect("it is a capture")
}

fn changed(at: &str, change: impl FnOnce(&mut topology::Function)) -> Topology {
    let mut machine = acme();
    let mut functions = machine.functions.iter_mut();
    change(
        functions
            .find(|one| one.bdf == bdf(at))
            .expect("it is there"),
    );
    machine
}

#[test]
fn an_entry_that_exists_is_named() {
    let entries = folder::check(&accepted(), Scope::now(None)).expect("they have no fault");
    let answer = ask(&acme(), &entries, "0000:01:00.0", None);
    let module = "The module acs_quirks has an entry for it, acme/nic. Load the module";
    assert_says(&answer, &[module]);
    assert_not_said(&answer, "A statement by");
    // The control: if the entry does not count, the answer says why.
    let foreign = changed("0000:01:00.1", |one| one.device = Some(Hex::id(0x0121)));
    let answer = ask(&foreign, &entries, "0000:01:00.0", None);
    assert_says(
        &answer,
        &[
            "There is an entry for it, acme/nic, but it does not count here: the entry does not cover 00.1",
        ],
    );
    assert_not_said(&answer, module);
}

#[test]
fn a_loaded_entry_is_the_reason() {
    let entries = folder::check(&accepted(), Scope::now(None)).expect("they have no fault");
    let topology = acme();
    let machine = HostView::of(&topology, &entries, Some(Edition::Validated));
    let answer = explain(&machine, bdf("0000:01:00.0"), None, &Names::default());
    let answer = answer.expect("it is there");
    assert_says(
        &answer,
        &[
            "It would have a group of its own.",
            "the module's entry acme/nic isolates it",
        ],
    );
}

#[test]
fn a_rejected_entry_is_shown_with_its_reason() {
    let refused = |device| {
        let one = |one: &mut topology::Function| {
            one.vendor = Hex::id(0x8086);
            one.device = Some(Hex::id(device));
        };
        let mut machine = changed("0000:01:00.0", one);
        machine
            .functions
            .iter_mut()
            .filter(|it| it.bdf == bdf("0000:01:00.1"))
            .for_each(one);
        machine
    };
    let answer = ask(&refused(0x1572), &own(), "0000:01:00.0", None);
    assert_says(
        &answer,
        &["An entry for 8086:1572 was rejected (intel/fortville)"],
    );
    assert_not_said(&answer, "A statement by");
    let answer = ask(&refused(0x1571), &own(), "0000:01:00.0", None);
    assert_says(&answer, &["A statement by vendor 8086"]);
}

#[test]
fn registers_that_are_off_are_named_bit_by_bit() {
    let off = |one: &mut topology::Function| {
        one.acs = Some(Acs {
            cap: Some(0x1d),
            ctl: Some(0x11),
            dword8: None,
        });
    };
    let machine = changed("0000:00:10.0", off);
    let answer = ask(&machine, &own(), "0000:01:00.0", None);
    assert_says(
        &answer,
        &[
            "it has an ACS capability, but these controls are disabled: Request Redirect, Completion Redirect \
             (RR CR)",
            "pci=disable_acs_redir=",
        ],
    );
}

/// The control: with other ids, the port is not known to have an ACS capability elsewhere.
#[test]
fn hidden_acs_leads_to_the_firmware_setting() {
    let port = |device| {
        changed("0000:00:10.0", |port| {
            port.acs = None;
            port.vendor = Hex::id(0x1022);
            port.device = Some(Hex::id(device));
        })
    };
    let answer = ask(&port(0x1483), &own(), "0000:01:00.0", Some("0000:00:10.0"));
    let says = "On other machines, this port (1022:1483) shows an ACS capability";
    assert_says(&answer, &[says]);
    let answer = ask(&port(0x7777), &own(), "0000:01:00.0", Some("0000:00:10.0"));
    assert_not_said(&answer, "On other machines");
}

#[test]
fn a_removable_device_gets_no_remedy() {
    let machine = changed("0000:00:10.0", |port| {
        port.removable = Some(Removable::Removable);
    });
    let answer = ask(&machine, &own(), "0000:01:00.0", None);
    assert_says(&answer, &["The module makes no claim for them"]);
    assert_not_said(&answer, "A statement by");
}

#[test]
fn unread_registers_give_no_reason() {
    let mut machine = acme();
    for function in &mut machine.functions {
        function.pcie_known = false;
        function.pcie_type = None;
        function.acs_known = false;
        function.acs = None;
    }
    let answer = ask(&machine, &own(), "0000:01:00.0", None);
    assert!(!answer.is_known());
    assert_says(&answer, &["The reason is not known", "0000:01:00.1"]);
    assert_not_said(&answer, "functions of one device");
    assert_eq!(json(&answer)["steps"], Value::Array(Vec::new()));
    // Only the ACS capability could not be read.
    let machine = changed("0000:01:00.0", |one| one.acs_known = false);
    let answer = ask(&machine, &own(), "0000:01:00.0", None);
    assert_says(
        &answer,
        &[
            "it is not known whether it has an ACS capability; it is assumed to have none",
            "Capture this machine as root",
        ],
    );
}

#[test]
fn a_differing_group_is_reported() {
    let mut machine = acme();
    for (number, function) in (0..).zip(&mut machine.functions) {
        function.iommu_group = Some(number);
    }
    let answer = ask(&machine, &own(), "0000:01:00.0", None);
    assert_says(
        &answer,
        &[
            "Its group is now 0000:01:00.0, and ",
            "such groups protect nothing",
        ],
    );
    // A regroup would not help: the kernel would make a larger group.
    assert_eq!(json(&answer)["actual"]["remedy"], Value::Null);
    machine.acs_override = Some("downstream,multifunction".to_owned());
    let answer = ask(&machine, &own(), "0000:01:00.0", None);
    assert_says(&answer, &["pcie_acs_override=downstream,multifunction"]);
}

/// A group that the kernel made before ACS was switched on.
#[test]
fn a_group_that_a_regroup_would_split_comes_with_the_command() {
    let mut machine = recorded("lenovo-2325kz5-dc5a79");
    let computed = ask(&machine, &own(), "0000:04:00.0", None);
    assert_eq!(json(&computed)["actual"]["remedy"], Value::Null);
    for function in &mut machine.functions {
        function.iommu_group = function.iommu_group.map(|_| 0);
    }
    machine.kernel = Some("6.12.80".to_owned());
    let answer = ask(&machine, &own(), "0000:04:00.0", None);
    assert_says(
        &answer,
        &[
            "6.12.80 enables it afterwards",
            "\"acsctl regroup 0000:04:00.0\" has the kernel group the device again, without a reboot.",
            "It would share its group with",
        ],
    );
    assert_eq!(json(&answer)["actual"]["remedy"]["what"], "regroup");
    // Ports are regrouped with the devices below them.
    let port = ask(&machine, &own(), "0000:00:1c.0", None);
    assert_eq!(json(&port)["actual"]["remedy"], Value::Null);
}

/// A capture may come from an untrusted source.
#[test]
fn text_from_a_file_cannot_control_the_terminal() {
    let mut machine = acme();
    machine.kernel = Some("7.3.4\u{1b}]0;owned\u{7}".to_owned());
    let kind = topology::Port::Unknown("\u{1b}[2J".to_owned());
    machine.functions[1].pcie_type = Some(kind);
    let answer = ask(&machine, &own(), "0000:01:00.1", None);
    let plain = anstream::adapter::strip_str(&answer.text()).to_string();
    assert!(!answer.text().contains("\u{1b}]") && !answer.text().contains("\u{1b}[2J"));
    assert!(!plain.contains('\u{7}'));
}

/// For every function of every recorded machine: each step names the functions that cause it, and
/// what they lack.
#[test]
fn every_function_of_every_machine_is_explained() {
    let entries = own();
    let names = Names::default();
    let (mut explained, mut shared) = (0, 0);
    for (folder, step) in [
        ("tests/topologies", 1),
        // Further machines, if they are present.
        ("../shared/data/topologies", 2),
        ("../shared/data/topologies/boot-log", 5),
    ] {
        for topology in machines(&root().join(folder)) {
            let machine = HostView::of(&topology, &entries, None);
            for function in topology.functions.iter().step_by(step) {
                let id = topology.id.as_deref().unwrap_or_default();
                let at = function.bdf;
                let answer = explain(&machine, at, None, &names).expect("it is there");
                assert!(!answer.text().is_empty());
                let json = json(&answer);
                let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
                explained += 1;
                if !answer.is_known() {
                    continue;
                }
                let with = list(&json, "others").len();
                shared += usize::from(with > 0);
                let steps = list(&json, "steps");
                assert_eq!(steps.is_empty(), with == 0, "{id} {at}");
                // Every member except the first joined the group by a step.
                let joined: usize = steps.iter().map(|step| list(step, "joined").len()).sum();
                assert_eq!(joined, with, "{id} {at}");
                for step in &steps {
                    let by_isolation = matches!(
                        step["kind"].as_str(),
                        Some("path-not-isolated" | "same-slot")
                    );
                    let because = list(step, "because");
                    assert_eq!(by_isolation, !because.is_empty(), "{id} {at}");
                    assert!(because.iter().all(|one| one["isolated"] == false));
                }
                for change in list(&json, "changes") {
                    let needs = list(&change, "needs");
                    assert_eq!(change["possible"] == true, !needs.is_empty(), "{id} {at}");
                    let or = list(&change, "alternatives");
                    assert!(!needs.is_empty() || !or.is_empty(), "{id} {at}");
                    for need in needs {
                        assert!(!list(&need, "remedies").is_empty(), "{id} {at}: {need}");
                        assert!(!list(&need, "functions").is_empty(), "{id} {at}: {need}");
                    }
                }
            }
        }
    }
    println!("functions explained: {explained}, of which in shared groups: {shared}");
    assert!(explained > 300 && shared > 50);
}

fn entry<'e>(entries: &'e mut [Entry], name: &str) -> &'e mut Entry {
    let mut entries = entries.iter_mut();
    entries
        .find(|entry| entry.name == name)
        .expect("it is accepted")
}

#[test]
fn statements_against_isolation_are_named() {
    let mut entries = sound();
    let stated = "as B. Reporter, of no relation to Acme stated on 2025-06-30, hearsay:";
    let other_class = ask(&adapter(), &entries, "0000:01:00.0", None);
    assert!(
        !line(&other_class).contains(stated),
        "{}",
        line(&other_class)
    );
    entry(&mut entries, "acme/loops").devices[0].limits.class = Some(Class::Subclass(0x0200));
    let answer = ask(&adapter(), &entries, "0000:01:00.0", None);
    assert_says(
        &answer,
        &[stated, "https://example.org/report (acme/loops)"],
    );
}

/// What mainline removed, no module has, and its statement is on record. Control: of a device that no entry lists, none
/// is on record.
#[test]
fn a_quirk_that_mainline_removed_is_named_with_its_statement() {
    let missing = "no such statement is on record";
    let mut entries = sound();
    let removed = entry(&mut entries, "acme/nic");
    removed.status = Status::Mainline;
    removed.mainline = Some(Mainline {
        since: Some("v5.0".to_owned()),
        until: Some("v5.2".to_owned()),
        commit: None,
        handler: "pci_quirk_acme_acs".to_owned(),
        any_type: false,
        not_expressed: None,
    });
    let answer = ask(&adapter(), &entries, "0000:01:00.0", None);
    assert_says(
        &answer,
        &[
            "Mainline removed its quirk for acee:0100 in Linux 5.2 (acme/nic), and no module has it. The statement \
             is on record: A. Engineer, Acme stated on 2024-02-29: \"Functions of",
        ],
    );
    assert_not_said(&answer, missing);
    entries.retain(|entry| entry.name != "acme/nic");
    assert_says(&ask(&adapter(), &entries, "0000:01:00.0", None), &[missing]);
}

/// A kernel goes on to grant what mainline has merged, also when the statement is withdrawn.
#[test]
fn a_withdrawn_quirk_of_the_kernel_is_not_relied_on() {
    let mut entries = sound();
    let merged = entry(&mut entries, "acme/nic");
    merged.status = Status::Mainline;
    merged.mainline = Some(Mainline {
        since: Some("v5.0".to_owned()),
        until: None,
        commit: None,
        handler: "pci_quirk_acme_acs".to_owned(),
        any_type: false,
        not_expressed: None,
    });
    let warning = "although its entry acme/nic is withdrawn: do not rely on it";
    let both = |entries: &[Entry]| ask(&adapter(), entries, "0000:01:00.0", Some("0000:01:00.1"));
    let merged = both(&entries);
    assert_says(&merged, &["pci_quirk_acme_acs() says that it is isolated"]);
    assert!(!line(&merged).contains(warning), "{}", line(&merged));
    entry(&mut entries, "acme/nic").status = Status::Withdrawn;
    assert_says(&both(&entries), &[warning]);
}
